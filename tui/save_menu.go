package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"
)

// saveMenu offers formats in which to save the chosen events.
func (m *model) saveMenu() tea.Cmd {
	if m.focus == paneApp {
		return m.saveApp()
	}
	if m.cfg.Actions.Save == nil {
		return m.showUnavailable()
	}
	return m.onChosen("save", m.offerFormats)
}

func (m *model) offerFormats(ns []int64) tea.Cmd {
	mn := &menu{title: "save " + eventWords(ns)}
	for _, f := range []struct {
		key, name string
		format    Format
	}{
		{"j", "as JSON, all that is known of it: events import reads it", FormatJSON},
		{"n", "as NDJSON, a line an event", FormatNDJSON},
		{"f", "the body alone, byte for byte", FormatFixture},
	} {
		if f.format == FormatFixture && len(ns) > 1 {
			continue // a fixture is the body of one event
		}
		mn.add(f.key, f.name, func() tea.Cmd {
			save := m.cfg.Actions.Save
			return m.runAction("save "+eventWords(ns), func(ctx context.Context) (string, error) { return save(ctx, ns, f.format) })
		})
	}
	m.menu = mn
	return nil
}
