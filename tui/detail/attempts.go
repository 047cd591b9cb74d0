package detail

import (
	"fmt"
	"net/http"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/advice"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/line"
)

// pathHints is what targets have said of their paths, by the targets' names.
type pathHints map[string]string

// attemptLines shows the attempts, the latest first. raw shows their bodies as they came.
func attemptLines(e *event.Event, zone *time.Location, paths pathHints, raw bool) []line.Line {
	if len(e.Attempts) == 0 {
		return []line.Line{line.Text(line.Faint, noAttempt(e))}
	}
	var lines []line.Line
	for i := len(e.Attempts) - 1; i >= 0; i-- {
		a := &e.Attempts[i]
		status, st := attemptWords(a)
		lines = append(lines, line.Text(line.Title, present.Target(a.Target)).Add(line.Plain, "  ").Add(st, status).
			Add(line.Faint, fmt.Sprintf("  in %s  at %s  try %d", present.Duration(a.Duration), a.StartedAt.In(zone).Format(time.TimeOnly), a.N)))
		if a.Err != "" {
			lines = append(lines, line.Text(line.Alarm, a.Err))
		}
		if found, ok := advice.For(e, a); ok {
			if given := paths[a.Target]; given != "" && found.Trouble == advice.WrongPath {
				found.Hint = given
			}
			lines = append(lines, line.Text(line.Warn, "hint: "+found.Hint))
		}
		lines = append(lines, headerLines(a.Header)...)
		if len(a.Body) > 0 {
			lines = append(append(lines, nil), bodyLines(a.Body, a.Header.Get("Content-Type"), raw)...)
		}
		if a.BodyCut {
			lines = append(lines, line.Text(line.Warn, "only the beginning of the answer was kept"))
		}
		lines = append(lines, nil)
	}
	return lines
}

// attemptWords is the result of an attempt.
func attemptWords(a *event.Attempt) (string, line.Style) {
	exit, exited := a.Exit()
	switch {
	case exited:
		return line.ExitWords(exit)
	case a.OK() && a.BodyError() != "":
		return fmt.Sprintf("%d %s, ERROR IN BODY", a.Status, http.StatusText(a.Status)), line.Warn
	case a.OK():
		return fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), line.Good
	case a.Status == 0:
		return "FAIL", line.Alarm
	}
	return fmt.Sprintf("FAIL %d %s", a.Status, http.StatusText(a.Status)), line.Alarm
}

// noAttempt is why there is no attempt.
func noAttempt(e *event.Event) string {
	switch {
	case !e.Verdict.Trusted():
		return "not handed over: the secret was not right"
	case e.Refused():
		return "not handed over: " + e.Refusal()
	case len(e.Targets) == 0:
		return "no target took it: no route matches, or none was given"
	case e.Phase == event.PhaseWaiting:
		return "waiting: the target refuses connections and gets it when it is back"
	case e.Phase == event.PhasePending:
		return "it may not have been handed over: r sends it again"
	}
	return "not tried yet"
}
