package tui

import (
	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/input"
)

// prompt is an open prompt, and what to do with its text.
type prompt struct {
	*input.Prompt
	changed func() tea.Cmd // may be nil
	accept  func(text string) tea.Cmd
	cancel  func() tea.Cmd // may be nil
}

// ask opens a prompt. accept gets its text.
func (m *model) ask(o input.Options, accept func(text string) tea.Cmd) tea.Cmd {
	m.prompt = &prompt{Prompt: input.New(o), accept: accept}
	return nil
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

// slash filters the list, or searches in another pane.
func (m *model) slash() tea.Cmd {
	if m.focus == paneList {
		return m.askFilter()
	}
	return m.ask(input.Options{Label: "search: ", Hint: "enter finds the next, then n and N"}, func(s string) tea.Cmd {
		m.search = s
		return m.findKey("n")
	})
}
