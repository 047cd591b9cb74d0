package tui

import (
	"github.com/hf-tap/hf-tap/event"
)

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
