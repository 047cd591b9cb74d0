package tui

import (
	"github.com/hf-tap/hf-tap/tui/line"
	"strconv"
	"strings"
)

// maxPreview is how much of a folded value or a long string a line shows; it is
// cut to the window anyway, and a string may have megabytes.
const maxPreview = 400

// place is a row of the tree: a line, or below an opened string a row of its
// text, counted from 1.
type place struct{ line, row int }

func (p place) before(q place) bool { return p.line < q.line || p.line == q.line && p.row < q.row }

// treeRow is a place and what stands there.
type treeRow struct {
	place
	text line.Line
}

// defaultWidth is how wide a tree is taken to be that was not drawn yet.
const defaultWidth = 80

// rowsOf gives the text of an opened string as rows, nil of all other lines. It
// is kept, since a text of megabytes takes a while.
func (t *tree) rowsOf(line int) *longText {
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
	lt := newLongText(unquote(t.text[l.node.start:l.node.end]), w)
	if t.texts == nil {
		t.texts = map[*node]*longText{}
	}
	t.texts[l.node] = lt
	return lt
}

// below is how many rows of text stand below a line.
func (t *tree) below(line int) int {
	if lt := t.rowsOf(line); lt != nil {
		return lt.count()
	}
	return 0
}

// step gives the place that is so many rows further down, or up, as far as
// there are rows.
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

// render gives the rows in sight and which is selected. Only what is in sight
// is laid out.
func (t *tree) render(w, h int, focused bool) (rows []string, cursor int) {
	t.width = w
	t.selRow = min(t.selRow, t.below(t.sel))
	t.top.line = min(max(t.top.line, 0), len(t.lines)-1)
	t.top.row = min(t.top.row, t.below(t.top.line))
	at := place{t.sel, t.selRow}
	if at.before(t.top) {
		t.top = at
	} else if t.step(t.top, h-1).before(at) {
		t.top = t.step(at, -(h - 1))
	}
	for _, r := range t.lay(t.top, h) {
		over := line.Plain
		if r.place == at {
			cursor = len(rows)
			if over = line.Strong; focused {
				over = line.Invert
			}
		}
		rows = append(rows, r.text.Render(w, over))
	}
	return rows, cursor
}

// lay lays h rows out from a place on.
func (t *tree) lay(from place, h int) []treeRow {
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

// indent is how far a node is set in; very deep ones no further.
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

// value shows a value as it is written, and of a fold what is in it.
func (t *tree) value(n *node) line.Line {
	source := t.text[n.start:n.end]
	preview := string(source[:min(len(source), maxPreview)])
	switch n.kind {
	case nodeObject, nodeArray:
		if n.open && len(n.kids) > 0 {
			return nil
		}
		return line.Text(line.Faint, oneLine(preview))
	case nodeString:
		if n.open {
			return line.Text(line.Faint, line.Bytes(int64(len(source)-2)))
		}
		return line.Text(line.Good, preview)
	case nodeNumber:
		return line.Text(line.Number, preview)
	}
	return line.Text(line.Number, preview)
}

// oneLine takes the line breaks and indents of pretty JSON out of a preview.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
