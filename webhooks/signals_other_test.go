//go:build !unix

package webhooks_test

import "os"

// stopSignals is empty: no process can send another one these signals here.
var stopSignals = map[string]os.Signal{}
