package tui

import (
	tea "charm.land/bubbletea/v2"
)

// binding is a key and what it does. The help screen and the hints at the foot are made
// from bindings. The bindings of bubbles have one help text; these have up to three.
type binding struct {
	keys  []string
	show  string              // the keys, as they are written
	short string              // the hint at the foot; "": none
	other string              // the hint while another pane than the list has the focus; "": short
	help  string              // on the help screen; "": moves has it
	foot  func(m *model) bool // whether to show the hint now; nil: never
	do    func(m *model, key string) tea.Cmd
}

func always(*model) bool { return true }

func inList(m *model) bool { return m.focus == paneList }

func onEvent(m *model) bool       { return m.focus != paneApp && m.list.SelectedRow() != nil }
func onEventOrApp(m *model) bool  { return m.focus == paneApp || onEvent(m) }
func onEventInList(m *model) bool { return inList(m) && onEvent(m) }
func onEventToOpen(m *model) bool { return m.focus == paneApp || onEventInList(m) }
func onTabs(m *model) bool        { return m.cfg.Feed.App != nil || onEventOrApp(m) }
func inDetail(m *model) bool      { return m.focus == paneDetail }
func onTree(m *model) bool        { return m.focus == paneDetail && m.detail.OnTree() }

// bindings are all keys except those that move, the most useful first.
func bindings() []binding {
	return []binding{
		{[]string{"enter"}, "enter", "open", "wrap", "open it; fold; show a long text whole", onEventToOpen, (*model).enter},
		{[]string{"esc"}, "esc", "back", "", "back; drop the marks, the filter, LOOP?", inDetail, func(m *model, _ string) tea.Cmd { return m.back() }},
		{[]string{"/"}, "/", "filter", "search", "filter the list; elsewhere, search", always, func(m *model, _ string) tea.Cmd { return m.filterOrSearch() }},
		{[]string{"r"}, "r", "replay", "", "replay it to the targets that it had", onEvent, func(m *model, _ string) tea.Cmd { return m.replay() }},
		{[]string{"e"}, "e", "edit", "", "edit it in your editor and send it", onEvent, func(m *model, _ string) tea.Cmd { return m.edit() }},
		{[]string{"z", "Z"}, "z Z", "fold", "", "fold or unfold this level; everything", onTree, (*model).foldKey},
		{[]string{"t"}, "t", "trigger", "", "trigger an event of any kind", inList, func(m *model, _ string) tea.Cmd { return m.triggerMenu() }},
		{[]string{"tab", "shift+tab"}, "tab", "next", "", "next tab, then the app, then the list", onTabs, (*model).tabKey},
		{[]string{"space"}, "space", "mark", "", "mark: actions are for all that are marked", onEventInList, (*model).mark},
		{[]string{"*", "!"}, "* !", "", "", "mark all shown, or none; invert the marks", nil, (*model).markMany},
		{[]string{"R"}, "R", "", "", "replay failed, pending, shown; N times", nil, func(m *model, _ string) tea.Cmd { return m.replayMenu() }},
		{[]string{"c"}, "c", "copy", "", "copy: curl, JSON, body, answer, value", onEventOrApp, func(m *model, _ string) tea.Cmd { return m.copyMenu() }},
		{[]string{"p"}, "p", "pin", "", "pin; Diff compares with pinned or marked", onEvent, func(m *model, _ string) tea.Cmd { return m.togglePin() }},
		{[]string{"P"}, "P", "", "", "pause handing over; resume it", nil, func(m *model, _ string) tea.Cmd { return m.togglePause() }},
		{[]string{"F"}, "F", "", "", "faults: answer wrongly on purpose", nil, func(m *model, _ string) tea.Cmd { return m.faultMenu() }},
		{[]string{"s"}, "s", "save", "", "save as JSON, NDJSON or a fixture", onEventOrApp, func(m *model, _ string) tea.Cmd { return m.saveMenu() }},
		{[]string{"o"}, "o", "", "", "open on the Hub, in the browser", nil, func(m *model, _ string) tea.Cmd { return m.openOnHub() }},
		{[]string{"E"}, "E", "", "", "what the foot of the screen has shown", nil, func(m *model, _ string) tea.Cmd { return m.openNotes() }},
		{[]string{"?"}, "?", "help", "", "this help", always, func(m *model, _ string) tea.Cmd { return m.openHelp() }},
		{[]string{"q"}, "q", "quit", "back", "back; in the list, quit", always, func(m *model, _ string) tea.Cmd { return m.leave() }},
	}
}

// readingKeys are the keys for moving around and reading. The help has them among the
// keys that move.
func readingKeys() []binding {
	return []binding{
		{keys: []string{"f"}, do: func(m *model, _ string) tea.Cmd { return m.toggleFollow() }},
		{keys: []string{"#"}, do: func(m *model, _ string) tea.Cmd { return m.jumpPrompt() }},
		{keys: []string{"J", "K"}, do: (*model).eventKey},
		{keys: []string{"n", "N"}, do: (*model).findKey},
		{keys: []string{"m"}, do: func(m *model, _ string) tea.Cmd { return m.toggleMouse() }},
		{keys: []string{"ctrl+l"}, do: func(*model, string) tea.Cmd { return tea.ClearScreen }},
		{keys: []string{"+", "_"}, do: (*model).zoomKey},
		{keys: []string{"v"}, do: func(m *model, _ string) tea.Cmd { return m.openInPager() }},
		{keys: []string{"V"}, do: func(m *model, _ string) tea.Cmd { return m.toggleRaw() }},
		{keys: []string{"w"}, do: func(m *model, _ string) tea.Cmd { return m.toggleWrap() }},
		{keys: []string{"a"}, do: func(m *model, _ string) tea.Cmd { return m.showApp() }},
		{keys: []string{"ctrl+r"}, do: func(m *model, _ string) tea.Cmd { return m.restartApp() }},
	}
}

// moves are the keys that move, for the help screen.
func moves() [][2]string {
	return [][2]string{
		{"↑ ↓ j k", "one line"},
		{"pgup pgdn", "a page; g G the ends"},
		{"← → h l", "fold; in and out"},
		{"1 2 3 4 5", "the event's tabs"},
		{"J K #", "next; last; number"},
		{"n N", "next, last found"},
		{"f  ↑", "follow; older at top"},
		{"v V", "in $PAGER; raw"},
		{"a w ^r", "app; wrap; restart"},
		{"+ _", "zoom; shrink"},
		{"m", "mouse here, or not"},
		{"^c ^z ^l", "quit, stop, redraw"},
	}
}
