//go:build live

package hub_test

import (
	"context"
	"os"
	"os/signal"
	"testing"
	"time"
)

// TestTheRealHub asks a Hub what its documentation leaves open, and prints what
// it did. docs/live.md has how to run it. Ctrl+C ends it early; what it created
// is deleted all the same.
func TestTheRealHub(t *testing.T) {
	token := os.Getenv("HF_TAP_LIVE_TOKEN")
	if token == "" {
		t.Skip("HF_TAP_LIVE_TOKEN is not set")
	}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	defer stop()
	// Below the time after which "go test" ends a test without its clean-up.
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	p := &probe{endpoint: os.Getenv("HF_ENDPOINT"), token: token, readToken: os.Getenv("HF_TAP_LIVE_READ_TOKEN"), out: os.Stdout}
	if err := p.run(ctx); err != nil {
		t.Fatal(err)
	}
}
