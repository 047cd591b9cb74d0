package tui

import (
	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/input"
)

// ask opens a prompt. accept gets its text.
func (m *model) ask(o input.Options, accept func(text string) tea.Cmd) tea.Cmd {
	m.prompt = &prompt{Prompt: input.New(o), accept: accept}
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
