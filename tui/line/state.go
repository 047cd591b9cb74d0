package line

import (
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
)

// State returns a change of something that hf-tap depends on, in words.
func State(s *event.State) Line {
	l := Text(Faint, string(s.Subject)+" ")
	if name := present.StateName(s); name != "" {
		l = l.Add(Plain, name+" ")
	}
	l = l.Add(StateStyle(s.State), s.State)
	if s.Detail != "" {
		l = l.Add(Faint, ": "+event.MaskText(s.Detail))
	}
	return l
}

// StateStyle is the style of the name of a state.
func StateStyle(state string) Style {
	switch state {
	case "up", "listening", "verified", "healed", "made anew", "ready", "known again", "created", "enabled":
		return Good
	case "down", "failing", "unauthorized", "wrong path", "invalid", "suspended", "full", "lost", "away", "deleted", "disabled":
		return Alarm
	}
	return Warn
}
