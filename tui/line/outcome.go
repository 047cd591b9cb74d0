package line

import (
	"cmp"
	"fmt"
	"slices"
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

// Outcome returns the result of an event at all its targets, the most serious first:
// ":3000 500 12ms  :8000 refused  :8001 200 3ms". The name of a single target is left
// out: the header shows it. In a narrow column the durations go first, then the targets
// that need no attention (":3000 500  :8000 refused  +1 ok"), then the names ("FAIL 500
// 2 of 3").
func Outcome(r *event.Row, w int) Line {
	switch {
	case len(r.Targets) > 0:
	case !r.Verdict.Trusted():
		return Text(Faint, "not handed on")
	case r.Answer.Status >= 400: // for example because its body is too large
		return Text(Warn, "refused")
	default:
		return Text(Faint, "no target")
	}
	all := resultsOf(r)
	for _, form := range []func() Line{all.timed, all.untimed, all.serious, all.counted} {
		if l := form(); l.Width() <= w {
			return l
		}
	}
	return Text(all[0].style, all[0].text)
}

// result is the result of an event at one target.
type result struct {
	target event.RowTarget
	text   string
	style  Style
	group  string // the result in one word
}

// results is the results of an event at its targets, the most serious first.
type results []result

func resultsOf(r *event.Row) results {
	all := make(results, len(r.Targets))
	for i, t := range r.Targets {
		text, st := targetOutcome(r, t)
		group := "open"
		switch {
		case t.OK(), t.DeliveredBy != 0:
			group = "ok"
		case r.Dismissed:
			group = "dismissed"
		case st == Alarm:
			group = "failed"
		}
		all[i] = result{t, text, st, group}
	}
	slices.SortStableFunc(all, func(a, b result) int { return cmp.Compare(a.severity(), b.severity()) })
	return all
}

// severity is 0 for a failure, and more for what is less serious.
func (one result) severity() int {
	switch {
	case one.style == Alarm:
		return 0
	case one.style == Warn:
		return 1
	case one.group != "ok":
		return 2
	}
	return 3
}

// line is a result in words, after the name of its target if there are several.
func (all results) line(i int) Line {
	one := all[i]
	if len(all) == 1 {
		return Text(one.style, one.text)
	}
	return Text(Plain, present.Target(one.target.Name)+" ").Add(one.style, strings.TrimPrefix(one.text, "FAIL "))
}

// untimed is all results.
func (all results) untimed() Line { return all.join(len(all), false) }

// timed is all results, how long each took, and at which try.
func (all results) timed() Line { return all.join(len(all), true) }

func (all results) join(n int, timed bool) Line {
	var l Line
	for i, one := range all[:n] {
		if i > 0 {
			l = l.Add(Plain, "  ")
		}
		l = append(l, all.line(i)...)
		if timed && one.target.Tries > 0 {
			l = l.Add(Faint, " "+present.Duration(one.target.Took))
		}
		if timed && one.target.Tries > 1 {
			l = l.Add(Faint, fmt.Sprintf(" try %d", one.target.Tries))
		}
	}
	return l
}

// serious is the results that need attention, and how many others there are.
func (all results) serious() Line {
	n := 0
	for n < len(all) && all[n].severity() <= 1 {
		n++
	}
	l := all.join(n, false)
	for rest := all[n:]; len(rest) > 0; {
		same := 1
		for same < len(rest) && rest[same].group == rest[0].group {
			same++
		}
		words := fmt.Sprintf("%d %s", same, rest[0].group)
		if len(l) > 0 {
			words = "  +" + words
		}
		l = l.Add(Faint, words)
		rest = rest[same:]
	}
	return l
}

// counted is the most serious result, and how many targets have one that is as serious.
func (all results) counted() Line {
	n := 1
	for n < len(all) && all[n].severity() == all[0].severity() {
		n++
	}
	l := Text(all[0].style, all[0].text)
	if len(all) > 1 {
		l = l.Add(Faint, fmt.Sprintf("  %d of %d", n, len(all)))
	}
	return l
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
