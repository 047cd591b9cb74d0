package input

import (
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/line"
)

// maxLength is how many runes a field takes, so that a paste cannot fill it.
const maxLength = 2000

// field is one line of text that can be edited. The text input of bubbles is not used,
// because it does not make its text and its suggestions safe for a terminal.
type field struct {
	runes    []rune
	cursor   int  // in runes
	selected bool // all of it is selected: typed text replaces it
}

func newField(text string, selected bool) field {
	r := []rune(text)
	return field{runes: r, cursor: len(r), selected: selected}
}

func (f *field) String() string { return string(f.runes) }

// offset is the cursor in bytes.
func (f *field) offset() int { return len(string(f.runes[:f.cursor])) }

// replace replaces some bytes by a text, and sets the cursor after it.
func (f *field) replace(from, to int, s string) {
	whole := f.String()
	head := whole[:from] + s
	f.runes = []rune(head + whole[to:])
	f.cursor = len([]rune(head))
}

// insert inserts text at the cursor. Line breaks and tabs become spaces.
func (f *field) insert(s string) {
	if f.selected {
		f.selected = false
		f.deleteFrom(0)
	}
	var r []rune
	for _, c := range s {
		if c == '\n' || c == '\r' || c == '\t' {
			c = ' '
		}
		if !unicode.IsControl(c) && len(f.runes)+len(r) < maxLength {
			r = append(r, c)
		}
	}
	f.runes = append(f.runes[:f.cursor:f.cursor], append(r, f.runes[f.cursor:]...)...)
	f.cursor += len(r)
}

// edit does what a key does, and reports whether the text has changed.
func (f *field) edit(k tea.KeyPressMsg) bool {
	before := f.String()
	if k.Text == "" && f.selected {
		f.selected = false
		switch k.String() {
		case "backspace", "ctrl+h", "delete", "ctrl+d", "ctrl+w", "alt+backspace":
			f.deleteFrom(0)
			return true
		}
	}
	switch k.String() {
	case "left", "ctrl+b":
		f.cursor = max(f.cursor-1, 0)
	case "right", "ctrl+f":
		f.cursor = min(f.cursor+1, len(f.runes))
	case "home", "ctrl+a":
		f.cursor = 0
	case "end", "ctrl+e":
		f.cursor = len(f.runes)
	case "backspace", "ctrl+h":
		f.deleteFrom(f.cursor - 1)
	case "delete", "ctrl+d":
		if f.cursor < len(f.runes) {
			f.cursor++
			f.deleteFrom(f.cursor - 1)
		}
	case "ctrl+u":
		f.deleteFrom(0)
	case "ctrl+k":
		f.runes = f.runes[:f.cursor]
	case "ctrl+w", "alt+backspace":
		f.deleteFrom(f.wordStart())
	default:
		if k.Text == "" {
			return false
		}
		f.insert(k.Text)
	}
	return f.String() != before
}

// wordStart is where the word before the cursor begins.
func (f *field) wordStart() int {
	from := f.cursor
	for from > 0 && f.runes[from-1] == ' ' {
		from--
	}
	for from > 0 && f.runes[from-1] != ' ' {
		from--
	}
	return from
}

// deleteFrom deletes the text between a position and the cursor.
func (f *field) deleteFrom(from int) {
	from = max(from, 0)
	f.runes = append(f.runes[:from:from], f.runes[f.cursor:]...)
	f.cursor = from
}

// line returns the text with a label before it, and the column of the cursor. Text
// before the cursor is left out until the cursor fits into w cells.
func (f *field) line(label string, w int) (line.Line, int) {
	room := max(w-line.Width(label)-1, 1)
	from := 0
	for from < f.cursor && line.Width(string(f.runes[from:f.cursor])) > room {
		from++
	}
	column := line.Width(label) + line.Width(string(f.runes[from:f.cursor]))
	st := line.Plain
	if f.selected {
		st = line.Invert
	}
	return line.Text(line.Title, label).Add(st, string(f.runes[from:])), min(column, max(w-1, 0))
}
