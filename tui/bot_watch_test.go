package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

func TestABotThatAnswersItselfIsNoticed(t *testing.T) {
	comment := func(i int, author, discussion string, at time.Duration) *event.Event {
		e := delivery(9) // discussion.comment.create
		e.N, e.ReceivedAt = int64(i), noon.Add(at)
		e.Body = []byte(fmt.Sprintf(`{"event":{"action":"create","scope":"discussion.comment"},"repo":{"type":"model","name":"me/m"},"discussion":{"id":%q,"num":4},"comment":{"author":{"id":%q}}}`, discussion, author))
		e.ParseRequest()
		return e
	}
	for _, c := range []struct {
		name string
		make func(i int) *event.Event
		loop bool
	}{
		{"one author, one discussion, one minute", func(i int) *event.Event { return comment(i, "a", "d", time.Duration(i)*5*time.Second) }, true},
		{"ten authors", func(i int) *event.Event { return comment(i, fmt.Sprint(i), "d", time.Duration(i)*5*time.Second) }, false},
		{"ten discussions", func(i int) *event.Event { return comment(i, "a", fmt.Sprint(i), time.Duration(i)*5*time.Second) }, false},
		{"ten minutes", func(i int) *event.Event { return comment(i, "a", "d", time.Duration(i)*time.Minute) }, false},
	} {
		onScreen(t, 140, 24, nil, func(s *screen) {
			for i := 1; i <= 10; i++ {
				s.session.record(c.make(i))
				s.settle()
			}
			if got := strings.Contains(s.text(), "LOOP?  10 comments by one author in a minute in model:me/m #4: a bot that answers itself?  esc dismisses"); got != c.loop {
				t.Errorf("%s: warned: %v\n%s", c.name, got, s.text())
			}
			s.press("esc")
			s.hides("LOOP?")
			s.session.record(c.make(11))
			s.settle()
			s.hides("LOOP?")
		})
	}
}
