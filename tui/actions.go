package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
}

// runAction runs an action as a command. what is the action in words.
func (m *model) runAction(what string, f func(context.Context) (string, error)) tea.Cmd {
	m.showNote(what + " …")
	return m.work.command(func(ctx context.Context) tea.Msg {
		text, err := f(ctx)
		if err != nil && !strings.HasPrefix(err.Error(), what+": ") {
			err = fmt.Errorf("%s: %w", what, err)
		}
		return actionResult{text: text, err: err}
	})
}

// finishAction shows the result of an action.
func (m *model) finishAction(r actionResult) tea.Cmd {
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

// requireEvents returns the chosen events, and shows a note if there are none.
func (m *model) requireEvents() []int64 {
	ns := m.chosenEvents()
	if ns == nil {
		m.showNote("select an event first")
	}
	return ns
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
	ns := m.requireEvents()
	if ns == nil {
		return nil
	}
	if m.cfg.Actions.Pin == nil {
		return m.showUnavailable()
	}
	on := false
	for _, n := range ns {
		on = on || !slices.Contains(m.pins, n)
	}
	what := map[bool]string{true: "pin ", false: "unpin "}[on] + eventWords(ns)
	do := m.cfg.Actions.Pin
	return m.runAction(what, func(ctx context.Context) (string, error) { return do(ctx, ns, on) })
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
