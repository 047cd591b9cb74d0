package tui

import (
	"testing"
)

func TestTheHelpShowsEveryKeyOnOneScreen(t *testing.T) {
	if n := len(bindings()); n > 26 {
		t.Errorf("there are %d keys to learn", n)
	}
	seen := map[string]bool{}
	for _, b := range bindings() {
		for _, k := range b.keys {
			if seen[k] {
				t.Errorf("%q is bound twice", k)
			}
			seen[k] = true
		}
	}
	onScreen(t, 80, 24, many(5), func(s *screen) {
		s.press("?")
		for _, b := range bindings() {
			if b.help != "" {
				s.shows("\n"+b.show+" ", b.help)
			}
		}
		for _, mv := range moves() {
			s.shows(mv[0])
		}
		s.press("?")
		s.shows("enter open")
	})
	onScreen(t, 40, 12, many(5), func(s *screen) {
		s.press("?")
		for range 5 {
			s.press("pgdown")
			s.sound()
		}
		s.shows("body jq")
	})
}
