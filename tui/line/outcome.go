package line

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
)

// Verdict returns the result of the secret check in words.
func Verdict(v event.Verdict) (string, Style) {
	switch v {
	case event.VerdictOK:
		return "ok", Faint
	case event.VerdictWrong, event.VerdictMissing:
		return present.Verdict(v), Alarm
	case event.VerdictUnchecked:
		return "unchecked", Warn
	}
	return string(v), Warn
}

// targetOutcome returns the result of an event at one target. A failure is not an
// alarm if it was dismissed, or if a replay was delivered.
func targetOutcome(r *event.Row, t event.RowTarget) (string, Style) {
	words, st := attemptOutcome(r, t)
	switch {
	case t.OK():
	case t.DeliveredBy != 0 && t.Tries == 0:
		return fmt.Sprintf("sent as #%d", t.DeliveredBy), Faint
	case t.DeliveredBy != 0:
		return fmt.Sprintf("delivered by #%d", t.DeliveredBy), Faint
	case r.Dismissed && st == Alarm:
		return words, Faint
	}
	return words, st
}

// attemptOutcome returns the result of the last attempt at one target.
func attemptOutcome(r *event.Row, t event.RowTarget) (string, Style) {
	exit, exited := t.Exit()
	switch {
	case exited:
		return ExitWords(exit)
	case t.Tries == 0 && r.Phase == event.PhaseWaiting:
		return "waiting", Warn
	case t.Tries == 0 && r.Phase == event.PhasePending:
		return "UNANSWERED", Alarm
	case t.Tries == 0:
		return "…", Faint
	case t.OK() && t.BodyError != "":
		return fmt.Sprintf("%d ERROR IN BODY", t.Status), Warn
	case t.OK():
		return strconv.Itoa(t.Status), Good
	case t.Status == 0:
		return "FAIL " + ShortError(t.Err), Alarm
	case t.Err != "":
		return fmt.Sprintf("FAIL %d %s", t.Status, ShortError(t.Err)), Alarm
	}
	return "FAIL " + strconv.Itoa(t.Status), Alarm
}

// ExitWords returns the exit status of a command in words.
func ExitWords(exit int) (string, Style) {
	if exit == 0 {
		return present.Exit(exit), Good
	}
	return present.Exit(exit), Alarm
}

// ShortError returns the error of an attempt in a few words: a fixed word for the
// most common ones, else what follows the last colon.
func ShortError(s string) string {
	for _, known := range [][2]string{
		{"cut short", "cut short"}, {"connection refused", "refused"}, {"deadline exceeded", "timed out"}, {"timeout", "timed out"}, {"connection reset", "reset"}, {"EOF", "hung up"}, {"connection closed", "hung up"},
		{"no such host", "no such host"},
	} {
		if strings.Contains(s, known[0]) {
			return known[1]
		}
	}
	if i := strings.LastIndex(s, ": "); i >= 0 {
		return s[i+2:]
	}
	return s
}

// Outcome returns the result of an event at all its targets, failures first. The
// name of a single target is left out: the header shows it. A result that is wider
// than w cells is reduced to the worst target.
func Outcome(r *event.Row, w int) Line {
	if !r.Verdict.Trusted() && len(r.Targets) == 0 {
		return Text(Faint, "not handed on")
	}
	switch {
	case len(r.Targets) > 0:
	case r.Answer.Status >= 400: // for example because its body is too large
		return Text(Warn, "refused")
	default:
		return Text(Faint, "no target")
	}
	var l Line
	for _, failing := range []bool{true, false} {
		for _, t := range r.Targets {
			words, st := targetOutcome(r, t)
			if (st == Alarm) != failing {
				continue
			}
			if len(l) > 0 {
				l = l.Add(Plain, "  ")
			}
			if len(r.Targets) > 1 {
				l = l.Add(Plain, present.Target(t.Name)+" ")
			}
			l = l.Add(st, words)
			if t.Tries > 0 {
				l = l.Add(Faint, " "+present.Duration(t.Took))
			}
			if t.Tries > 1 {
				l = l.Add(Faint, fmt.Sprintf(" try %d", t.Tries))
			}
		}
	}
	if l.Width() <= w {
		return l
	}
	words, st := targetOutcome(r, worst(r))
	l = Text(st, words)
	if more := fmt.Sprintf(" 1 of %d", len(r.Targets)); len(r.Targets) > 1 && l.Width()+len(more) <= w {
		l = l.Add(Faint, more)
	}
	return l
}

// worst returns the target with the most serious result.
func worst(r *event.Row) event.RowTarget {
	for _, wrong := range []Style{Alarm, Warn} {
		for _, t := range r.Targets {
			if _, st := targetOutcome(r, t); st == wrong {
				return t
			}
		}
	}
	return r.Targets[0]
}

// Marks returns how an event differs from a first delivery by the Hub: "2nd
// delivery replay of 14", or briefly "2nd of 14".
func Marks(r *event.Row, brief bool) Line {
	var l Line
	add := func(st Style, s string) {
		if len(l) > 0 {
			l = l.Add(Plain, " ")
		}
		l = l.Add(st, s)
	}
	if r.DeliveryN > 1 {
		words := present.Ordinal(r.DeliveryN)
		if !brief {
			words += " delivery"
		}
		add(Warn, words)
	}
	switch {
	case r.ReplayOf != 0 && brief:
		add(Plain, fmt.Sprintf("of %d", r.ReplayOf))
	case r.ReplayOf != 0:
		add(Plain, fmt.Sprintf("replay of %d", r.ReplayOf))
	case r.Source == event.SourceReplay || r.Source == event.SourceTrigger:
		add(Plain, string(r.Source))
	}
	if r.Edited {
		add(Plain, "edited")
	}
	if r.Dismissed {
		add(Faint, "dismissed")
	}
	if r.Pinned {
		add(Accent, "pinned")
	}
	return l
}

// AnswerStyle is the style of the status that the sender got.
func AnswerStyle(status int) Style {
	if status >= 200 && status < 300 {
		return Faint
	}
	return Warn
}
