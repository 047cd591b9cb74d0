package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
)

// verdictWords says what the check of the secret said, and how bad that is.
func verdictWords(v event.Verdict) (string, style) {
	switch v {
	case event.VerdictOK:
		return "ok", faint
	case event.VerdictWrong:
		return "BAD SECRET", alarm
	case event.VerdictMissing:
		return "NO SECRET", alarm
	case event.VerdictUnchecked:
		return "unchecked", warn
	}
	return string(v), warn
}

// targetWords says what became of an event at one target.
func targetWords(r *event.Row, t event.RowTarget) (string, style) {
	words, st := outcomeWords(r, t)
	switch {
	case t.OK():
	case t.DeliveredBy != 0 && t.Tries == 0:
		return fmt.Sprintf("sent as #%d", t.DeliveredBy), faint
	case t.DeliveredBy != 0:
		return fmt.Sprintf("delivered by #%d", t.DeliveredBy), faint
	case r.Dismissed && st == alarm:
		return words, faint
	}
	return words, st
}

func outcomeWords(r *event.Row, t event.RowTarget) (string, style) {
	exit, exited := t.Exit()
	switch {
	case exited:
		return exitWords(exit)
	case t.Tries == 0 && r.Phase == event.PhaseWaiting:
		return "waiting", warn
	case t.Tries == 0 && r.Phase == event.PhasePending:
		return "UNANSWERED", alarm
	case t.Tries == 0:
		return "…", faint
	case t.OK() && t.BodyError != "":
		return fmt.Sprintf("%d ERROR IN BODY", t.Status), warn
	case t.OK():
		return strconv.Itoa(t.Status), good
	case t.Status == 0:
		return "FAIL " + shortError(t.Err), alarm
	case t.Err != "":
		return fmt.Sprintf("FAIL %d %s", t.Status, shortError(t.Err)), alarm
	}
	return "FAIL " + strconv.Itoa(t.Status), alarm
}

// exitWords is the exit status of a command, which is not an HTTP status.
func exitWords(exit int) (string, style) {
	if exit == 0 {
		return "exit 0", good
	}
	return fmt.Sprintf("FAIL exit %d", exit), alarm
}

// shortError leaves out what every error of a target says, and has a word for
// the commonest ones.
func shortError(s string) string {
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

// outcome is the column of what the targets said: of one target without its
// name, as it is in the header; of several the failures first.
func outcome(r *event.Row, w int) line {
	if !r.Verdict.Trusted() && len(r.Targets) == 0 {
		return text(faint, "not handed on")
	}
	switch {
	case len(r.Targets) > 0:
	case r.Answer.Status >= 400: // as an event whose body did not arrive whole
		return text(warn, "refused")
	default:
		return text(faint, "no target")
	}
	var l line
	for _, failing := range []bool{true, false} {
		for _, t := range r.Targets {
			words, st := targetWords(r, t)
			if (st == alarm) != failing {
				continue
			}
			if len(l) > 0 {
				l = l.add(plain, "  ")
			}
			if len(r.Targets) > 1 {
				l = l.add(plain, shortTarget(t.Name)+" ")
			}
			l = l.add(st, words)
			if t.Tries > 0 {
				l = l.add(faint, " "+took(t.Took))
			}
			if t.Tries > 1 {
				l = l.add(faint, fmt.Sprintf(" try %d", t.Tries))
			}
		}
	}
	if l.width() <= w {
		return l
	}
	words, st := targetWords(r, worst(r))
	l = text(st, words)
	if more := fmt.Sprintf(" 1 of %d", len(r.Targets)); len(r.Targets) > 1 && l.width()+len(more) <= w {
		l = l.add(faint, more)
	}
	return l
}

// worst gives the target that most is wrong with.
func worst(r *event.Row) event.RowTarget {
	for _, wrong := range []style{alarm, warn} {
		for _, t := range r.Targets {
			if _, st := targetWords(r, t); st == wrong {
				return t
			}
		}
	}
	return r.Targets[0]
}

// markWords tell where an event differs from a first delivery by the Hub: in
// full, "2nd delivery replay of 14", or in brief, "2nd of 14".
func markWords(r *event.Row, brief bool) line {
	var l line
	add := func(st style, s string) {
		if len(l) > 0 {
			l = l.add(plain, " ")
		}
		l = l.add(st, s)
	}
	if r.DeliveryN > 1 {
		words := ordinal(r.DeliveryN)
		if !brief {
			words += " delivery"
		}
		add(warn, words)
	}
	switch {
	case r.ReplayOf != 0 && brief:
		add(plain, fmt.Sprintf("of %d", r.ReplayOf))
	case r.ReplayOf != 0:
		add(plain, fmt.Sprintf("replay of %d", r.ReplayOf))
	case r.Source == event.SourceReplay || r.Source == event.SourceTrigger:
		add(plain, string(r.Source))
	}
	if r.Edited {
		add(plain, "edited")
	}
	if r.Dismissed {
		add(faint, "dismissed")
	}
	if r.Pinned {
		add(accent, "pinned")
	}
	return l
}

// shortKind fits a kind into w cells: what is general goes first, then the
// middle, as the action is what tells events apart.
func shortKind(k string, w int) string {
	if width(k) <= w {
		return k
	}
	if _, rest, ok := strings.Cut(k, "."); ok && strings.Contains(rest, ".") {
		k = rest
		if width(k) <= w {
			return k
		}
	}
	i := strings.LastIndexByte(k, '.')
	if i < 0 || len(k)-i > w-3 {
		return shorten(k, w)
	}
	return cutBefore(k[:i], w-1-(len(k)-i)) + "…" + k[i:]
}

// shortTarget leaves out what all local targets have in common: ":3000/hook".
func shortTarget(target string) string {
	if event.IsCommand(target) {
		return ansi.Truncate(target, 30, "…")
	}
	target = strings.TrimPrefix(event.MaskURL(target), "http://")
	for _, local := range []string{"127.0.0.1:", "localhost:", "[::1]:"} {
		if rest, ok := strings.CutPrefix(target, local); ok {
			target = ":" + rest
			break
		}
	}
	return strings.TrimSuffix(target, "/")
}

// stateWords is a change in what hf-tap depends on.
func stateWords(s *event.State) line {
	name := event.MaskURL(s.Name)
	if s.Subject == event.SubjectTarget {
		name = shortTarget(s.Name)
	}
	l := text(faint, string(s.Subject)+" ")
	if name != "" {
		l = l.add(plain, name+" ")
	}
	l = l.add(stateStyle(s.State), s.State)
	if s.Detail != "" {
		l = l.add(faint, ": "+event.MaskText(s.Detail))
	}
	return l
}

func stateStyle(state string) style {
	switch state {
	case "up", "listening", "verified", "healed", "made anew", "ready", "known again", "created", "enabled":
		return good
	case "down", "failing", "unauthorized", "wrong path", "invalid", "suspended", "full", "lost", "away", "deleted", "disabled":
		return alarm
	}
	return warn
}

// took gives a duration in at most three digits.
func took(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%dms", d.Round(time.Millisecond).Milliseconds())
	}
	return fmt.Sprintf("%.1fms", float64(d)/1e6)
}

func byteSize(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f kB", float64(n)/(1<<10))
	case n == 1:
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return group(n) + " " + what + "s"
}

// group writes thousands apart: 12,345.
func group(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
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
	return strconv.Itoa(n) + suffix
}
