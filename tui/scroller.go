package tui

import "strings"

// rows are the content of a scroller: lines of text, or of bytes.
type rows interface {
	count() int
	row(i int) line
}

// wrappedRows are lines that fit the width of their pane.
type wrappedRows []line

func (t wrappedRows) count() int     { return len(t) }
func (t wrappedRows) row(i int) line { return t[i] }

// wrapRows wraps lines for a pane of width w.
func wrapRows(lines []line, w int) rows {
	var out wrappedRows
	for _, l := range lines {
		out = append(out, l.wrap(w, 2)...)
	}
	return out
}

// scroller is a pane that shows some of its rows. One of them is selected.
type scroller struct {
	rows rows
	sel  int
	top  int
}

// setRows replaces the rows. The selection stays where it is.
func (s *scroller) setRows(r rows) { s.rows = r }

// count is the number of rows.
func (s *scroller) count() int {
	if s.rows == nil {
		return 0
	}
	return s.rows.count()
}

// selected is the index of the selected row.
func (s *scroller) selected() int { return s.sel }

// first is the index of the first row in sight.
func (s *scroller) first() int { return s.top }

// move moves the selection down by some rows, or up.
func (s *scroller) move(by int) { s.moveTo(s.sel + by) }

// moveTo selects a row, or the nearest one that exists.
func (s *scroller) moveTo(i int) { s.sel = min(max(i, 0), max(s.count()-1, 0)) }

// click selects the row at a line of the pane.
func (s *scroller) click(y int) { s.moveTo(s.top + y) }

// dropped adjusts the scroller after the first n rows were removed.
func (s *scroller) dropped(n int) {
	s.sel = max(s.sel-n, 0)
	s.top = max(s.top-n, 0)
}

// render returns the rows in sight, and the line of the selected one. focused
// highlights it.
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

// find selects the next row that contains a phrase, or the previous one. It
// continues at the other end, ignores case, and reports whether a row contains
// the phrase.
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
