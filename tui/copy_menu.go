package tui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
)

// copyMenu offers parts of the selected event to copy.
func (m *model) copyMenu() tea.Cmd {
	row := m.list.SelectedRow()
	if row == nil {
		m.showNote("select an event first")
		return nil
	}
	mn := &menu{title: "copy of #" + fmt.Sprint(row.N)}
	if path, value, ok := m.detail.Cursor(); ok && m.focus == paneDetail {
		mn.add("v", "the value at the cursor", func() tea.Cmd { return m.copyText("the value", value) })
		mn.add("p", "its path, "+path, func() tea.Cmd { return m.copyText("the path", path) })
	}
	for _, c := range []struct {
		key, name string
		make      func(*event.Event) (string, error)
	}{
		{"c", "the curl command that sends it again", func(e *event.Event) (string, error) { return m.curl(e), nil }},
		{"j", "the event as JSON", m.eventJSON},
		{"b", "its body", func(e *event.Event) (string, error) { return string(e.Body), nil }},
		{"u", "its address on the Hub", hubURL},
	} {
		mn.add(c.key, c.name, func() tea.Cmd {
			return m.withEvent(row.N, func(e *event.Event) tea.Cmd {
				text, err := c.make(e)
				if err != nil {
					m.showError(err)
					return nil
				}
				return m.copyText(c.name, text)
			})
		})
	}
	mn.add("s", "show the curl command below this screen, to select it by hand", func() tea.Cmd {
		return m.withEvent(row.N, func(e *event.Event) tea.Cmd {
			return tea.Exec(&textScreen{ctx: m.work.ctx, text: m.curl(e)}, func(err error) tea.Msg {
				return actionResult{err: err}
			})
		})
	})
	m.menu = mn
	return nil
}

// curl is the command that sends an event to its first target, or else to the public
// address.
func (m *model) curl(e *event.Event) string {
	to := m.header.status.URL
	if len(e.Targets) > 0 {
		to = e.Targets[0]
	}
	return m.cfg.Secrets.Mask(event.Curl(e, to))
}

// eventJSON is an event as its JSON line, with indents.
func (m *model) eventJSON(e *event.Event) (string, error) {
	line, err := e.JSONLine(event.LineEvent)
	if err != nil {
		return "", err
	}
	line = m.cfg.Secrets.MaskBody(line)
	if text, ok := present.Indent(line); ok {
		return string(text), nil
	}
	return string(line), nil
}
