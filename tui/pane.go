package tui

import (
	"strings"
)

// rows are what a scrolling pane shows: lines of text, or of bytes.
type rows interface {
	count() int
	row(i int) line
}

// textRows are lines that are already as wide as they may be.
type textRows []line

func (t textRows) count() int     { return len(t) }
func (t textRows) row(i int) line { return t[i] }

// wrapRows wraps lines for a pane of width w.
func wrapRows(lines []line, w int) textRows {
	var out textRows
	for _, l := range lines {
		out = append(out, l.wrap(w, 2)...)
	}
	return out
}

// scroller shows rows, one of them selected.
type scroller struct {
	rows rows
	sel  int
	top  int
}

func (s *scroller) count() int {
	if s.rows == nil {
		return 0
	}
	return s.rows.count()
}

func (s *scroller) move(by int) { s.sel = min(max(s.sel+by, 0), max(s.count()-1, 0)) }

func (s *scroller) render(w, h int, focused bool) (out []string, cursor int) {
	s.move(0)
	if s.sel < s.top {
		s.top = s.sel
	}
	if s.sel >= s.top+h {
		s.top = s.sel - h + 1
	}
	s.top = min(max(s.top, 0), max(s.count()-h, 0))
	for i := s.top; i < min(s.top+h, s.count()); i++ {
		over := plain
		if i == s.sel && focused {
			over = invert
		}
		if i == s.sel {
			cursor = len(out)
		}
		out = append(out, s.rows.row(i).render(w, over))
	}
	return out, cursor
}

// find goes to the next row, or the one before, that holds the phrase.
func (s *scroller) find(phrase string, back bool) bool {
	n, step := s.count(), 1
	if back {
		step = -1
	}
	phrase = strings.ToLower(phrase)
	for i := 1; i <= n; i++ {
		at := ((s.sel+i*step)%n + n) % n
		if strings.Contains(strings.ToLower(s.rows.row(at).plainText()), phrase) {
			s.sel = at
			return true
		}
	}
	return false
}

// hexRows show bytes that are no text. Nothing is kept but the bytes.
type hexRows struct {
	bytes []byte
	wide  int // bytes on a row
}

func newHexRows(b []byte, w int) hexRows {
	h := hexRows{b, 16}
	for h.wide > 2 && 10+h.wide*3+1+h.wide > w {
		h.wide /= 2
	}
	return h
}

func (h hexRows) count() int { return (len(h.bytes) + h.wide - 1) / h.wide }

func (h hexRows) row(i int) line {
	const digits = "0123456789abcdef"
	from := i * h.wide
	chunk := h.bytes[from:min(from+h.wide, len(h.bytes))]
	var offset [8]byte
	for j := range offset {
		offset[j] = digits[from>>(4*(7-j))&15]
	}
	hex, chars := make([]byte, 0, 3*h.wide), make([]byte, 0, h.wide)
	for _, c := range chunk {
		hex = append(hex, digits[c>>4], digits[c&15], ' ')
		if c < 0x20 || c > 0x7e {
			c = '.'
		}
		chars = append(chars, c)
	}
	return text(faint, string(offset[:])+"  ").add(plain, pad(string(hex), 3*h.wide)).add(faint, " ").add(good, string(chars))
}
