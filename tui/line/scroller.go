package line

import "strings"

// Rows is the content of a scroller.
type Rows interface {
	// Count is the number of rows.
	Count() int
	// Row returns the row with an index.
	Row(i int) Line
}

// wrapped is lines that fit the width of their pane.
type wrapped []Line

func (t wrapped) Count() int     { return len(t) }
func (t wrapped) Row(i int) Line { return t[i] }

// WrapAll wraps lines for a pane of width w.
func WrapAll(lines []Line, w int) Rows {
	var out wrapped
	for _, l := range lines {
		out = append(out, l.Unjoined().Wrap(w, 2)...)
	}
	return out
}

// Scroller is a pane that shows some of its rows. One of them is selected. The zero
// value has no rows.
type Scroller struct {
	rows Rows
	sel  int
	top  int

	Phrase string // is marked where it occurs
}

// SetRows replaces the rows. The selection stays where it is.
func (s *Scroller) SetRows(r Rows) { s.rows = r }

// Count is the number of rows.
func (s *Scroller) Count() int {
	if s.rows == nil {
		return 0
	}
	return s.rows.Count()
}

// Selected is the index of the selected row.
func (s *Scroller) Selected() int { return s.sel }

// Top is the index of the first row in sight.
func (s *Scroller) Top() int { return s.top }

// Move moves the selection down by some rows, or up.
func (s *Scroller) Move(by int) { s.MoveTo(s.sel + by) }

// MoveTo selects a row, or the nearest one that exists.
func (s *Scroller) MoveTo(i int) { s.sel = min(max(i, 0), max(s.Count()-1, 0)) }

// Click selects the row at a line of the pane.
func (s *Scroller) Click(y int) { s.MoveTo(s.top + y) }

// Dropped adjusts the scroller after the first n rows were removed.
func (s *Scroller) Dropped(n int) {
	s.sel = max(s.sel-n, 0)
	s.top = max(s.top-n, 0)
}

// Render returns the rows in sight, and the line of the selected one. focused
// highlights it.
func (s *Scroller) Render(w, h int, focused bool) (out []string, cursor int) {
	s.Move(0)
	if s.sel < s.top {
		s.top = s.sel
	}
	if s.sel >= s.top+h {
		s.top = s.sel - h + 1
	}
	s.top = min(max(s.top, 0), max(s.Count()-h, 0))
	for i := s.top; i < min(s.top+h, s.Count()); i++ {
		over := Plain
		if i == s.sel && focused {
			over = Invert
		}
		if i == s.sel {
			cursor = len(out)
		}
		out = append(out, s.rows.Row(i).Marked(s.Phrase).Render(w, over))
	}
	return out, cursor
}

// Find selects the next row that contains a phrase, or the previous one. It
// continues at the other end, ignores case, and reports whether a row contains
// the phrase.
func (s *Scroller) Find(phrase string, back bool) bool {
	n, step := s.Count(), 1
	if back {
		step = -1
	}
	phrase = strings.ToLower(phrase)
	for i := 1; i <= n; i++ {
		at := ((s.sel+i*step)%n + n) % n
		if strings.Contains(strings.ToLower(s.rows.Row(at).PlainText()), phrase) {
			s.sel = at
			return true
		}
	}
	return false
}

// Hits returns how many rows contain Phrase, and how many of them are up to the selected
// one.
func (s *Scroller) Hits() (at, of int) {
	phrase := strings.ToLower(s.Phrase)
	for i := range s.Count() {
		if phrase == "" || !strings.Contains(strings.ToLower(s.rows.Row(i).PlainText()), phrase) {
			continue
		}
		if of++; i <= s.sel {
			at++
		}
	}
	return at, of
}
