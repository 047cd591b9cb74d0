package tui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/line"
)

// menu offers actions. Each has a key of its own, so that two known keys are enough.
type menu struct {
	title      string
	items      []item
	sel        int
	top        int
	cancelNote string // shown after it was closed without a choice
}

// item is an action of a menu.
type item struct {
	key  string
	text string
	do   func() tea.Cmd
}

// itemKeys are the keys of items without a fixed key, by their place in the menu.
const itemKeys = "123456789abdfgilmoptuvwxyz"

// add adds an item. Without a key it gets the next of itemKeys.
func (mn *menu) add(key, text string, do func() tea.Cmd) {
	if key == "" && len(mn.items) < len(itemKeys) {
		key = itemKeys[len(mn.items) : len(mn.items)+1]
	}
	mn.items = append(mn.items, item{key, text, do})
}

// menuKey does what a key does in the open menu.
func (m *model) menuKey(key string) tea.Cmd {
	mn := m.menu
	if i := slices.IndexFunc(mn.items, func(it item) bool { return it.key == key }); i >= 0 {
		return m.choose(i)
	}
	switch key {
	case "up", "k", "shift+tab":
		mn.sel = (mn.sel + len(mn.items) - 1) % len(mn.items)
	case "down", "j", "tab":
		mn.sel = (mn.sel + 1) % len(mn.items)
	case "enter", "space":
		return m.choose(mn.sel)
	case "esc", "q":
		m.menu = nil
		m.showNote(mn.cancelNote)
	}
	return nil
}

// menuClick chooses the item at a line of the open menu, or closes the menu.
func (m *model) menuClick(y int) tea.Cmd {
	if i := m.menu.top + y - 1; y > 0 && i < len(m.menu.items) {
		return m.choose(i)
	}
	m.menu = nil
	return nil
}

func (m *model) choose(i int) tea.Cmd {
	do := m.menu.items[i].do
	m.menu = nil
	return do()
}

// height is how many lines the menu takes in a window of h lines.
func (mn *menu) height(h int) int { return min(len(mn.items)+1, max(h*2/3, 3)) }

// render returns the lines of the menu, and which of them is selected.
func (mn *menu) render(w, h int) (out []string, cursor int) {
	rows := max(h-1, 1)
	if mn.sel < mn.top {
		mn.top = mn.sel
	}
	if mn.sel >= mn.top+rows {
		mn.top = mn.sel - rows + 1
	}
	head := line.Text(line.Title, mn.title).Add(line.Faint, "  esc leaves")
	if len(mn.items) > rows {
		head = head.Add(line.Faint, fmt.Sprintf("  %d of %d", mn.sel+1, len(mn.items)))
	}
	out = append(out, head.Render(w, line.Plain))
	for i := mn.top; i < min(mn.top+rows, len(mn.items)); i++ {
		over := line.Plain
		if i == mn.sel {
			cursor, over = len(out), line.Invert
		}
		l := line.Text(line.Plain, "  ").Add(line.Accent, line.Pad(mn.items[i].key, 2)).Add(line.Plain, " "+mn.items[i].text)
		out = append(out, l.Render(w, over))
	}
	return out, cursor
}
