package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/pflag"
)

// run runs a session to its end, says what it leaves, and turns that into the
// command's error. lines has seen what failed, whatever front shows.
func (p *Process) run(ctx context.Context, cfg session.Config, front session.Front, lines *printer, failOnError bool) error {
	p.hide(cfg.Secret)
	log, err := cfg.Dir.OpenLog(func(s string) string { return p.hidden.mask(event.MaskText(s)) })
	if err != nil {
		return err
	}
	defer log.Close()
	cfg.Log = log.Logger
	defer logStacks(ctx, log.Logger)()
	if shown, ok := front.(*screen); ok {
		shown.log = log.Logger
	}
	var sum session.Summary
	err = p.untilClosed(ctx, func(ctx context.Context) error {
		sum, err = session.Run(ctx, cfg, front)
		return err
	})
	appEnded := err != nil
	if err = appStatus(err); err == nil {
		err = lines.unmet(appEnded)
	}
	if err == nil || onlyClosedOutput(err) || sum.Happened() {
		p.tell("%s", lastLine(sum))
	}
	if sum.Left != "" || sum.Doubt {
		return errors.Join(err, withHint(errors.New("a webhook may be left on your account"), "hf-tap webhooks prune"))
	}
	if err == nil && failOnError {
		return lines.failure()
	}
	return err
}

// appStatus makes the app's exit status that of this program.
func appStatus(err error) error {
	var ended *session.AppError
	if !errors.As(err, &ended) {
		return err
	}
	if ended.Code == 0 && ended.Err == nil && only(err, func(err error) bool { return err == error(ended) }) {
		return nil
	}
	code := ended.Code
	if code <= 0 || code > 255 {
		code = exitFailed
	}
	return &hinted{err, "see what it printed; start it again with the same command", code}
}

// stacksError is why a context ends that SIGQUIT has ended: as context.Canceled,
// with the stacks of all goroutines at that moment.
type stacksError struct {
	signal os.Signal
	stacks string
}

func (e *stacksError) Error() string        { return e.signal.String() }
func (e *stacksError) Is(target error) bool { return target == context.Canceled }

// Interrupt is why the context ends that a signal ends. At SIGQUIT Go programs show
// their stacks and end on the spot; a session ends in order, and they go to its log.
func Interrupt(s os.Signal) error {
	if s != syscall.SIGQUIT {
		return context.Canceled
	}
	const most = 16 << 20
	stacks := make([]byte, 64<<10)
	for {
		n := runtime.Stack(stacks, true)
		if n < len(stacks) || n >= most {
			return &stacksError{s, string(stacks[:n])}
		}
		stacks = make([]byte, 2*n)
	}
}

// logStacks writes the stacks to the log when ctx ends with some, at once: the
// session may be stuck. The function that it returns waits for that.
func logStacks(ctx context.Context, log *slog.Logger) (wait func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		var quit *stacksError
		if errors.As(context.Cause(ctx), &quit) {
			log.Error("signal", "name", quit.signal, "stacks", quit.stacks)
		}
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// untilClosed calls do with a context that ends also when nobody reads the
// output any more.
func (p *Process) untilClosed(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		watchPipe(ctx, p.Out, func() { cancel(errClosedOutput) })
	}()
	defer func() {
		cancel(nil)
		<-watched
	}()
	return do(ctx)
}

// directTransport carries requests to this machine, past every proxy.
func directTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	return t
}

// lastLine says what a session leaves: on the account, and in the history.
func lastLine(sum session.Summary) string {
	var parts []string
	for _, id := range sum.Deleted {
		parts = append(parts, fmt.Sprintf("webhook %s deleted", id))
	}
	for _, id := range sum.Enabled {
		parts = append(parts, fmt.Sprintf("webhook %s enabled again", id))
	}
	switch {
	case sum.Left != "":
		parts = append(parts, fmt.Sprintf("webhook %s NOT deleted", sum.Left))
	case sum.Doubt:
		parts = append(parts, "the Hub never said whether it made the webhook: the next start looks again")
	case sum.ByHand != "":
		parts = append(parts, "the webhook that you made by hand is yours to delete: "+sum.ByHand)
	case len(sum.Deleted) == 0:
		parts = append(parts, "no webhook is left")
	}
	parts = append(parts, count(sum.Kept, "event")+" kept")
	if sum.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed: hf-tap events replay --failed --session %s", sum.Failed, sum.ID))
	}
	if sum.Pending > 0 {
		parts = append(parts, fmt.Sprintf("%d never handed over: hf-tap events replay --pending --session %s", sum.Pending, sum.ID))
	}
	return strings.Join(parts, " · ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// secretFlags say which secret webhooks carry.
type secretFlags struct {
	file  string
	renew bool
}

func (f *secretFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.file, "secret-file", "", "take the webhook's secret from this file")
	fs.BoolVar(&f.renew, "new-secret", false, "make a new secret and keep it from now on")
}

// check reports flags that contradict each other or the environment. It changes
// nothing.
func (f *secretFlags) check(p *Process) error {
	switch {
	case f.renew && f.file != "":
		return usageError(errors.New("--new-secret changes the secret that this machine keeps, and --secret-file names another"), "leave one of them out")
	case f.renew && p.Getenv("WEBHOOK_SECRET") != "":
		return usageError(errors.New("--new-secret changes the secret that this machine keeps, and WEBHOOK_SECRET is set to another"), "unset WEBHOOK_SECRET")
	}
	return nil
}

// find gives the secret, the first that is there: the file, WEBHOOK_SECRET, the
// one that this machine keeps.
func (f *secretFlags) find(p *Process, dir session.Dir) (string, error) {
	if err := f.check(p); err != nil {
		return "", err
	}
	env := p.Getenv("WEBHOOK_SECRET")
	switch {
	case f.file != "":
		secret, err := session.ReadSecretFile(f.file)
		if errors.Is(err, os.ErrNotExist) {
			err = withHint(err, "hf-tap secret > "+f.file)
		}
		return secret, err
	case env != "":
		if err := session.CheckSecret(env); err != nil {
			return "", fmt.Errorf("WEBHOOK_SECRET: %w", err)
		}
		return env, nil
	}
	return dir.Secret(f.renew)
}
