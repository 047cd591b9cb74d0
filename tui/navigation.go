package tui

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/detail"
	"github.com/hf-tap/hf-tap/tui/input"
)

// moveKey moves in the pane with the focus. It reports whether the key moves.
func (m *model) moveKey(name string) (tea.Cmd, bool) {
	page := max(m.pageHeight()-1, 1)
	by := 0
	switch name {
	case "up", "k":
		by = -1
	case "down", "j":
		by = 1
	case "pgup", "ctrl+b":
		by = -page
	case "pgdown", "ctrl+f":
		by = page
	case "ctrl+u":
		by = -max(page/2, 1)
	case "ctrl+d":
		by = max(page/2, 1)
	case "home", "g":
		by = -toEnd
	case "end", "G":
		by = toEnd
	case "left", "h":
		return m.sideways(false), true
	case "right", "l":
		return m.sideways(true), true
	case "1", "2", "3", "4", "5":
		m.openTab(detail.Tab(name[0] - '1'))
		return nil, true
	default:
		return nil, false
	}
	return m.moveBy(by), true
}

// moveBy moves by some rows in the pane with the focus.
func (m *model) moveBy(by int) tea.Cmd {
	switch m.focus {
	case paneDetail:
		m.detail.Move(by)
	case paneApp:
		m.app.move(by)
	default:
		if by == toEnd {
			m.list.Follow(true)
			return nil
		}
		return m.onList(m.list.Move(by))
	}
	return nil
}

// toEnd is a move to the end.
const toEnd = 1 << 30

// sideways opens and closes nodes, and goes between the list and the event.
func (m *model) sideways(right bool) tea.Cmd {
	switch {
	case m.focus == paneList && right && m.list.SelectedRow() != nil:
		m.focusOn(paneDetail)
	case m.focus == paneApp && !right:
		m.focusOn(paneList)
	case m.focus == paneDetail && right:
		return m.onDetail(m.detail.Do(detail.Open))
	case m.focus == paneDetail:
		return m.onDetail(m.detail.Do(detail.Close))
	}
	return nil
}

// enter opens what is selected.
func (m *model) enter(string) tea.Cmd {
	switch {
	case m.focus == paneList && m.list.SelectedRow() != nil:
		m.focusOn(paneDetail)
	case m.focus == paneDetail:
		return m.onDetail(m.detail.Do(detail.Toggle))
	case m.focus == paneApp:
		m.app.toggleWrap()
	}
	return nil
}

// mark marks the selected event. In the other panes the key is a page down.
func (m *model) mark(string) tea.Cmd {
	if m.focus != paneList {
		return m.moveBy(max(m.pageHeight()-1, 1))
	}
	if !m.list.ToggleMark() {
		m.showNote("only events can be marked")
	}
	return nil
}

// markMany marks all events that are shown, or inverts their marks.
func (m *model) markMany(key string) tea.Cmd {
	if key == "!" {
		m.list.InvertMarks()
	} else {
		m.list.ToggleAll()
	}
	return nil
}

// toggleFollow makes the list follow the newest event, or stop.
func (m *model) toggleFollow() tea.Cmd {
	m.list.Follow(!m.list.Following())
	return nil
}

// eventKey goes to the next event or to the previous one, and stays in the pane.
func (m *model) eventKey(key string) tea.Cmd {
	by := 1
	if key == "K" {
		by = -1
	}
	if !m.list.MoveEvent(by) {
		m.showNote("there is no further event")
	}
	return nil
}

// jumpPrompt asks for the number of an event, and goes there.
func (m *model) jumpPrompt() tea.Cmd {
	return m.openPrompt(input.Options{Label: "#", Hint: "the number of an event"}, func(s string) tea.Cmd {
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(s, "#")), 10, 64)
		switch {
		case err != nil:
			m.showError(fmt.Errorf("%q is not an event number", s))
		case m.list.Jump(n):
		case m.list.Row(n) != nil:
			m.showNote(fmt.Sprintf("#%d is hidden by the filter: esc removes it", n))
		default:
			m.showNote(fmt.Sprintf("#%d is not in the list: ↑ at the top reads older events", n))
		}
		return nil
	})
}

