package tui

import (
	"errors"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/tui/input"
	"github.com/hf-tap/hf-tap/tui/line"
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

// askFilter asks for a filter, and applies it while it is typed.
func (m *model) askFilter() tea.Cmd {
	before := m.list.Filter()
	text := before.String()
	if text != "" && !strings.HasSuffix(text, " ") {
		text += " "
	}
	m.ask(input.Options{Label: "/ ", Text: text, Hint: `words, "phrases", keys: tab completes`, Complete: m.completeFilter}, nil)
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
		known.Targets = append(known.Targets, line.ShortTarget(t.Name))
	}
	seen := map[string]bool{}
	looked := 0
	for r := range m.list.Rows() {
		if looked++; looked > 2000 || len(seen) == 50 {
			break
		}
		if r.Repo != "" && !seen[r.Repo] {
			seen[r.Repo] = true
			known.Repos = append(known.Repos, r.Repo)
		}
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
		return fmt.Sprintf("at %d: %s: want %s", at.Pos+1, at.Problem, at.Want)
	}
	return err.Error()
}
