package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/detail"
	"github.com/hf-tap/hf-tap/tui/list"
)

// binding is a key and what it does. Help and the foot of the screen are made
// from it, so that neither can say anything else than what keys do.
type binding struct {
	keys  []string
	show  string              // how it is written
	short string              // at the foot; empty: only in the help
	other string              // at the foot where the list has not the focus, empty: short
	help  string              // in the help
	foot  func(m *model) bool // whether it matters now, nil: never
	do    func(m *model, key string) tea.Cmd
}

func always(*model) bool { return true }

func inList(m *model) bool   { return m.focus == paneList }
func onEvent(m *model) bool  { return m.focus != paneApp && m.list.SelectedRow() != nil }
func inDetail(m *model) bool { return m.focus == paneDetail }
func onTree(m *model) bool   { return m.focus == paneDetail && m.detail.OnTree() }

// bindings are all keys but those that move, the most useful first.
func bindings() []binding {
	return []binding{
		{[]string{"enter"}, "enter", "open", "", "open it; fold; show a long text whole", inList, (*model).enter},
		{[]string{"esc"}, "esc", "back", "", "back; drop the marks, then the filter", inDetail, func(m *model, _ string) tea.Cmd { return m.back() }},
		{[]string{"/"}, "/", "filter", "search", "filter the list; elsewhere, search", always, func(m *model, _ string) tea.Cmd { return m.slash() }},
		{[]string{"r"}, "r", "replay", "", "replay it to the targets that it had", onEvent, func(m *model, _ string) tea.Cmd { return m.replay() }},
		{[]string{"e"}, "e", "edit", "", "edit it in your editor and send it", onEvent, func(m *model, _ string) tea.Cmd { return m.edit() }},
		{[]string{"z", "Z"}, "z Z", "fold", "", "fold or unfold this level; everything", onTree, (*model).foldKey},
		{[]string{"t"}, "t", "trigger", "", "trigger an event of any kind", inList, func(m *model, _ string) tea.Cmd { return m.triggerMenu() }},
		{[]string{"tab", "shift+tab"}, "tab", "next", "", "next tab, then the app, then the list", always, (*model).tabKey},
		{[]string{"space"}, "space", "mark", "", "mark; what you do goes to all marked", inList, (*model).mark},
		{[]string{"R"}, "R", "", "", "replay failed, N times, new, elsewhere", nil, func(m *model, _ string) tea.Cmd { return m.replayMenu() }},
		{[]string{"c"}, "c", "copy", "", "copy: curl, JSON, body, address, value", onEvent, func(m *model, _ string) tea.Cmd { return m.copyMenu() }},
		{[]string{"p"}, "p", "pin", "", "pin; Diff compares with what is pinned", onEvent, func(m *model, _ string) tea.Cmd { return m.togglePin() }},
		{[]string{"P"}, "P", "", "", "pause handing over; resume it", nil, func(m *model, _ string) tea.Cmd { return m.togglePause() }},
		{[]string{"F"}, "F", "", "", "faults: answer wrongly on purpose", nil, func(m *model, _ string) tea.Cmd { return m.faultMenu() }},
		{[]string{"s"}, "s", "save", "", "save as JSON, NDJSON or a fixture", onEvent, func(m *model, _ string) tea.Cmd { return m.saveMenu() }},
		{[]string{"o"}, "o", "", "", "open on the Hub, in the browser", nil, func(m *model, _ string) tea.Cmd { return m.openOnHub() }},
		{[]string{"n", "N"}, "n N", "", "", "next place that was searched; previous", nil, (*model).findKey},
		{[]string{"m"}, "m", "", "", "mouse: clicks here; or the terminal's", nil, func(m *model, _ string) tea.Cmd { return m.toggleMouse() }},
		{[]string{"?"}, "?", "help", "", "this help", always, func(m *model, _ string) tea.Cmd { return m.openHelp() }},
		{[]string{"q"}, "q", "quit", "", "quit; the webhook is deleted", always, func(*model, string) tea.Cmd { return tea.Quit }},
	}
}

