package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"
)

// copyOfApp offers parts of the app's output to copy.
func (m *model) copyOfApp() tea.Cmd {
	mn := &menu{title: "copy of the app's output"}
	mn.add("l", "the selected line", func() tea.Cmd { return m.copyText("the line", m.app.lineText()) })
	mn.add("a", "all of it", func() tea.Cmd { return m.copyText("the app's output", m.app.wholeText()) })
	m.menu = mn
	return nil
}

// saveApp saves the app's output.
func (m *model) saveApp() tea.Cmd {
	save, text := m.cfg.Actions.SaveApp, m.app.wholeText()
	if save == nil {
		return m.showUnavailable()
	}
	return m.runAction("save the app's output", func(ctx context.Context) (string, error) { return save(ctx, text) })
}

// restartApp ends the app and starts it again, after a question if it runs.
func (m *model) restartApp() tea.Cmd {
	restart := m.cfg.Actions.RestartApp
	if restart == nil {
		return m.showUnavailable()
	}
	do := func() tea.Cmd { return m.runAction("start the app again", restart) }
	if m.header.status.AppRuns {
		m.ask("end the app and start it again?", do)
		return nil
	}
	return do()
}

// showApp opens the app's output, or goes back from it.
func (m *model) showApp() tea.Cmd {
	switch {
	case m.cfg.Feed.App == nil:
		m.showNote("there is no app: hf-tap listen … -- COMMAND starts one")
	case m.focus == paneApp:
		m.focusOn(paneList)
	default:
		m.focusOn(paneApp)
	}
	return nil
}
