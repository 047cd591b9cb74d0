package lines

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/present"
)

// strangeRows are events with all that moved columns: dates, large numbers, long
// and wide names, no repo, no kind, a bad verdict, no answer.
func strangeRows(now time.Time) []*event.Row {
	row := func(n int64, change func(*event.Row)) *event.Row {
		r := &event.Row{N: n, At: now, Kind: "repo.update", Repo: "model:me/m", Verdict: event.VerdictOK, Answer: event.Answer{Status: 200}, Phase: event.PhaseSettled, DeliveryN: 1,
			Targets: []event.RowTarget{{Name: "http://127.0.0.1:3000", Tries: 1, Status: 200}}}
		change(r)
		return r
	}
	return []*event.Row{
		row(1, func(*event.Row) {}),
		row(2, func(r *event.Row) { r.Repo = "dataset:a-long-organization/with-a-very-long-name-of-a-repo-v2.1" }),
		row(3, func(r *event.Row) { r.Repo = "" }),
		row(4, func(r *event.Row) { r.Repo, r.Kind = "model:me/模型😀", "discussion.comment.create" }),
		row(123456, func(r *event.Row) { r.Verdict, r.Answer.Status = event.VerdictWrong, 403 }),
		row(123457, func(r *event.Row) { r.Answer.Status, r.Source, r.ReplayOf = 0, event.SourceReplay, 7 }),
		row(123458, func(r *event.Row) { r.Kind, r.Size = "", 0 }),
		row(123459, func(r *event.Row) { r.At, r.Repo = now.AddDate(0, 0, -1), "model:me/\x1b[2J" }),
		row(123460, func(r *event.Row) { r.Kind = event.Kind("repo." + strings.Repeat("x", 300)) }),
		row(123461, func(r *event.Row) { r.DeliveryN = 2 }),
	}
}

// startsAt returns the cell at which a text stands in a line, -1 if it does not.
func startsAt(line, text string) int {
	before, _, found := strings.Cut(line, text)
	if !found {
		return -1
	}
	return ansi.StringWidth(before)
}

func TestTheColumnsOfAListStayAlignedWhateverARowHas(t *testing.T) {
	now := time.Now()
	rows := strangeRows(now)
	var c Columns
	for _, row := range rows {
		c.Fit(row, now)
	}
	answers, targets, kinds := map[int]bool{}, map[int]bool{}, map[int]bool{}
	for _, row := range rows {
		line := c.Event(row)
		if !strings.HasPrefix(line, row.At.Format(time.DateTime)+"  #") || strings.ContainsAny(line, "\x1b\n") {
			t.Errorf("%q", line)
		}
		if at := startsAt(line, "answered "); row.Answer.Status != 0 {
			answers[at] = true
		}
		if len(present.Event(row)) == 1 {
			targets[startsAt(line, ":3000")] = true
		}
		if row.Kind != "" {
			kinds[startsAt(line, cellsOf(row).kind)] = true
		}
	}
	if len(answers) != 1 || len(targets) != 1 || len(kinds) != 1 {
		t.Errorf("the columns begin at %v, %v and %v", kinds, answers, targets)
	}
}

// A running session does not know what comes: columns grow, and stay so.
func TestTheColumnsOfLinesGrowAndNeverShrink(t *testing.T) {
	now := time.Now()
	var c Columns
	at := -1
	for range 2 {
		for _, row := range strangeRows(now) {
			line := c.Event(row)
			if row.Answer.Status == 0 {
				continue
			}
			next := startsAt(line, "answered ")
			if next < at {
				t.Errorf("the answer moved back from %d to %d in %q", at, next, line)
			}
			at = next
		}
		if state := c.State(&event.State{At: now, Subject: "tunnel", State: "up"}); startsAt(state, "tunnel") != len("2006-01-02 15:04:05  #123456  ") {
			t.Errorf("%q", state)
		}
	}
	var fresh Columns
	if line := fresh.Event(strangeRows(now)[0]); !strings.HasPrefix(line, now.Format(time.TimeOnly)+"  #1     repo.update                model:me/m               answered 200  :3000") {
		t.Errorf("%q", line)
	}
}

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
		if got := new(Columns).Event(event.NewRow(e)); !strings.Contains(got, want) {
			t.Errorf("the line is\n  %s\nwithout\n  %s", got, want)
		}
	}
}

func TestALineHasTheDateWhereItIsNotToday(t *testing.T) {
	now := time.Date(2026, 3, 2, 0, 1, 0, 0, time.Local)
	for at, want := range map[time.Time]string{
		now: "00:01:00", now.Add(-2 * time.Minute): "2026-03-01 23:59:00", now.AddDate(-1, 0, 0): "2025-03-02 00:01:00",
	} {
		if got := Stamp(at, now); got != want {
			t.Errorf("%s is written as %q, want %q", at, got, want)
		}
	}
}