// moves are the keys that move, as the help shows them.
func moves() [][2]string {
	return [][2]string{
		{"↑ ↓ j k", "one line"},
		{"pgup pgdn", "a page"},
		{"^u ^d", "half a page"},
		{"g G", "first; last"},
		{"← → h l", "fold; in and out"},
		{"1 2 3 4 5", "the event's tabs"},
		{"^c ^z", "quit; suspend"},
	}
}

// key routes a key press: to what is open in front, then to the bindings.
func (m *model) key(k tea.KeyPressMsg) tea.Cmd {
	name := k.String()
	switch name {
	case "ctrl+c":
		return tea.Quit
	case "ctrl+z":
		return tea.Suspend
	}
	m.note = note{}
	switch {
	case m.prompt != nil:
		return m.onPrompt(m.prompt.Key(k))
	case m.menu != nil:
		return m.menuKey(name)
	case m.help != nil:
		m.helpKey(name)
		return nil
	}
	if cmd, moved := m.moveKey(name); moved {
		return cmd
	}
	for _, b := range bindings() {
		if slices.Contains(b.keys, name) {
			return b.do(m, name)
		}
	}
	return nil
}

// moveKey moves in the pane that has the focus.
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
		by = -1 << 30
	case "end", "G":
		by = 1 << 30
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

// moveBy moves; above the first event are the older ones.
func (m *model) moveBy(by int) tea.Cmd {
	switch m.focus {
	case paneDetail:
		m.detail.Move(by)
	case paneApp:
		m.app.move(by)
	default:
		return m.onList(m.list.Move(by))
	}
	return nil
}

// onList does what a key or a click asked of the list.
func (m *model) onList(intent list.Intent) tea.Cmd {
	switch intent {
	case list.Focus:
		m.focusOn(paneList)
	case list.Open:
		m.focusOn(paneDetail)
	case list.ReadOlder:
		return m.readOlder()
	}
	return nil
}

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

func (m *model) enter(string) tea.Cmd {
	switch {
	case m.focus == paneList && m.list.SelectedRow() != nil:
		m.focusOn(paneDetail)
	case m.focus == paneDetail:
		return m.onDetail(m.detail.Do(detail.Toggle))
	}
	return nil
}

func (m *model) mark(string) tea.Cmd {
	if !m.list.ToggleMark() {
		m.showNote("only events can be marked")
	}
	return nil
}

// back goes to the list, and there takes away what narrows it.
func (m *model) back() tea.Cmd {
	switch {
	case m.focus != paneList:
		m.focusOn(paneList)
	case len(m.list.Marked()) > 0:
		m.list.ClearMarks()
	case !m.list.Filter().Empty():
		return m.setFilter(nil)
	default:
		m.header.loop = ""
	}
	return nil
}

// focusOn lets keys go to a pane. While an event is being read the list does
// not go on to what is new.
func (m *model) focusOn(p pane) {
	m.focus = p
	m.list.Follow(p != paneDetail)
}

// openTab opens a tab of the selected event.
func (m *model) openTab(t detail.Tab) {
	m.detail.SetTab(t)
	m.focusOn(paneDetail)
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

func (m *model) foldKey(key string) tea.Cmd {
	switch {
	case m.focus != paneDetail:
		return nil
	case key == "Z":
		return m.onDetail(m.detail.Do(detail.ToggleAll))
	}
	return m.onDetail(m.detail.Do(detail.ToggleLevel))
}

func (m *model) findKey(key string) tea.Cmd {
	back := key == "N"
	switch {
	case m.focus == paneApp && !m.app.find(m.search, back):
		m.showNotFound()
	case m.focus == paneDetail:
		return m.onDetail(m.detail.Find(m.search, back))
	}
	return nil
}

func (m *model) toggleMouse() tea.Cmd {
	m.mouse = !m.mouse
	if m.mouse {
		m.showNote("the mouse works here; m gives it back to the terminal")
	} else {
		m.showNote("the mouse is the terminal's: select and copy with it")
	}
	return nil
}
