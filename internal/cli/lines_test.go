package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/session"
)

func TestALineTellsWhatBecameOfAnEvent(t *testing.T) {
	at := time.Date(2026, 11, 23, 20, 15, 3, 0, time.Local) // not today
	const target = "http://127.0.0.1:3000/hook"
	base := func(change func(*event.Event)) *event.Event {
		e := &event.Event{N: 12, ReceivedAt: at, Kind: "discussion.create", Repo: hub.Repo{Type: "model", Name: "me/m"}, DeliveryN: 1,
			Verdict: event.VerdictOK, Source: event.SourceHub, Answer: event.Answer{Status: 200}, Phase: event.PhaseSettled}
		change(e)
		return e
	}
	for want, e := range map[string]*event.Event{
		"2026-11-23 20:15:03  #12    discussion.create          model:me/m               answered 200": base(func(*event.Event) {}),
		"#12    BAD SECRET  discussion.create          model:me/m               answered 403":          base(func(e *event.Event) { e.Verdict, e.Answer.Status = event.VerdictWrong, 403 }),
		"#12    NO SECRET  discussion":                    base(func(e *event.Event) { e.Verdict = event.VerdictMissing }),
		"#12    secret unchecked  discussion":             base(func(e *event.Event) { e.Verdict = event.VerdictUnchecked }),
		"answered 413  REFUSED: the body is too large":    base(func(e *event.Event) { e.BodyCut, e.Answer.Status = true, 413 }),
		"answered 408  REFUSED: the body came too slowly": base(func(e *event.Event) { e.BodyCut, e.Answer.Status = true, 408 }),
		"answered 400  REFUSED: the body broke off":       base(func(e *event.Event) { e.BodyCut, e.Answer.Status = true, 400 }),
		"2nd delivery":          base(func(e *event.Event) { e.DeliveryN = 2 }),
		"replay of 7":           base(func(e *event.Event) { e.Source, e.ReplayOf = event.SourceReplay, 7 }),
		"answered 200  trigger": base(func(e *event.Event) { e.Source = event.SourceTrigger }),
		"(no kind)":             base(func(e *event.Event) { e.Kind, e.Size = "", 3 }),
		"(empty body)":          base(func(e *event.Event) { e.Kind = "" }),
		":3000/hook 200 in 12ms": base(func(e *event.Event) {
			e.Targets, e.Attempts = []string{target}, []event.Attempt{{N: 1, Target: target, Status: 200, Duration: 12 * time.Millisecond}}
		}),
		":3000/hook FAIL 500 in 1.5s at attempt 2": base(func(e *event.Event) {
			e.Targets, e.Attempts = []string{target}, []event.Attempt{{N: 1, Target: target, Status: 200}, {N: 2, Target: target, Status: 500, Duration: 1500 * time.Millisecond}}
		}),
		":3000/hook FAIL went away in": base(func(e *event.Event) {
			e.Targets, e.Attempts = []string{target}, []event.Attempt{{N: 1, Target: target, Err: "went away"}}
		}),
		"… waiting for :3000/hook": base(func(e *event.Event) { e.Targets, e.Phase = []string{target}, event.PhaseWaiting }),
		":3000/hook UNANSWERED":    base(func(e *event.Event) { e.Targets, e.Phase = []string{target}, event.PhasePending }),
	} {
		if got := eventLine(event.NewRow(e)); !strings.Contains(got, want) {
			t.Errorf("the line is\n  %s\nwithout\n  %s", got, want)
		}
	}
}

func TestOrdinals(t *testing.T) {
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 102: "102nd", 111: "111th"} {
		if got := ordinal(n); got != want {
			t.Errorf("ordinal(%d) = %s", n, got)
		}
	}
}

func TestTheHubRepoOfARemote(t *testing.T) {
	hosts := []string{"huggingface.co", "hf.co", "127.0.0.1:4000"}
	for remote, want := range map[string]string{
		"https://huggingface.co/me/m":                       "model:me/m",
		"https://huggingface.co/me/m.git":                   "model:me/m",
		"https://huggingface.co/gpt2":                       "model:gpt2",
		"https://me:hf_secret@huggingface.co/datasets/me/d": "dataset:me/d",
		"https://huggingface.co/spaces/me/s/":               "space:me/s",
		"git@hf.co:me/m":                                    "model:me/m",
		"git@hf.co:datasets/me/d":                           "dataset:me/d",
		"ssh://git@hf.co:22/spaces/me/s":                    "space:me/s",
		"http://127.0.0.1:4000/me/m":                        "model:me/m",
		"https://github.com/me/m":                           "",
		"https://huggingface.co.evil.example/me/m":          "",
		"https://huggingface.co/me/m/tree/main":             "",
		"/srv/git/m":                                        "",
		"":                                                  "",
	} {
		got, ok := remoteRepo(remote, hosts)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("remoteRepo(%q) = %v, %v", remote, got, ok)
		}
	}
}

