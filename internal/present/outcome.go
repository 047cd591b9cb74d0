package present

import (
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// Event is the result of an event, with one text for each detail: how it differs from a
// first delivery, which targets it waits for, what each target did.
func Event(e *event.Row) []string {
	parts := marks(e)
	if waits := waitingFor(e); len(waits) > 0 {
		parts = append(parts, "… waiting for "+strings.Join(waits, ", "))
	}
	if e.Refused() {
		parts = append(parts, "REFUSED: "+e.Refusal())
	}
	for _, target := range e.Targets {
		if target.Tries > 0 || e.Settled() {
			parts = append(parts, targetWords(target))
		}
	}
	return parts
}

// Verdict is what a line says of the check of the secret, in front of any text from
// outside; nothing where the secret was right.
func Verdict(v event.Verdict) string {
	switch v {
	case event.VerdictWrong:
		return "BAD SECRET"
	case event.VerdictMissing:
		return "NO SECRET"
	case event.VerdictUnchecked:
		return "secret unchecked"
	}
	return ""
}

// State is a change of what hf-tap depends on: "target :3000 down: connection
// refused".
func State(s *event.State) string {
	words := string(s.Subject)
	if name := StateName(s); name != "" {
		words += " " + name
	}
	words += " " + s.State
	if s.Detail != "" {
		words += ": " + event.MaskText(s.Detail)
	}
	return words
}

// StateName is the name of what a state is about; "" if there is only one.
func StateName(s *event.State) string {
	if s.Subject == event.SubjectTarget {
		return Target(s.Name)
	}
	return event.MaskURL(s.Name)
}

// Outcome is "200", "FAIL 500", "FAIL connection refused", or of a command "exit 0"
// or "FAIL exit 3".
func Outcome(a event.Attempt) string {
	exit, exited := a.Exit()
	switch {
	case exited:
		return Exit(exit)
	case a.OK():
		return fmt.Sprint(a.Status)
	case a.Status == 0:
		return "FAIL " + a.Err
	case a.Err != "":
		return fmt.Sprintf("FAIL %d, %s", a.Status, a.Err)
	}
	return fmt.Sprintf("FAIL %d", a.Status)
}

// Exit is the exit status of a command: "exit 0", "FAIL exit 3".
func Exit(status int) string {
	if status == 0 {
		return "exit 0"
	}
	return fmt.Sprintf("FAIL exit %d", status)
}

// marks are the ways in which an event differs from a first delivery by the Hub.
func marks(e *event.Row) []string {
	var m []string
	if e.DeliveryN > 1 {
		m = append(m, Ordinal(e.DeliveryN)+" delivery")
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

// waitingFor is the targets that an event which has not settled waits for: those
// without a try, or else those that are tried again.
func waitingFor(e *event.Row) []string {
	if e.Settled() {
		return nil
	}
	var untried, failed []string
	for _, t := range e.Targets {
		switch name := Target(t.Name); {
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

// targetWords is the result of an event at one target.
func targetWords(t event.RowTarget) string {
	name := Target(t.Name)
	switch {
	case t.Tries == 0 && t.DeliveredBy != 0:
		return fmt.Sprintf("%s sent as #%d", name, t.DeliveredBy)
	case t.Tries == 0:
		return name + " UNANSWERED"
	}
	words := fmt.Sprintf("%s %s in %s", name, Outcome(event.Attempt{Target: t.Name, Status: t.Status, Err: t.Err}), Duration(t.Took))
	if t.BodyError != "" {
		words += ", ERROR IN BODY: " + Cut(t.BodyError)
	}
	if t.Tries > 1 {
		words += fmt.Sprintf(" at attempt %d", t.Tries)
	}
	if t.DeliveredBy != 0 {
		words += fmt.Sprintf(", delivered by #%d", t.DeliveredBy)
	}
	return words
}
