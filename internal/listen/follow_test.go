package listen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/session"
)

// triggered runs a session on this machine in which so many events are made up
// before a follower reads them.
func triggered(t *testing.T, events int, front session.Front) {
	t.Helper()
	dir := session.Dir(t.TempDir())
	if err := dir.Make(); err != nil {
		t.Fatal(err)
	}
	_, err := session.Run(t.Context(), session.Config{Dir: dir, NoWebhook: true, Local: true, Secret: "s3cret", Tunnel: session.TunnelConfig{HubURL: "http://127.0.0.1:1"}},
		frontFuncs{
			run: func(ctx context.Context, live *session.Live) error {
				for range events {
					if _, err := live.Trigger(ctx, "repo.update", hub.Repo{Type: "model", Name: "me/m"}); err != nil {
						return err
					}
				}
				if err := live.Flush(ctx); err != nil {
					return err
				}
				return front.Run(ctx, live)
			},
			last: front.Last,
		})
	if err != nil {
		t.Fatal(err)
	}
}

// frontFuncs is a front end made of funcs.
type frontFuncs struct {
	run, last func(context.Context, *session.Live) error
}

func (f frontFuncs) Run(ctx context.Context, live *session.Live) error  { return f.run(ctx, live) }
func (f frontFuncs) Last(ctx context.Context, live *session.Live) error { return f.last(ctx, live) }

// A signal may come while a page of changes is being printed: the rest of it is
// printed at the end, and nothing twice.
func TestWhatASignalInterruptsIsPrintedAtTheEnd(t *testing.T) {
	const events = 50
	var out strings.Builder
	f := &follower{printer: lines.NewPrinter(&out, true, nil)}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	f.settled = func(n int64) {
		if n == 20 {
			interrupt()
		}
	}
	triggered(t, events, frontFuncs{
		run: func(_ context.Context, live *session.Live) error {
			if err := f.Run(ctx, live); !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v", err)
			}
			return nil
		},
		last: f.Last,
	})
	if lines := strings.Count(out.String(), "\n"); lines != events || f.seen != events {
		t.Errorf("%d lines were printed and %d events seen, want %d", lines, f.seen, events)
	}
	for n := range events {
		if strings.Count(out.String(), fmt.Sprintf(`"n":%d,`, n+1)) != 1 {
			t.Errorf("event %d is not printed once", n+1)
		}
	}
}

// The screen shows events by itself: its follower prints nothing, and counts the
// same.
func TestAFollowerWithoutAPrinterEndsTheSessionAllTheSame(t *testing.T) {
	until, err := filter.Parse("kind:repo.update")
	if err != nil {
		t.Fatal(err)
	}
	for name, stop := range map[string]Stop{"count": {Count: 3}, "until": {Until: until}} {
		f := &follower{stop: stop}
		triggered(t, 3, f)
		if err := f.unmet(false); err != nil || !f.done {
			t.Errorf("%s: %v, done %v", name, err, f.done)
		}
		if err := f.Failure("s"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatWasWantedAndDidNotComeIsAnError(t *testing.T) {
	for _, c := range []struct {
		f        follower
		appEnded bool
		want     error
	}{
		{follower{}, true, nil},
		{follower{stop: Stop{Wait: 1}, late: true}, false, nil}, // nothing was wanted but to wait
		{follower{stop: Stop{Count: 1}, done: true}, true, nil},
		{follower{stop: Stop{Count: 1}, late: true}, false, ErrNotInTime},
		{follower{stop: Stop{Count: 1}}, true, ErrAppEnded},
		{follower{stop: Stop{Count: 1}}, false, nil},
	} {
		if err := c.f.unmet(c.appEnded); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%+v, the app ended %v: %v, want %v", c.f.stop, c.appEnded, err, c.want)
		}
	}
}

func TestATallyIsOfTheLatestThatIsKnown(t *testing.T) {
	var tally Tally
	if err := tally.Failure(""); err != nil {
		t.Errorf("of nothing: %v", err)
	}
	row := &event.Row{N: 1, Verdict: event.VerdictOK, Pending: true}
	tally.Note(row)
	if err := tally.Failure("5e55"); !errors.Is(err, ErrNotHandedOver) {
		t.Errorf("of a pending event: %v", err)
	}
	tally.Note(&event.Row{N: 1, Verdict: event.VerdictOK, Failed: true})
	if err := tally.Failure("5e55"); !errors.Is(err, ErrFailed) {
		t.Errorf("of a failed event: %v", err)
	}
	tally.Note(&event.Row{N: 1, Verdict: event.VerdictOK})
	tally.Note(&event.Row{N: 2, Verdict: event.VerdictWrong, Failed: true})
	if err := tally.Failure("5e55"); err != nil {
		t.Errorf("of one that was delivered later, and a stranger's: %v", err)
	}
}
