package tui

import tea "charm.land/bubbletea/v2"

// wheelMsg is a turn of the wheel, in lines.
type wheelMsg struct{ x, y, by int }

// wheelLines is how many lines one notch of the wheel moves.
const wheelLines = 3

// wheelAsLines translates wheel events to lines, before they reach Update.
func wheelAsLines(_ tea.Model, msg tea.Msg) tea.Msg {
	wheel, ok := msg.(tea.MouseWheelMsg)
	if !ok {
		return msg
	}
	by := wheelLines
	if wheel.Button == tea.MouseWheelUp {
		by = -wheelLines
	} else if wheel.Button != tea.MouseWheelDown {
		return nil
	}
	return wheelMsg{wheel.X, wheel.Y, by}
}

// wheel moves in the pane under the pointer.
func (m *model) wheel(w wheelMsg) tea.Cmd {
	l := m.layout()
	switch {
	case m.page != nil || m.menu != nil || m.prompt != nil:
	case l.list.contains(w.x, w.y):
		return m.onList(m.list.Move(w.by))
	case l.detail.contains(w.x, w.y):
		m.detail.Move(w.by)
	case l.app.contains(w.x, w.y):
		m.app.move(w.by)
	}
	return nil
}

// click selects what is under the pointer. A click on what is selected opens it.
func (m *model) click(at tea.Mouse) tea.Cmd {
	if at.Button != tea.MouseLeft || m.prompt != nil {
		return nil
	}
	m.note = note{}
	l := m.layout()
	switch {
	case m.page != nil:
		m.page = nil
	case m.menu != nil:
		if !l.menu.contains(at.X, at.Y) {
			m.menu = nil
			return nil
		}
		return m.onMenu(m.menu.click(at.Y-l.menu.y), true)
	case l.list.contains(at.X, at.Y):
		return m.onList(m.list.Click(at.Y-l.list.y, m.focus == paneList))
	case l.tabs.contains(at.X, at.Y) && m.focus != paneApp && m.list.SelectedRow() != nil:
		if tab, ok := m.detail.TabAt(at.X-l.tabs.x, l.tabs.w); ok {
			m.openTab(tab)
		}
	case l.detail.contains(at.X, at.Y) && m.list.SelectedRow() != nil:
		focused := m.focus == paneDetail
		m.focusOn(paneDetail)
		return m.onDetail(m.detail.Click(at.Y-l.detail.y, l.detail.h, focused))
	case l.app.contains(at.X, at.Y):
		m.app.click(at.Y - l.app.y)
	}
	return nil
}
