package tui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/line"
)

// menu offers some things to do. Each has a key of its own, so that one who
// knows it types two keys and never looks.
type menu struct {
	title string
	items []item
	sel   int
	top   int
	left  string // what to say when it is left without a choice
}

type item struct {
	key  string
	text string
	do   func(*model) tea.Cmd
}

// letters are the keys of items that need none that one would remember.
const letters = "123456789abdfgilmoptuvwxyz"

func (mn *menu) add(key, text string, do func(*model) tea.Cmd) {
	if key == "" && len(mn.items) < len(letters) {
		key = letters[len(mn.items) : len(mn.items)+1]
	}
	mn.items = append(mn.items, item{key, text, do})
}

func (mn *menu) key(m *model, k string) tea.Cmd {
	for _, it := range mn.items {
		if it.key == k {
			m.menu = nil
			return it.do(m)
		}
	}
	switch k {
	case "up", "k", "shift+tab":
		mn.sel = (mn.sel + len(mn.items) - 1) % len(mn.items)
	case "down", "j", "tab":
		mn.sel = (mn.sel + 1) % len(mn.items)
	case "enter", "space":
		m.menu = nil
		return mn.items[mn.sel].do(m)
	case "esc", "q":
		m.menu = nil
		m.say(mn.left)
	}
	return nil
}

// height is how many lines the menu takes of h.
func (mn *menu) height(h int) int { return min(len(mn.items)+1, max(h*2/3, 3)) }

// render gives the menu's lines and which is selected.
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
