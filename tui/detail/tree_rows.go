package detail

import (
	"github.com/hf-tap/hf-tap/internal/jsontext"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/line"
	"strconv"
	"strings"
)

// maxPreview is how many bytes of a value its line shows. A value may have megabytes,
// and the line is cut to the window.
const maxPreview = 400

// place is a row of the tree: a line, or a row of the open string on that line,
// counted from 1.
type place struct{ line, row int }

func (p place) before(q place) bool { return p.line < q.line || p.line == q.line && p.row < q.row }

// treeRow is a place and its text.
type treeRow struct {
	place
	text line.Line
}

// defaultWidth is the width of a tree that was not drawn yet, in cells.
const defaultWidth = 80

// rowsOf returns the rows of the open string on a line; nil on other lines. They are
// kept, because a text of megabytes takes a while.
func (t *tree) rowsOf(line int) *stringRows {
	l := t.lines[line]
	if l.more || l.node.kind != nodeString || !l.node.open {
		return nil
	}
	if t.width == 0 {
		t.width = defaultWidth
	}
	w := max(t.width-2*(t.indent(l.node)+1)-2, 8)
	if lt := t.texts[l.node]; lt != nil && lt.width == w {
		return lt
	}
	lt := newStringRows(jsontext.Unquote(t.text[l.node.start:l.node.end]), w)
	if t.texts == nil {
		t.texts = map[*node]*stringRows{}
	}
	t.texts[l.node] = lt
	return lt
}

// move moves the cursor down by some rows, or up.
func (t *tree) move(by int) { t.moveTo(t.step(t.cursor(), by)) }

func (t *tree) moveTo(p place) { t.sel, t.selRow = p.line, p.row }

func (t *tree) cursor() place { return place{t.sel, t.selRow} }

// below is the number of rows of the open string on a line.
func (t *tree) below(line int) int {
	if lt := t.rowsOf(line); lt != nil {
		return lt.count()
	}
	return 0
}

// step returns the place that is some rows further down, or up, or the last one.
func (t *tree) step(p place, by int) place {
	for by > 0 {
		rest := t.below(p.line) - p.row
		switch {
		case by <= rest:
			return place{p.line, p.row + by}
		case p.line == len(t.lines)-1:
			return place{p.line, p.row + rest}
		}
		by -= rest + 1
		p = place{p.line + 1, 0}
	}
	for by < 0 {
		switch {
		case p.row >= -by:
			return place{p.line, p.row + by}
		case p.line == 0:
			return place{}
		}
		by += p.row + 1
		p = place{p.line - 1, t.below(p.line - 1)}
	}
	return p
}

// render returns the rows in sight, and which of them the cursor is on. Only those
// are laid out. phrase is marked.
func (t *tree) render(w, h int, focused bool, phrase string) (rows []string, cursor int) {
	t.width = w
	t.selRow = min(t.selRow, t.below(t.sel))
	t.top.line = min(max(t.top.line, 0), len(t.lines)-1)
	t.top.row = min(t.top.row, t.below(t.top.line))
	at := t.cursor()
	if at.before(t.top) {
		t.top = at
	} else if t.step(t.top, h-1).before(at) {
		t.top = t.step(at, -(h - 1))
	}
	for _, r := range t.layOut(t.top, h) {
		over := line.Plain
		if r.place == at {
			cursor = len(rows)
			if over = line.Strong; focused {
				over = line.Invert
			}
		}
		rows = append(rows, r.text.Unjoined().Marked(phrase).Render(w, over))
	}
	return rows, cursor
}

// layOut returns h rows from a place on.
func (t *tree) layOut(from place, h int) []treeRow {
	var rows []treeRow
	for p := from; p.line < len(t.lines) && len(rows) < h; p = (place{p.line + 1, 0}) {
		lt := t.rowsOf(p.line)
		if p.row == 0 {
			rows = append(rows, treeRow{p, t.line(t.lines[p.line])})
			p.row++
		}
		if lt == nil {
			continue
		}
		bar := strings.Repeat("  ", t.indent(t.lines[p.line].node)+1) + "│ "
		for ; p.row <= lt.count() && len(rows) < h; p.row++ {
			rows = append(rows, treeRow{p, line.Text(line.Faint, bar).Add(line.Good, lt.row(p.row-1))})
		}
	}
	return rows
}

// indent is how many levels a node is indented, at most 20.
func (t *tree) indent(n *node) int { return min(max(int(n.depth)-1, 0), 20) }

func (t *tree) line(tl treeLine) line.Line {
	n := tl.node
	l := line.Text(line.Plain, strings.Repeat("  ", t.indent(n)))
	if tl.more {
		return l.Add(line.Accent, "  … more, enter shows "+strconv.Itoa(pageKids)+" of them")
	}
	sign := "  "
	switch {
	case n.folds() && (n.end-n.start == 2 || n.scanned && len(n.kids) == 0): // empty
	case n.folds() && n.open:
		sign = "▾ "
	case n.folds():
		sign = "▸ "
	}
	l = l.Add(line.Faint, sign)
	switch {
	case n.keyTo == n.keyFrom+2: // the empty key
		l = l.Add(line.Accent, `""`).Add(line.Faint, ": ")
	case n.keyTo > 0:
		l = l.Add(line.Accent, t.key(n)).Add(line.Faint, ": ")
	case n.parent != nil:
		l = l.Add(line.Faint, strconv.Itoa(int(n.index))+": ")
	}
	return append(l, t.value(n)...)
}

// value is the beginning of a value as it is written. The children of an open node
// have lines of their own.
func (t *tree) value(n *node) line.Line {
	source := t.text[n.start:n.end]
	preview := line.CutBytes(string(source[:min(len(source), maxPreview+1)]), maxPreview)
	switch n.kind {
	case nodeObject, nodeArray:
		if n.open && len(n.kids) > 0 {
			return nil
		}
		return line.Text(line.Faint, oneLine(preview))
	case nodeString:
		if n.open {
			return line.Text(line.Faint, present.Size(int64(len(source)-2)))
		}
		return line.Text(line.Good, preview)
	}
	return line.Text(line.Number, preview)
}

// oneLine removes line breaks and indents from JSON.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
