package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/term"
)

// eventLine is an event as one line for people, made safe for the terminal:
//
//	20:15:03  #12    discussion.comment.create  model:me/m            answered 200  :3000 FAIL 500 in 12ms
//
// Words say what colours would: a line reads the same in a log, by a screen
// reader and through grep.
func eventLine(e *event.Event) string {
	parts := []string{stamp(e.ReceivedAt, time.Now()), fmt.Sprintf("%-5s", fmt.Sprintf("#%d", e.N)), fmt.Sprintf("%-25s", cut(e.Title()))}
	if repo := e.RepoTitle(); repo != "" {
		parts = append(parts, fmt.Sprintf("%-23s", cut(repo)))
	}
	switch e.Verdict {
	case event.VerdictWrong:
		parts = append(parts, "BAD SECRET")
	case event.VerdictMissing:
		parts = append(parts, "NO SECRET")
	case event.VerdictUnchecked:
		parts = append(parts, "secret unchecked")
	}
	parts = append(parts, marks(e)...)
	if e.Answer.Status != 0 {
		parts = append(parts, fmt.Sprintf("answered %d", e.Answer.Status))
	}
	if e.Refused() {
		parts = append(parts, "REFUSED: "+e.Refusal())
	}
	for _, target := range e.Targets {
		parts = append(parts, targetWords(e, target))
	}
	return term.Line(strings.Join(parts, "  "))
}

// stamp is the time of day, with the date where it is not that of now.
func stamp(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// cut shortens a name that somebody made to fill screens with.
func cut(s string) string {
	const most = 100
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

// marks tell where an event differs from a first delivery by the Hub.
func marks(e *event.Event) []string {
	var m []string
	if e.DeliveryN > 1 {
		m = append(m, ordinal(e.DeliveryN)+" delivery")
	}
	switch {
	case e.ReplayOf != 0:
		m = append(m, fmt.Sprintf("replay of %d", e.ReplayOf))
	case e.Source == event.SourceReplay || e.Source == event.SourceTrigger:
		m = append(m, string(e.Source))
	}
	return m
}

// targetWords says what became of an event at one target.
func targetWords(e *event.Event, target string) string {
	name := shortTarget(target)
	last := e.Last(target)
	switch {
	case last == nil && e.Phase == event.PhaseWaiting:
		return name + " waiting"
	case last == nil && e.Phase == event.PhasePending:
		return name + " UNANSWERED"
	case last == nil:
		return name + " not yet"
	}
	words := fmt.Sprintf("%s %s in %s", name, outcome(last), round(last.Duration))
	if last.N > 1 {
		words += fmt.Sprintf(" at attempt %d", last.N)
	}
	return words
}

// outcome is "200", "FAIL 500" or "FAIL connection refused".
func outcome(a *event.Attempt) string {
	switch {
	case a.OK():
		return fmt.Sprint(a.Status)
	case a.Status == 0:
		return "FAIL " + a.Err
	case a.Err != "":
		return fmt.Sprintf("FAIL %d, %s", a.Status, a.Err)
	}
	return fmt.Sprintf("FAIL %d", a.Status)
}

// stateLine is a state as one line for people.
func stateLine(s *event.State) string {
	words := []string{stamp(s.At, time.Now()), "--   ", string(s.Subject)}
	if s.Name != "" {
		name := event.MaskURL(s.Name)
		if s.Subject == event.SubjectTarget {
			name = shortTarget(s.Name)
		}
		words = append(words, name)
	}
	words = append(words, s.State)
	line := strings.Join(words[:2], "  ") + "  " + strings.Join(words[2:], " ")
	if s.Detail != "" {
		line += ": " + s.Detail
	}
	return term.Line(line)
}

// shortTarget leaves out what all local targets have in common: ":3000/hook".
func shortTarget(target string) string {
	target = strings.TrimPrefix(event.MaskURL(target), "http://")
	if local, ok := strings.CutPrefix(target, "127.0.0.1:"); ok {
		target = ":" + local
	}
	return strings.TrimSuffix(target, "/")
}

func round(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprint(n, suffix)
}
