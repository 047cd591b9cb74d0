package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event/filter"
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
func onEvent(m *model) bool  { return m.focus != paneApp && m.selectedRow() != nil }
func inDetail(m *model) bool { return m.focus == paneDetail }
func onTree(m *model) bool   { return m.focus == paneDetail && m.detail.onTree() }

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
		{[]string{"o"}, "o", "", "", "open on the Hub, in the browser", nil, func(m *model, _ string) tea.Cmd { return m.open() }},
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
		return m.prompt.key(m, k)
	case m.menu != nil:
		return m.menu.key(m, name)
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
		m.detail.tab = int(name[0] - '1')
		m.focusOn(paneDetail)
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
		m.detail.move(by)
	case paneApp:
		m.app.move(by)
	default:
		atTop := m.list.at() == 0
		m.list.move(by)
		if atTop && by < 0 {
			return m.older()
		}
	}
	return nil
}

// sideways folds and unfolds, and goes between the list and the event.
func (m *model) sideways(right bool) tea.Cmd {
	switch {
	case m.focus == paneList && right && m.selectedRow() != nil:
		m.focusOn(paneDetail)
	case m.focus == paneApp && !right:
		m.focusOn(paneList)
	case m.focus == paneDetail && m.detail.onTree() && right:
		m.onTreeDo((*tree).unfold)
	case m.focus == paneDetail && m.detail.onTree():
		n := m.detail.tree.at()
		if n != nil && !n.open && (n.parent == nil || n.parent.parent == nil) {
			m.focusOn(paneList)
			return nil
		}
		m.onTreeDo((*tree).fold)
	case m.focus == paneDetail && !right:
		m.focusOn(paneList)
	}
	return m.flushTree()
}

func (m *model) enter(string) tea.Cmd {
	switch {
	case m.focus == paneList && m.selectedRow() != nil:
		m.focusOn(paneDetail)
	case onTree(m):
		m.onTreeDo((*tree).toggle)
	}
	return m.flushTree()
}

func (m *model) mark(string) tea.Cmd {
	if !m.list.mark() {
		m.say("only events can be marked")
	}
	return nil
}

// back goes to the list, and there takes away what narrows it.
func (m *model) back() tea.Cmd {
	switch {
	case m.focus != paneList:
		m.focusOn(paneList)
	case len(m.list.marks) > 0:
		clear(m.list.marks)
	case !m.store.filter.Empty():
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
	m.list.follow = p != paneDetail && m.list.atEnd()
}

// tabKey goes through all that can be looked at, one after the other.
func (m *model) tabKey(key string) tea.Cmd {
	places := tabCount + 1 // the tabs and the list
	if m.cfg.Feed.App != nil {
		places++
	}
	at := 0
	switch m.focus {
	case paneDetail:
		at = 1 + m.detail.tab
	case paneApp:
		at = tabCount + 1
	}
	step := 1
	if key == "shift+tab" {
		step = places - 1
	}
	at = (at + step) % places
	if m.selectedRow() == nil && at > 0 && at <= tabCount { // no event, no tabs
		if at = 0; m.cfg.Feed.App != nil && m.focus == paneList {
			at = tabCount + 1
		}
	}
	switch {
	case at == 0:
		m.focusOn(paneList)
	case at == tabCount+1:
		m.focusOn(paneApp)
	default:
		m.detail.tab = at - 1
		m.focusOn(paneDetail)
	}
	return nil
}

// slash filters the list, or searches where something else is in front.
func (m *model) slash() tea.Cmd {
	if m.focus == paneList {
		return m.askFilter()
	}
	return m.ask(&prompt{label: "search: ", hint: "enter finds the next, then n and N", accept: func(m *model, s string) tea.Cmd {
		m.detail.search, m.app.search = s, s
		return m.findKey("n")
	}})
}

func (m *model) askFilter() tea.Cmd {
	before := m.store.filter
	p := &prompt{label: "/ ", in: newInput(before.String()), hint: `words, "phrases", keys: tab completes`, complete: m.completeFilter}
	if s := p.in.String(); s != "" && !strings.HasSuffix(s, " ") {
		p.in.insert(" ")
	}
	apply := func(m *model, s string) tea.Cmd {
		s = strings.TrimSpace(s)
		f, err := filter.Parse(s)
		p.problem = ""
		if err != nil {
			p.problem = filterProblem(err)
			return nil
		}
		if f.String() == m.store.filter.String() {
			return nil
		}
		return m.setFilter(f)
	}
	p.changed = func(m *model, s string) tea.Cmd { return apply(m, s[:p.unfinished()]) }
	p.accept = func(m *model, s string) tea.Cmd {
		cmd := apply(m, s)
		if p.problem != "" { // stay: what was typed would be lost
			m.prompt = p
		}
		return cmd
	}
	p.cancel = func(m *model) tea.Cmd {
		if before.String() == m.store.filter.String() {
			return nil // what a search brought up stays
		}
		return m.setFilter(before)
	}
	return m.ask(p)
}

// completeFilter offers what the events of the list have, too.
func (m *model) completeFilter(text string, cursor int) filter.Completion {
	known := filter.Known{}
	for _, t := range m.header.status.Targets {
		known.Targets = append(known.Targets, shortTarget(t.Name))
	}
	seen := map[string]bool{}
	for i := len(m.store.entries) - 1; i >= max(len(m.store.entries)-2000, 0) && len(seen) < 50; i-- {
		if r := m.store.entries[i].row; r != nil && r.Repo != "" && !seen[r.Repo] {
			seen[r.Repo] = true
			known.Repos = append(known.Repos, r.Repo)
		}
	}
	return filter.Complete(text, cursor, known)
}

func (m *model) foldKey(key string) tea.Cmd {
	if !onTree(m) {
		return nil
	}
	do := (*tree).level
	if key == "Z" {
		do = (*tree).all
	}
	m.onTreeDo(do)
	return m.flushTree()
}

func (m *model) findKey(key string) tea.Cmd {
	back := key == "N"
	switch {
	case m.focus == paneApp && m.app.search != "":
		m.app.follow = false
		if !m.app.scroll.find(m.app.search, back) {
			m.say(`"` + m.app.search + `" is not there`)
		}
	case onTree(m) && m.detail.search != "":
		phrase := m.detail.search
		m.onTreeDo(func(t *tree) { t.missed = !t.find(phrase, back) })
		return m.flushTree()
	case m.focus == paneDetail && !m.detail.find(back):
		m.say(`"` + m.detail.search + `" is not there`)
	}
	return nil
}

func (m *model) toggleMouse() tea.Cmd {
	m.mouse = !m.mouse
	if m.mouse {
		m.say("the mouse works here; m gives it back to the terminal")
	} else {
		m.say("the mouse is the terminal's: select and copy with it")
	}
	return nil
}
