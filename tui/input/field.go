package input

import (
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/tui/line"
)

// maxLength is how many bytes a field takes.
const maxLength = 16 << 10

// field is one line of text that can be edited, a visible character at a time. The text
// input of bubbles is not used, because it does not make its text and its suggestions
// safe for a terminal.
type field struct {
	text     string
	cursor   int  // in bytes, between two characters
	selected bool // all of it is selected: typed text replaces it
}

func newField(text string, selected bool) field {
	return field{text: text, cursor: len(text), selected: selected}
}

func (f *field) String() string { return f.text }

// replace replaces some bytes by a text, and sets the cursor after it.
func (f *field) replace(from, to int, s string) {
	f.text, f.cursor = f.text[:from]+s+f.text[to:], from+len(s)
}

// insert inserts text at the cursor. Line breaks and tabs become spaces. It reports
// whether there was room for all of it.
func (f *field) insert(s string) bool {
	if f.selected {
		f.text, f.cursor, f.selected = "", 0, false
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
	room := maxLength - len(f.text)
	whole := len(s) <= room
	for !whole && room > 0 && !utf8.RuneStart(s[room]) {
		room--
	}
	if !whole {
		s = s[:max(room, 0)]
	}
	f.replace(f.cursor, f.cursor, s)
	return whole
}

// edit does what a key does, and reports whether the text has changed.
func (f *field) edit(k tea.KeyPressMsg) bool {
	before := f.text
	if k.Text == "" && f.selected {
		f.selected = false
		switch k.String() {
		case "backspace", "ctrl+h", "delete", "ctrl+d", "ctrl+w", "alt+backspace":
			f.delete(0, len(f.text))
			return true
		}
	}
	switch k.String() {
	case "left", "ctrl+b":
		f.cursor = f.before()
	case "right", "ctrl+f":
		f.cursor = f.after()
	case "ctrl+left", "alt+left", "alt+b":
		f.cursor = f.wordStart()
	case "ctrl+right", "alt+right", "alt+f":
		f.cursor = f.wordEnd()
	case "home", "ctrl+a":
		f.cursor = 0
	case "end", "ctrl+e":
		f.cursor = len(f.text)
	case "backspace", "ctrl+h":
		f.delete(f.before(), f.cursor)
	case "delete", "ctrl+d":
		f.delete(f.cursor, f.after())
	case "ctrl+u":
		f.delete(0, f.cursor)
	case "ctrl+k":
		f.delete(f.cursor, len(f.text))
	case "ctrl+w", "alt+backspace":
		f.delete(f.wordStart(), f.cursor)
	case "alt+d":
		f.delete(f.cursor, f.wordEnd())
	default:
		if k.Text == "" {
			return false
		}
		f.insert(k.Text)
	}
	return f.text != before
}

// delete deletes some bytes, and sets the cursor there.
func (f *field) delete(from, to int) { f.replace(from, to, "") }

// before is where the character before the cursor begins.
func (f *field) before() int {
	at := 0
	for at < f.cursor {
		next := at + len(first(f.text[at:]))
		if next >= f.cursor {
			break
		}
		at = next
	}
	return at
}

// after is where the character after the cursor ends.
func (f *field) after() int { return f.cursor + len(first(f.text[f.cursor:])) }

// first is the first character of a text as people see it, which may be several runes.
func first(s string) string {
	cluster, _ := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	return cluster
}

// wordStart is where the word before the cursor begins.
func (f *field) wordStart() int {
	head := strings.TrimRight(f.text[:f.cursor], " ")
	return strings.LastIndexByte(head, ' ') + 1
}

// wordEnd is where the word after the cursor ends.
func (f *field) wordEnd() int {
	rest := f.text[f.cursor:]
	spaces := len(rest) - len(strings.TrimLeft(rest, " "))
	if end := strings.IndexByte(rest[spaces:], ' '); end >= 0 {
		return f.cursor + spaces + end
	}
	return len(f.text)
}

// line returns the text with a label before it, and the column of the cursor. Text
// before the cursor is left out until the cursor fits into w cells.
func (f *field) line(label string, w int) (line.Line, int) {
	room := max(w-line.Width(label)-1, 1)
	from := 0
	for over := line.Width(f.text[:f.cursor]) - room; from < f.cursor && over > 0; {
		character := first(f.text[from:])
		over -= line.Width(character)
		from += len(character)
	}
	column := line.Width(label) + line.Width(f.text[from:f.cursor])
	st := line.Plain
	if f.selected {
		st = line.Invert
	}
	return line.Text(line.Title, label).Add(st, line.Cut(f.text[from:], 2*w)), min(column, max(w-1, 0))
}
