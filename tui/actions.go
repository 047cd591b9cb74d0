package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
)

var errUnavailable = errors.New("this is not to be had here")

// actionResult is the result of an action.
type actionResult struct {
	text string
	err  error
	then func() tea.Cmd // continues after success; may be nil
	ran  bool           // it was started by runAction
}

// runAction runs an action as a command. what is the action in words.
func (m *model) runAction(what string, f func(context.Context) (string, error)) tea.Cmd {
	m.showNote(what + " …")
	m.actions++
	return m.work.command(func(ctx context.Context) tea.Msg {
		text, err := f(ctx)
		if err != nil && !strings.HasPrefix(err.Error(), what+": ") {
			err = fmt.Errorf("%s: %w", what, err)
		}
		return actionResult{text: text, err: err, ran: true}
	})
}

// finishAction shows the result of an action.
func (m *model) finishAction(r actionResult) tea.Cmd {
	if r.ran {
		m.actions--
	}
	m.header.status = m.cfg.Status()
	if r.err != nil {
		m.showError(r.err)
		return nil
	}
	m.showNote(r.text)
	if r.then != nil {
		return r.then()
	}
	return nil
}

// showUnavailable shows that an action is not available in this session.
func (m *model) showUnavailable() tea.Cmd {
	m.showError(errUnavailable)
	return nil
}

// chosenEvents returns the numbers of the marked events, else of the selected one.
func (m *model) chosenEvents() []int64 {
	if ns := m.list.Marked(); len(ns) > 0 {
		return ns
	}
	if row := m.list.SelectedRow(); row != nil {
		return []int64{row.N}
	}
	return nil
}

// manyEvents is how many events an action takes without a question.
const manyEvents = 20

// justArrived is how long an event is safe from keys after the selection went to it by
// itself.
const justArrived = 500 * time.Millisecond

// onChosen does an action on the chosen events. It asks before if some of them are
// hidden by the filter, or if they are many. A key that was meant for the event before
// does nothing to one that has just arrived.
func (m *model) onChosen(what string, do func(ns []int64) tea.Cmd) tea.Cmd {
	ns := m.chosenEvents()
	if ns == nil {
		m.showNote("select an event first")
		return nil
	}
	if len(m.list.Marked()) == 0 && m.focus == paneList && m.arrived.n == ns[0] && time.Since(m.arrived.at) < justArrived {
		m.list.Follow(false)
		m.arrived = arrival{}
		m.showNote(fmt.Sprintf("#%d has just arrived: press the key again to %s it", ns[0], what))
		return nil
	}
	return m.onEvents(what, ns, do)
}

// onEvents does an action on some events, after a question if that may be a slip.
func (m *model) onEvents(what string, ns []int64, do func(ns []int64) tea.Cmd) tea.Cmd {
	hidden := 0
	for _, n := range ns {
		if !m.list.IsShown(n) {
			hidden++
		}
	}
	question := what + " " + eventWords(ns)
	switch {
	case hidden == len(ns):
		question += ", hidden by the filter"
	case hidden > 0:
		question += fmt.Sprintf(", %d of them hidden by the filter", hidden)
	case len(ns) <= manyEvents:
		return do(ns)
	}
	m.ask(question+"?", func() tea.Cmd { return do(ns) })
	return nil
}

// ask asks a question before an action.
func (m *model) ask(question string, do func() tea.Cmd) {
	m.menu = &menu{title: question}
	m.menu.add("y", "yes", do)
	m.menu.add("n", "no", func() tea.Cmd { return nil })
}

// eventWords is the name of some events: "#12", "3 events".
func eventWords(ns []int64) string {
	if len(ns) == 1 {
		return "#" + strconv.FormatInt(ns[0], 10)
	}
	return present.Count(len(ns), "event")
}

// togglePin pins the chosen events. If all are pinned, it unpins them.
func (m *model) togglePin() tea.Cmd {
	if m.cfg.Actions.Pin == nil {
		return m.showUnavailable()
	}
	on := slices.ContainsFunc(m.chosenEvents(), func(n int64) bool { return !slices.Contains(m.pins, n) })
	what := map[bool]string{true: "pin", false: "unpin"}[on]
	return m.onChosen(what, func(ns []int64) tea.Cmd {
		return m.runAction(what+" "+eventWords(ns), func(ctx context.Context) (string, error) { return m.cfg.Actions.Pin(ctx, ns, on) })
	})
}

// togglePause pauses or resumes delivery to targets.
func (m *model) togglePause() tea.Cmd {
	if m.cfg.Actions.Pause == nil {
		return m.showUnavailable()
	}
	on := !m.header.status.Paused
	what := map[bool]string{true: "pause handing over", false: "resume handing over"}[on]
	do := m.cfg.Actions.Pause
	return m.runAction(what, func(ctx context.Context) (string, error) { return do(ctx, on) })
}

// withEvent reads a whole event, and continues with it.
func (m *model) withEvent(n int64, do func(*event.Event) tea.Cmd) tea.Cmd {
	if m.cfg.Feed.Get == nil {
		return m.showUnavailable()
	}
	get := m.cfg.Feed.Get
	return m.work.command(func(ctx context.Context) tea.Msg {
		e, err := get(ctx, n)
		if err != nil {
			return actionResult{err: fmt.Errorf("read #%d: %w", n, err)}
		}
		return actionResult{then: func() tea.Cmd { return do(e) }}
	})
}
