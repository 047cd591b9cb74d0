package tui

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
)

// botFound is the result of reading comments: a warning, "" if there is no bot.
type botFound struct{ warning string }

// watchBots reads the recent comments of a repo if a new one makes them too many.
func (m *model) watchBots(changes []event.Change) tea.Cmd {
	var suspects []comment
	for _, c := range changes {
		if c.Row != nil {
			if recent := m.bots.add(c.Row); len(recent) >= botComments {
				suspects = recent
			}
		}
	}
	if suspects == nil || m.bots.reading || m.cfg.Feed.Get == nil {
		return nil
	}
	m.bots.reading = true
	get, suspects := m.cfg.Feed.Get, slices.Clone(suspects)
	return m.work.command(func(ctx context.Context) tea.Msg {
		return botFound{findBot(ctx, get, suspects)}
	})
}

// showBotWarning shows a warning in the header.
func (m *model) showBotWarning(b botFound) {
	m.bots.reading = false
	if b.warning != "" {
		m.header.botWarning = b.warning
	}
}