// leave goes back, or quits from the list. It asks before work would be lost.
func (m *model) leave() tea.Cmd {
	if m.focus != paneList {
		m.focusOn(paneList)
		return nil
	}
	var lost []string
	if m.header.status.AppRuns {
		lost = append(lost, "the app is running")
	}
	if n := m.header.status.Queued; n > 0 {
		lost = append(lost, present.Count(n, "event")+" waiting")
	}
	if m.actions > 0 {
		lost = append(lost, present.Count(m.actions, "action")+" under way")
	}
	if lost == nil {
		return tea.Quit
	}
	m.ask("quit? "+strings.Join(lost, ", "), func() tea.Cmd { return tea.Quit })
	return nil
}

// back goes to the list. In the list it removes the marks, then the filter, then the
// warning about a bot.
func (m *model) back() tea.Cmd {
	switch {
	case m.focus != paneList:
		m.focusOn(paneList)
	case len(m.list.Marked()) > 0:
		m.list.ClearMarks()
	case !m.list.Filter().Empty():
		return m.setFilter(nil)
	default:
		m.header.botWarning = ""
		m.bots.recent = nil // the warning comes back after as many comments again
	}
	return nil
}

// tabKey goes to the next of the list, the tabs and the app, or to the previous one.
func (m *model) tabKey(key string) tea.Cmd {
	const list, app = 0, detail.Tabs + 1 // the tabs are between them
	places := app
	if m.cfg.Feed.App != nil {
		places++
	}
	at := list
	switch m.focus {
	case paneDetail:
		at = 1 + int(m.detail.Tab())
	case paneApp:
		at = app
	}
	step := 1
	if key == "shift+tab" {
		step = places - 1
	}
	at = (at + step) % places
	if m.list.SelectedRow() == nil && at > list && at < app { // no event, no tabs
		if at = list; m.cfg.Feed.App != nil && m.focus == paneList {
			at = app
		}
	}
	switch at {
	case list:
		m.focusOn(paneList)
	case app:
		m.focusOn(paneApp)
	default:
		m.openTab(detail.Tab(at - 1))
	}
	return nil
}

// foldKey opens or closes a level of the JSON tree, or all of it.
func (m *model) foldKey(key string) tea.Cmd {
	switch {
	case m.focus != paneDetail:
		return nil
	case key == "Z":
		return m.onDetail(m.detail.Do(detail.ToggleAll))
	}
	return m.onDetail(m.detail.Do(detail.ToggleLevel))
}

// findKey goes to the next place that contains the searched phrase, or the previous one.
func (m *model) findKey(key string) tea.Cmd {
	back := key == "N"
	switch {
	case m.focus == paneApp && !m.app.find(m.search, back):
		m.showNotFound()
	case m.focus == paneApp:
		m.showHits(m.app.scroll.Hits())
	case m.focus == paneDetail:
		return m.onDetail(m.detail.Find(m.search, back))
	}
	return nil
}

// showHits shows which of the places with the searched phrase is selected.
func (m *model) showHits(at, of int) {
	if of > 0 {
		m.note = note{text: fmt.Sprintf("%q %s of %s", m.search, present.Group(at), present.Group(of))}
	}
}

// toggleMouse makes the mouse work here, or in the terminal.
func (m *model) toggleMouse() tea.Cmd {
	m.mouse = !m.mouse
	if m.mouse {
		m.showNote("the mouse works here; m gives it back to the terminal")
	} else {
		m.showNote("the mouse is the terminal's: select and copy with it")
	}
	return nil
}

// zoomKey gives the pane with the focus more room, or less.
func (m *model) zoomKey(key string) tea.Cmd {
	by := 1
	if key == "_" {
		by = -1
	}
	if m.focus != paneList {
		by = -by
	}
	m.zoom = min(max(m.zoom+by, -wholeList), wholeList)
	return nil
}

// toggleRaw shows bodies as they came, or laid out for reading.
func (m *model) toggleRaw() tea.Cmd {
	m.detail.ToggleRaw()
	if m.detail.Raw() {
		m.showNote("bodies are shown as they came; V lays them out again")
	} else {
		m.showNote("bodies are laid out for reading")
	}
	return nil
}

// toggleWrap wraps long lines of the app, or cuts them.
func (m *model) toggleWrap() tea.Cmd {
	if m.focus == paneApp {
		m.app.toggleWrap()
	}
	return nil
}
