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
func eventLine(e *event.Row) string {
	parts := []string{stamp(e.At, time.Now()), fmt.Sprintf("%-5s", fmt.Sprintf("#%d", e.N)), fmt.Sprintf("%-25s", cut(e.Title()))}
	if repo := e.Repo; repo != "" {
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
	if waits := waitingFor(e); len(waits) > 0 {
		parts = append(parts, "… waiting for "+strings.Join(waits, ", "))
	}
	if e.Refused() {
		parts = append(parts, "REFUSED: "+e.Refusal())
	}
	for _, target := range e.Targets {
		if target.Tries > 0 || e.Settled() {
			parts = append(parts, targetWords(e, target))
		}
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
func marks(e *event.Row) []string {
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
	if e.Dismissed {
		m = append(m, "dismissed")
	}
	return m
}

// waitingFor names the targets that an event which has not settled waits for:
// those without a try, or else those that are tried again.
func waitingFor(e *event.Row) []string {
	if e.Settled() {
		return nil
	}
	var untried, failed []string
	for _, t := range e.Targets {
		switch name := shortTarget(t.Name); {
		case t.Tries == 0:
			untried = append(untried, name)
		case !t.OK():
			failed = append(failed, name)
		}
	}
	if len(untried) > 0 {
		return untried
	}
	return failed
}

// targetWords says what became of an event at one target.
func targetWords(e *event.Row, t event.RowTarget) string {
	name := shortTarget(t.Name)
	switch {
	case t.Tries == 0 && t.DeliveredBy != 0:
		return fmt.Sprintf("%s sent as #%d", name, t.DeliveredBy)
	case t.Tries == 0:
		return name + " UNANSWERED"
	}
	words := fmt.Sprintf("%s %s in %s", name, outcome(event.Attempt{Target: t.Name, Status: t.Status, Err: t.Err}), round(t.Took))
	if t.BodyError != "" {
		words += ", ERROR IN BODY: " + cut(t.BodyError)
	}
	if t.Tries > 1 {
		words += fmt.Sprintf(" at attempt %d", t.Tries)
	}
	if t.DeliveredBy != 0 {
		words += fmt.Sprintf(", delivered by #%d", t.DeliveredBy)
	}
	return words
}

// outcome is "200", "FAIL 500", "FAIL connection refused", or of a command "exit 0"
// or "FAIL exit 3".
func outcome(a event.Attempt) string {
	exit, exited := a.Exit()
	switch {
	case exited && exit == 0:
		return "exit 0"
	case exited:
		return fmt.Sprintf("FAIL exit %d", exit)
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
	if event.IsCommand(target) {
		return shortCommand(target)
	}
	target = strings.TrimPrefix(event.MaskURL(target), "http://")
	if local, ok := strings.CutPrefix(target, "127.0.0.1:"); ok {
		target = ":" + local
	}
	return strings.TrimSuffix(target, "/")
}

// shortCommand is the beginning of a command's name: ":3000" is not long either.
func shortCommand(target string) string {
	const most = 40
	if runes := []rune(target); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return target
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
