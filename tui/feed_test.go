package tui

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

func TestAllThatExistsAtTheStartIsRead(t *testing.T) {
	onScreen(t, 120, 40, many(2*feedLimit+500), func(s *screen) { s.shows("4,500/4,500") })
}

func TestAFeedThatFailsIsReadAgain(t *testing.T) {
	onScreen(t, 120, 40, many(2), func(s *screen) {
		read := s.m.cfg.Feed.Read
		broken := true
		s.m.cfg.Feed.Read = func(ctx context.Context, limit int) ([]event.Change, error) {
			if broken {
				broken = false
				return nil, errors.New("disk I/O error")
			}
			return read(ctx, limit)
		}
		s.session.record(delivery(3)) // read by what began before
		s.settle()
		s.session.record(delivery(4))
		s.settle()
		s.shows("read what is new: disk I/O error", "#4")
	})
}

// A timer would cost power for as long as a session waits, which is most of its time.
func TestNothingHappensAtRest(t *testing.T) {
	onScreen(t, 120, 40, many(20), func(s *screen) {
		for _, keys := range [][]string{{"enter"}, {"3"}, {"esc", "/", "n:1..9", "enter"}, {"esc", "?"}} {
			s.press(keys...)
			<-time.After(time.Hour)
			synctest.Wait()
			if n := len(s.msgs); n > 0 {
				t.Errorf("after %q the interface woke up %d times: %#v", keys, n, <-s.msgs)
			}
		}
	})
}
