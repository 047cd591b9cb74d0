//go:build unix

package webhooks_test

import (
	"os"
	"syscall"
)

// stopSignals are how people and platforms stop a program.
var stopSignals = map[string]os.Signal{"Ctrl+C": os.Interrupt, "SIGTERM": syscall.SIGTERM}
