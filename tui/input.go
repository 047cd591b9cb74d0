package tui

import (
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/line"
)

// maxInput bounds what a paste can put into a prompt.
const maxInput = 2000

// input is a line that is being typed. at counts runes.
type input struct {
	runes []rune
	at    int
	taken bool // all of it is selected: what is typed replaces it
}

func newInput(s string) input {
	r := []rune(s)
	return input{runes: r, at: len(r)}
}

// suggest gives a line that what is typed replaces.
func suggest(s string) input {
	in := newInput(s)
	in.taken = true
	return in
}

func (in *input) String() string { return string(in.runes) }

// offset gives the cursor in bytes.
func (in *input) offset() int { return len(string(in.runes[:in.at])) }

// replace puts text in place of some bytes, the cursor behind it.
func (in *input) replace(from, to int, s string) {
	whole := in.String()
	head := whole[:from] + s
	in.runes = []rune(head + whole[to:])
	in.at = len([]rune(head))
}

// insert puts text where the cursor is, on one line.
func (in *input) insert(s string) {
	if in.taken {
		in.taken = false
		in.cutBack(0)
	}
	var r []rune
	for _, c := range s {
		if c == '\n' || c == '\r' || c == '\t' {
			c = ' '
		}
		if !unicode.IsControl(c) && len(in.runes)+len(r) < maxInput {
			r = append(r, c)
		}
	}
	in.runes = append(in.runes[:in.at:in.at], append(r, in.runes[in.at:]...)...)
	in.at += len(r)
}

// key edits, and says whether the text has changed.
func (in *input) key(k tea.KeyPressMsg) bool {
	before := in.String()
	if k.Text == "" && in.taken {
		in.taken = false
		switch k.String() {
		case "backspace", "ctrl+h", "delete", "ctrl+d", "ctrl+w", "alt+backspace":
			in.cutBack(0)
			return true
		}
	}
	switch k.String() {
	case "left", "ctrl+b":
		in.at = max(in.at-1, 0)
	case "right", "ctrl+f":
		in.at = min(in.at+1, len(in.runes))
	case "home", "ctrl+a":
		in.at = 0
	case "end", "ctrl+e":
		in.at = len(in.runes)
	case "backspace", "ctrl+h":
		in.cutBack(in.at - 1)
	case "delete", "ctrl+d":
		if in.at < len(in.runes) {
			in.at++
			in.cutBack(in.at - 1)
		}
	case "ctrl+u":
		in.cutBack(0)
	case "ctrl+k":
		in.runes = in.runes[:in.at]
	case "ctrl+w", "alt+backspace":
		from := in.at
		for from > 0 && in.runes[from-1] == ' ' {
			from--
		}
		for from > 0 && in.runes[from-1] != ' ' {
			from--
		}
		in.cutBack(from)
	default:
		if k.Text == "" {
			return false
		}
		in.insert(k.Text)
	}
	return in.String() != before
}

func (in *input) cutBack(from int) {
	from = max(from, 0)
	in.runes = append(in.runes[:from:from], in.runes[in.at:]...)
	in.at = from
}

// render gives the line with its label, and the column of the cursor. What does
// not fit is left out in front of the cursor.
func (in *input) render(label string, w int) (line.Line, int) {
	room := max(w-line.Width(label)-1, 1)
	from := 0
	for from < in.at && line.Width(string(in.runes[from:in.at])) > room {
		from++
	}
	column := line.Width(label) + line.Width(string(in.runes[from:in.at]))
	st := line.Plain
	if in.taken {
		st = line.Invert
	}
	return line.Text(line.Title, label).Add(st, string(in.runes[from:])), min(column, max(w-1, 0))
}