func TestTheLastLineSaysWhatIsLeft(t *testing.T) {
	for want, sum := range map[string]session.Summary{
		"webhook 65a1 deleted · 12 events kept · 1 failed: hf-tap events replay --failed --session 5e55":    {ID: "5e55", Deleted: []string{"65a1"}, Kept: 12, Failed: 1},
		"webhook 65a1 NOT deleted · 1 event kept":                                                           {Left: "65a1", Kept: 1},
		"no webhook is left · 0 events kept":                                                                {},
		"the Hub never said whether it made the webhook: the next start looks again · 0 eve":                {Doubt: true},
		"2 never handed over: hf-tap events replay --pending --session 5e55":                                {ID: "5e55", Pending: 2},
		"the webhook that you made by hand is yours to delete: https://h/settings/webhooks · 3 events kept": {ByHand: "https://h/settings/webhooks", Kept: 3},
		"webhook 77 enabled again": {Enabled: []string{"77"}},
	} {
		if got := lastLine(sum); !strings.Contains(got, want) {
			t.Errorf("%+v: %s", sum, got)
		}
	}
}

func TestEveryCauseThatIsKnownHasAHint(t *testing.T) {
	for _, err := range []error{
		history.ErrDamaged, history.ErrOld, history.ErrReplaced, history.ErrNewer, history.ErrFull, history.ErrUnwritable, fs.ErrPermission, session.ErrNoHome, session.ErrBadSecret,
		errNotInTime, errAppEnded, syscall.ENOSPC, syscall.EROFS, syscall.ENOTDIR, hub.ErrUnauthorized, hub.ErrForbidden, hub.ErrRateLimited, hub.ErrOffline, hub.ErrUnreachable, hub.ErrNoToken, &session.TokenError{},
	} {
		if hint := hintFor(fmt.Errorf("while doing so: %w", err)); hint == "" || strings.Contains(hint, "\n") {
			t.Errorf("%v: the hint is %q", err, hint)
		}
	}
}

func TestOnlyAClosedOutputIsNoError(t *testing.T) {
	for err, want := range map[error]bool{
		errClosedOutput: true,
		errors.Join(errClosedOutput, errors.Join(errClosedOutput)):    true,
		errors.Join(errClosedOutput, errors.New("a webhook is left")): false,
	} {
		if got := onlyClosedOutput(err); got != want {
			t.Errorf("%q: %v", err, got)
		}
	}
}

func TestALineHasTheDateWhereItIsNotToday(t *testing.T) {
	now := time.Date(2026, 3, 2, 0, 1, 0, 0, time.Local)
	for at, want := range map[time.Time]string{
		now: "00:01:00", now.Add(-2 * time.Minute): "2026-03-01 23:59:00", now.AddDate(-1, 0, 0): "2025-03-02 00:01:00",
	} {
		if got := stamp(at, now); got != want {
			t.Errorf("%s is written as %q, want %q", at, got, want)
		}
	}
}

// A signal may come while a page of changes is being printed: the rest of it is
// printed at the end, and nothing twice.
func TestWhatASignalInterruptsIsPrintedAtTheEnd(t *testing.T) {
	store, err := history.Open(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	const events = 50
	for range events {
		if err := store.Append(t.Context(), &event.Event{Session: "s", Source: event.SourceTrigger, Verdict: event.VerdictOK, Phase: event.PhaseSettled}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out strings.Builder
	p := newPrinter(&out, true)
	p.settled = func(n int64) {
		if n == 20 {
			interrupt()
		}
	}
	live := &session.Live{ID: "s", History: store}
	if err := p.Run(ctx, live); !errors.Is(err, context.Canceled) {
		t.Fatalf("Run: %v", err)
	}
	if err := p.Last(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != events || p.seen != events {
		t.Errorf("%d lines were printed and %d events seen, want %d", lines, p.seen, events)
	}
	for n := range events {
		if strings.Count(out.String(), fmt.Sprintf(`"n":%d,`, n+1)) != 1 {
			t.Errorf("event %d is not printed once", n+1)
		}
	}
}
