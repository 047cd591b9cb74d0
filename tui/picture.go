package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// Draw returns the screen of a window as styled text, line by line, after some keys
// were pressed: names, for example "enter" and "ctrl+d", or text to type. It is for
// pictures. Feed.Wake has to be closed. Keys that start another program do nothing.
func Draw(ctx context.Context, cfg Config, width, height int, keys ...string) string {
	w := &work{ctx: ctx}
	m := newModel(w, cfg)
	m.w, m.h = width, height
	m.runAll(m.Init())
	for _, k := range keys {
		for _, press := range keyPresses(k) {
			_, cmd := m.Update(press)
			m.View() // scrolls to the selection
			m.runAll(cmd)
		}
	}
	w.wait()
	content, _, _ := m.compose()
	return content
}

// runAll runs a command and all that follow from it, one after another.
func (m *model) runAll(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	msg := cmd()
	if batch, ok := msg.(tea.BatchMsg); ok {
		for _, cmd := range batch {
			m.runAll(cmd)
		}
		return
	}
	if msg != nil {
		_, cmd := m.Update(msg)
		m.runAll(cmd)
	}
}

// keyNames are the keys without text.
func keyNames() map[string]rune {
	return map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
		"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd, "backspace": tea.KeyBackspace, "delete": tea.KeyDelete,
	}
}

// keyPresses returns the key with a name, or the keys that type a text.
func keyPresses(k string) []tea.KeyPressMsg {
	if code, named := keyNames()[k]; named {
		return []tea.KeyPressMsg{{Code: code}}
	}
	if k == "space" {
		return []tea.KeyPressMsg{{Code: tea.KeySpace, Text: " "}}
	}
	if rest, ok := strings.CutPrefix(k, "ctrl+"); ok && len(rest) == 1 {
		return []tea.KeyPressMsg{{Code: rune(rest[0]), Mod: tea.ModCtrl}}
	}
	if k == "shift+tab" {
		return []tea.KeyPressMsg{{Code: tea.KeyTab, Mod: tea.ModShift}}
	}
	var typed []tea.KeyPressMsg
	for _, r := range k {
		typed = append(typed, tea.KeyPressMsg{Code: r, Text: string(r)})
	}
	return typed
}
