package tui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/tui/line"
)

// menu offers actions. Each has a key of its own: users who know it do not look.
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

// minTitle is how many cells the title of a menu keeps at least.
const minTitle = 10

// itemKeys are the keys of items without a fixed key, by their place in the menu.
const itemKeys = "123456789abdfgilmoptuvwxyz"

// add adds an item. Without a key it gets the next of itemKeys.
func (mn *menu) add(key, text string, do func() tea.Cmd) {
	if key == "" && len(mn.items) < len(itemKeys) {
		key = itemKeys[len(mn.items) : len(mn.items)+1]
	}
	mn.items = append(mn.items, item{key, text, do})
}

// key does what a key does. It returns the item that was chosen, and whether the menu
// closes.
func (mn *menu) key(name string) (chosen *item, closes bool) {
	if i := slices.IndexFunc(mn.items, func(it item) bool { return it.key == name }); i >= 0 {
		return &mn.items[i], true
	}
	switch name {
	case "up", "k", "shift+tab":
		mn.sel = (mn.sel + len(mn.items) - 1) % len(mn.items)
	case "down", "j", "tab":
		mn.sel = (mn.sel + 1) % len(mn.items)
	case "enter", "space":
		return &mn.items[mn.sel], true
	case "esc", "q":
		return nil, true
	}
	return nil, false
}

// click returns the item at a line of the menu, nil if there is none.
func (mn *menu) click(y int) *item {
	if i := mn.top + y - 1; y > 0 && i < len(mn.items) {
		return &mn.items[i]
	}
	return nil
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
	tail := ""
	if len(mn.items) > rows {
		tail = fmt.Sprintf("  %d of %d", mn.sel+1, len(mn.items))
	}
	tail += "  esc leaves"
	title := term.Line(mn.title)
	if room := w - line.Width(tail); room >= minTitle {
		title = line.Shorten(title, room)
	}
	out = append(out, line.Text(line.Title, title).Add(line.Faint, tail).Render(w, line.Plain))
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
