//go:build !unix

package webhooks_test

import "time"

// processTime is not measured here.
func processTime() time.Duration { return 0 }
