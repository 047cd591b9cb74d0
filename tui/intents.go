package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/detail"
	"github.com/hf-tap/hf-tap/tui/input"
	"github.com/hf-tap/hf-tap/tui/list"
)

// onList does what a key or a click asked of the list.
func (m *model) onList(intent list.Intent) tea.Cmd {
	switch intent {
	case list.Focus:
		m.focusOn(paneList)
	case list.Open:
		m.focusOn(paneDetail)
	case list.ReadOlder:
		return m.readOlder()
	}
	return nil
}

// onDetail does what a key or a click asked of the detail.
func (m *model) onDetail(intent detail.Intent, task detail.Task) tea.Cmd {
	switch intent {
	case detail.Leave:
		m.focusOn(paneList)
	case detail.Found:
		m.showHits(m.detail.Hits())
	case detail.NotFound:
		m.showNotFound()
	}
	if task == nil {
		return nil
	}
	return m.work.command(func(context.Context) tea.Msg { return task() })
}

// onPrompt does what a key asked of the open prompt.
func (m *model) onPrompt(intent input.Intent) tea.Cmd {
	p := m.prompt
	switch intent {
	case input.Change:
		if p.changed != nil {
			return p.changed()
		}
	case input.Accept:
		m.prompt = nil
		return p.accept(p.Text())
	case input.Cancel:
		m.prompt = nil
		if p.cancel != nil {
			return p.cancel()
		}
	}
	return nil
}

// onMenu closes the menu and does what was chosen in it, if anything.
func (m *model) onMenu(chosen *item, closes bool) tea.Cmd {
	mn := m.menu
	if closes {
		m.menu = nil
	}
	switch {
	case chosen != nil:
		return chosen.do()
	case closes:
		m.showNote(mn.cancelNote)
	}
	return nil
}
