package tui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/detail"
)

// Init begins to read the feed.
func (m *model) Init() tea.Cmd { return m.readFeed(0, false) }

// Update routes a message.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
		if m.page != nil {
			m.page.wrap(m.w)
		}
	case tea.KeyPressMsg:
		cmd = m.key(msg)
	case tea.PasteMsg:
		if m.prompt != nil {
			cmd = m.onPrompt(m.prompt.Paste(msg.Content))
		}
	case tea.MouseClickMsg:
		cmd = m.click(msg.Mouse())
	case wheelMsg:
		cmd = m.wheel(msg)
	case feedUpdate:
		cmd = m.applyFeed(msg)
	case detail.Prepared:
		m.detail.Set(msg)
	case detail.Result:
		cmd = m.onDetail(m.detail.Finish(msg), nil)
	case searchResult:
		cmd = m.applySearch(msg)
	case olderResult:
		m.addOlder(msg)
	case botFound:
		m.showBotWarning(msg)
	case actionResult:
		cmd = m.finishAction(msg)
	case continued:
		cmd = m.resume()
	case resumed:
		if msg.err != nil {
			m.showError(fmt.Errorf("set the terminal up again: %w", msg.err))
		} else {
			m.showNote("continued: nothing was received while hf-tap was stopped")
		}
		cmd = tea.ClearScreen
	case suspended:
		m.finishSuspend(msg)
	case editorResult:
		cmd = tea.Batch(m.finishEdit(msg), m.resetMouse())
	case pagerResult:
		if msg.err != nil {
			m.showError(msg.err)
		}
		cmd = m.resetMouse()
	}
	return m, tea.Batch(cmd, m.showSelected())
}

// key routes a key: to what is open in front of the screen, else to the pane with the
// focus, else to the bindings.
func (m *model) key(k tea.KeyPressMsg) tea.Cmd {
	name := k.String()
	switch name {
	case "ctrl+c":
		return tea.Quit
	case "ctrl+z":
		return m.suspend()
	}
	m.note = note{}
	switch {
	case m.prompt != nil:
		return m.onPrompt(m.prompt.Key(k))
	case m.menu != nil:
		return m.onMenu(m.menu.key(name))
	case m.page != nil:
		m.pageKey(name)
		return nil
	}
	if cmd, moved := m.moveKey(name); moved {
		m.arrived = arrival{} // the user has seen what is selected
		return cmd
	}
	for _, b := range append(readingKeys(), bindings()...) {
		if slices.Contains(b.keys, name) {
			return b.do(m, name)
		}
	}
	return nil
}
