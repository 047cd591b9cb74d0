package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// eventLine is one event as a line: see columns.event.
func eventLine(e *event.Row) string { return new(columns).event(e) }

// eventWords say what became of an event, behind the columns that all have.
func eventWords(e *event.Row) []string {
	parts := marks(e)
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
	return parts
}

// stamp is the time of day, with the date where it is not that of now.
func stamp(t, now time.Time) string {
	var c columns
	c.fitTime(t, now)
	return c.stamp(t)
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
