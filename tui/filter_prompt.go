package tui

import (
	"errors"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/input"
)

// openFilterPrompt asks for a filter, and applies it while it is typed.
func (m *model) openFilterPrompt() tea.Cmd {
	before := m.list.Filter()
	text := before.String()
	if text != "" && !strings.HasSuffix(text, " ") {
		text += " "
	}
	m.openPrompt(input.Options{Label: "/ ", Text: text, Hint: `words, "phrases", keys: tab completes`, Complete: m.completeFilter}, nil)
	p := m.prompt
	p.changed = func() tea.Cmd {
		cmd, err := m.applyFilter(p.FinishedText())
		p.SetProblem(filterProblem(err))
		return cmd
	}
	p.accept = func(s string) tea.Cmd {
		cmd, err := m.applyFilter(s)
		if err != nil {
			p.Refuse(filterProblem(err))
			m.prompt = p // stays open: the text would be lost
		}
		return cmd
	}
	p.cancel = func() tea.Cmd {
		if before.String() == m.list.Filter().String() {
			return nil // what a search has read stays
		}
		return m.setFilter(before)
	}
	return nil
}

// applyFilter sets a filter, unless it is set already.
func (m *model) applyFilter(s string) (tea.Cmd, error) {
	f, err := filter.Parse(strings.TrimSpace(s))
	if err != nil || f.String() == m.list.Filter().String() {
		return nil, err
	}
	return m.setFilter(f), nil
}

// completeFilter offers values of the list's events, too.
func (m *model) completeFilter(text string, cursor int) filter.Completion {
	known := filter.Known{}
	for _, t := range m.header.status.Targets {
		known.Targets = append(known.Targets, present.Target(t.Name))
	}
	looked := 0
	for r := range m.list.Rows() {
		if looked++; looked > 2000 || len(known.Repos) == 50 {
			break
		}
		known.Add(r)
	}
	return filter.Complete(text, cursor, known)
}

// filterProblem returns what is wrong with a filter, briefly; "" if err is nil.
func filterProblem(err error) string {
	var at *filter.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &at):
		return fmt.Sprintf("%s: %s: want %s", at.Place(), at.Problem, at.Want)
	}
	return err.Error()
}
