package tui

import (
	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/input"
)

// openPrompt opens a prompt. accept gets its text.
func (m *model) openPrompt(o input.Options, accept func(text string) tea.Cmd) tea.Cmd {
	m.prompt = &prompt{Prompt: input.New(o), accept: accept}
	return nil
}

// filterOrSearch filters the list, or searches in another pane.
func (m *model) filterOrSearch() tea.Cmd {
	if m.focus == paneList {
		return m.openFilterPrompt()
	}
	return m.openPrompt(input.Options{Label: "search: ", Hint: "enter finds the next, then n and N"}, func(s string) tea.Cmd {
		m.search = s
		return m.findKey("n")
	})
}
