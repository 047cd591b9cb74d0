package tui

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

func TestTheFilterNarrowsTheListWhileItIsTyped(t *testing.T) {
	onScreen(t, 80, 24, many(22), func(s *screen) {
		s.press("/", "kind:disc")
		s.shows("filter kind:disc  10 of 22")
		s.hides("repo.create")
		s.press("esc")
		s.shows("22/22", "repo.create")
		s.press("/", "kind:disc", "enter")
		s.shows("10 of 22", "10/10")
		s.session.record(delivery(23)) // a repo event
		s.settle()
		s.shows("10 of 23")
		s.session.record(delivery(28)) // a discussion
		s.settle()
		s.shows("11 of 24")
		s.press("esc")
		s.hides("filter kind")
		s.shows("24/24")
	})
}

func TestAnInvalidFilterSaysWhereAndKeepsTheLastResult(t *testing.T) {
	onScreen(t, 80, 24, many(22), func(s *screen) {
		s.press("/", "kind:disc foo:x")
		s.shows(`at character 11: unknown key "foo"`, "filter kind:disc foo  0 of 22", "/ kind:disc foo:x")
		s.press("enter") // does not throw away what was typed
		s.shows("/ kind:disc foo:x")
		s.press("ctrl+w", "enter")
		s.shows("filter kind:disc  10 of 22")
	})
}

func TestAKeyThatIsBeingTypedIsNotAWord(t *testing.T) {
	onScreen(t, 80, 24, many(5), func(s *screen) {
		s.press("/", "re")
		s.shows("repo:  replay:")
		s.hides("filter re")
		s.press("f")
		s.shows("filter ref")
		s.press("ctrl+u", "re", "enter") // finished: a word
		s.shows("filter re")
	})
}

func TestAFilterThatLacksSomethingSaysWhat(t *testing.T) {
	onScreen(t, 80, 24, many(5), func(s *screen) {
		s.press("/", "kind:discussion.* kind:")
		s.shows("repo.create  ")
		s.press("enter")
		s.shows("/ kind:discussion.* kind:", "want")
		s.hides("repo.create  ")
		s.press("r") // what was wrong is said until it is typed on
		s.shows("repo.create  ")
		s.sound()
	})
}

func TestTabDoesNotBeginAKeyBehindAFinishedTerm(t *testing.T) {
	onScreen(t, 80, 24, many(5), func(s *screen) {
		s.press("/", "verdict:", "tab", "tab", "tab")
		if got := s.m.prompt.Text(); got != "verdict:ok " {
			t.Errorf("the filter is %q", got)
		}
		s.press("down", "tab") // chosen by the arrows it is meant
		if got := s.m.prompt.Text(); got != "verdict:ok kind:" {
			t.Errorf("the filter is %q", got)
		}
	})
}

func TestTabCompletesKeysAndValues(t *testing.T) {
	onScreen(t, 80, 24, many(22), func(s *screen) {
		s.press("/", "verd", "tab")
		s.shows("/ verdict:", "ok  wrong  missing  unchecked")
		s.press("down", "down", "down", "down", "up", "enter")
		s.shows("/ verdict:missing", "0 of 22")
		s.press("ctrl+u", "repo:whis", "tab")
		s.shows("/ repo:model:me/whisper-tiny", "22 of 22")
	})
}

func TestWordsAreSearchedInBodiesToo(t *testing.T) {
	onScreen(t, 80, 24, func(w *fakeSession) {
		for i := 1; i <= 450; i++ {
			e := delivery(i)
			if i%100 == 7 {
				e.Body = []byte(strings.Replace(string(e.Body), `"event"`, `"note":"Ping @bot please","event"`, 1))
			}
			w.record(e)
		}
	}, func(s *screen) {
		s.press("/", `"@bot" is:settled`, "enter")
		s.shows("5 of 450", "#7", "#107", "#407")
		gets := s.session.gets
		s.press("up", "up")
		if s.session.gets > gets+2 {
			t.Errorf("moving in the result looked into %d bodies", s.session.gets-gets)
		}
		s.press("/", "ctrl+u", "jq:.body.note and .n > 200", "enter")
		s.shows("3 of 450", "#207", "#307", "#407")
	})
}

func TestAnExpressionThatTakesTooLongIsReported(t *testing.T) {
	onScreen(t, 120, 24, many(3), func(s *screen) {
		s.press("/", `jq:("aaaaaaaaaa"*100000000)|length>1`, "enter")
		s.shows("0 of 3  the expression took too long on 3 events")
		s.hides("looking into bodies")
		s.press("/", "ctrl+u", "jq:.n>1", "enter")
		s.shows("2 of 3")
		s.hides("took too long")
	})
}

func TestTheSearchInBodiesSaysHowFarItIs(t *testing.T) {
	onScreen(t, 120, 24, many(150), func(s *screen) {
		get := s.m.cfg.Feed.Get
		var quick atomic.Bool
		s.m.cfg.Feed.Get = func(ctx context.Context, n int64) (*event.Event, error) {
			if !quick.Load() {
				pause(ctx, searchTime/2)
			}
			return get(ctx, n)
		}
		s.press("esc")
		cmd := s.m.setFilter(must(filter.Parse("jq:.n<=3")))
		s.shows("looking into bodies: 0 of 150")
		s.send(cmd())
		s.shows("looking into bodies: 3 of 150") // what is slow is shown as it comes
		quick.Store(true)
		s.settle()
		s.shows("3 of 150", "#1", "#2", "#3")
		s.hides("looking into bodies")
		s.sound()
	})
}

func must(f *filter.Filter, err error) *filter.Filter {
	if err != nil {
		panic(err)
	}
	return f
}

func TestOlderEventsAreSearchedOnRequest(t *testing.T) {
	onScreen(t, 80, 24, func(w *fakeSession) {
		for i := 101; i <= 111; i++ {
			w.record(delivery(i))
		}
		for i := 100; i > 0; i-- {
			w.old = append(w.old, delivery(i))
		}
	}, func(s *screen) {
		s.press("/", "kind:repo.move", "enter")
		s.shows("1 of 11", "#102")
		s.press("up")
		s.shows("9 older events", "10 of 20")
		s.press("g")
		s.shows("#3")
		s.press("up")
		s.sound()
		s.press("esc") // what a search brought has gaps, and goes with it
		s.shows("1/11")
	})
}

func TestAFilterWithoutAMatchSaysSo(t *testing.T) {
	onScreen(t, 80, 24, many(3), func(s *screen) {
		s.press("/", "kind:nothing", "enter")
		s.shows("no event fits the filter", "0 of 3")
		s.press("r", "enter", "p", "c", "e", "o", "space", "G", "j", "tab") // nothing is selected
		s.sound()
		if said := s.session.actions(); len(said) != 0 {
			t.Errorf("with nothing selected it did %q", said)
		}
	})
}
