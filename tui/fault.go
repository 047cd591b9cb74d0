package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/present"
)

// parseFault parses a fault: "500 delay 2s next 3 for kind:repo.*".
func parseFault(s string) (*Fault, error) {
	f := &Fault{}
	head, which, hasFilter := strings.Cut(s+" ", " for ")
	if hasFilter {
		parsed, err := filter.Parse(which)
		if err != nil {
			return nil, err
		}
		f.Filter = parsed
	}
	wrong := func(word string) error {
		return fmt.Errorf("fault %q: %q is not understood: want a status, delay 5s, drop, next 3, for FILTER", s, word)
	}
	words := strings.Fields(head)
	for i := 0; i < len(words); i++ {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch words[i] {
		case "drop":
			f.Drop = true
		case "delay":
			d, err := time.ParseDuration(next)
			if err != nil || d <= 0 {
				return nil, wrong("delay " + next)
			}
			f.Delay = d
			i++
		case "next":
			n, err := strconv.Atoi(next)
			if err != nil || n < 1 {
				return nil, wrong("next " + next)
			}
			f.Times = n
			i++
		default:
			status, err := strconv.Atoi(words[i])
			if err != nil || status < 200 || status > 599 {
				return nil, wrong(words[i])
			}
			f.Status = status
		}
	}
	if f.Status == 0 && f.Delay == 0 && !f.Drop {
		return nil, wrong(strings.TrimSpace(s))
	}
	return f, nil
}

// faultWords is a fault in words. left is how many answers are still to be wrong; 0: all.
func faultWords(f *Fault, left int) string {
	var what string
	switch {
	case f.Drop:
		what = "no answer, the connection is dropped"
	case f.Status != 0:
		what = fmt.Sprintf("answered %d", f.Status)
	default:
		what = "answered late"
	}
	if f.Delay > 0 {
		what += " after " + present.Duration(f.Delay)
	}
	who := "every delivery"
	switch {
	case left == 1:
		who = "the next delivery"
	case left > 1:
		who = "the next " + present.Group(left) + " deliveries"
	}
	if !f.Filter.Empty() {
		who += " that fits " + f.Filter.String()
		if left > 1 {
			who = strings.Replace(who, " fits ", " fit ", 1)
		}
	}
	return who + ": " + what
}
