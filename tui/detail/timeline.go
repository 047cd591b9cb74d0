package detail

import (
	"fmt"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/line"
)

// timelineLines shows what happened to an event, by the time since it arrived.
func timelineLines(e *event.Event, zone *time.Location) []line.Line {
	step := func(at time.Duration, what string, st line.Style, detail string) line.Line {
		return line.Text(line.Faint, line.PadLeft(offset(at), 9)+"  ").Add(st, line.Pad(what, 12)).Add(line.Plain, " "+detail)
	}
	lines := []line.Line{
		step(0, "arrived", line.Plain, fmt.Sprintf("at %s, %s", e.ReceivedAt.In(zone).Format("15:04:05.000"), present.Size(e.Size))),
	}
	recorded := line.Text(line.Faint, line.PadLeft("", 9)+"  ").Add(line.Plain, line.Pad("recorded", 12)).Add(line.Plain, fmt.Sprintf(" #%d", e.N))
	if e.Source.AwaitsAnswer() {
		recorded = recorded.Add(line.Faint, ", before the answer")
	}
	lines = append(lines, recorded)
	if e.Answer.Status != 0 {
		lines = append(lines, step(e.Answer.Duration, "answered", line.AnswerStyle(e.Answer.Status), fmt.Sprintf("%d", e.Answer.Status)))
	}
	type moment struct {
		at   time.Duration
		line line.Line
	}
	var moments []moment
	for i := range e.Attempts {
		a := &e.Attempts[i]
		began := a.StartedAt.Sub(e.ReceivedAt)
		name := present.Target(a.Target)
		moments = append(moments, moment{began, step(began, "handed over", line.Plain, fmt.Sprintf("to %s, try %d", name, a.N))})
		words, st := attemptWords(a)
		what := "responded"
		switch exit, exited := a.Exit(); {
		case exited && exit == 0:
			what = "ended"
		case a.Status == 0:
			what, words = "failed", a.Err
		}
		moments = append(moments, moment{began + a.Duration, step(began+a.Duration, what, st, fmt.Sprintf("%s by %s after %s", words, name, present.Duration(a.Duration)))})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return int(min(max(a.at-b.at, -1), 1)) })
	for _, m := range moments {
		lines = append(lines, m.line)
	}
	if e.Phase != event.PhaseSettled {
		lines = append(lines, line.Text(line.Warn, line.PadLeft("", 9)+"  "+string(e.Phase)))
	}
	return lines
}

// offset is a time since the arrival.
func offset(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d >= time.Second && d < time.Hour:
		return fmt.Sprintf("+%.3fs", d.Seconds())
	}
	return "+" + present.Duration(d)
}
