// Command hf-tap brings Hugging Face Hub webhooks to the developer's machine:
//
//	internet ── tunnel ──► receiver ──► history ──► tui, or lines of text, or JSON
//	              │ URL       └──► targets: your app over HTTP, a command, a Go function
//	              ▼
//	             hub          create ► re-point ► delete the webhook
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hf-tap/hf-tap/internal/cli"
	"github.com/hf-tap/hf-tap/internal/process"
)

// version is set by the release build.
var version = "devel"

// echo is how long after a signal the same one may come from somebody else. No
// person presses Ctrl+C twice as fast and means it.
const echo = 500 * time.Millisecond

func main() {
	if process.Supervising() { // of the app behind --
		os.Exit(process.Supervise())
	}
	log.SetFlags(0) // the file has times of its own
	log.SetOutput(cli.LibrariesLog(os.Getenv))
	// A write to a closed pipe would kill the process before it has deleted its
	// webhook; ignored, the write fails and the session ends in order.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup, which wants to outlive its terminal
		signal.Notify(signals, syscall.SIGHUP)
	}
	if !signal.Ignored(syscall.SIGQUIT) {
		signal.Notify(signals, syscall.SIGQUIT)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		cancel(cli.Interrupt(<-signals))
		first := time.Now()
		for again := range signals {
			// A second one leaves at once, and the next start cleans up. But a
			// terminal that closes hangs up twice: its shell does, and the kernel.
			// And what runs this program (timeout, npm, a container's init) passes
			// on what it has got from the terminal as well.
			if again != syscall.SIGHUP && time.Since(first) > echo {
				os.Exit(130)
			}
		}
	}()
	os.Exit(cli.Main(ctx, cli.ThisProcess(version), os.Args[1:]))
}
