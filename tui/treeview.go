package tui

import (
	"strconv"
	"strings"
)

// maxPreview is how much of a folded value or a long string a line shows; it is
// cut to the window anyway, and a string may have megabytes.
const maxPreview = 400

// maxStringLines is how many lines an opened string shows.
const maxStringLines = 200

// treeRow is a row on the screen: a line of the tree, or a line of the text of
// an opened string below it.
type treeRow struct {
	at   int // index of the tree's line
	line line
}

// render gives the rows in sight and which is selected. Only lines that may be
// in sight are laid out.
func (t *tree) render(w, h int, focused bool) (rows []string, cursor int) {
	if t.sel < t.top {
		t.top = t.sel
	}
	t.top = min(max(t.top, 0), max(len(t.lines)-1, 0))
	if t.sel-t.top > h {
		t.top = t.sel - h
	}
	laid := t.lay(t.top, w, h)
	for t.sel > t.top { // opened strings take more than a row
		last := -1
		for i, r := range laid[:min(len(laid), h)] {
			if r.at == t.sel && r.line != nil {
				last = i
				break
			}
		}
		if last >= 0 {
			break
		}
		t.top++
		laid = t.lay(t.top, w, h)
	}
	for i, r := range laid {
		if len(rows) == h {
			break
		}
		over := plain
		if r.at == t.sel && (i == 0 || laid[i-1].at != t.sel) {
			cursor = len(rows)
			if over = strong; focused {
				over = invert
			}
		}
		rows = append(rows, r.line.render(w, over))
	}
	return rows, cursor
}

// lay lays lines out from one on, until h rows are full.
func (t *tree) lay(from, w, h int) []treeRow {
	var rows []treeRow
	for i := from; i < len(t.lines) && len(rows) < h; i++ {
		rows = append(rows, treeRow{i, t.line(t.lines[i])})
		n := t.lines[i].node
		if n.kind != nodeString || !n.open {
			continue
		}
		bar := strings.Repeat("  ", t.indent(n)+1) + "│ "
		for j, l := range strings.Split(unquote(t.text[n.start:n.end]), "\n") {
			if j == maxStringLines {
				rows = append(rows, treeRow{i, text(faint, bar+"… c copies all of it")})
				break
			}
			room := max(w-width(bar), 8)
			for _, part := range text(good, shorten(l, room*maxStringLines)).wrap(room, 0) {
				rows = append(rows, treeRow{i, append(text(faint, bar), part...)})
			}
		}
	}
	return rows
}

// indent is how far a node is set in; very deep ones no further.
func (t *tree) indent(n *node) int { return min(max(int(n.depth)-1, 0), 20) }

func (t *tree) line(tl treeLine) line {
	n := tl.node
	l := text(plain, strings.Repeat("  ", t.indent(n)))
	if tl.more {
		return l.add(accent, "  … more, enter shows "+strconv.Itoa(pageKids)+" of them")
	}
	sign := "  "
	switch {
	case n.folds() && (n.end-n.start == 2 || n.scanned && len(n.kids) == 0): // empty
	case n.folds() && n.open:
		sign = "▾ "
	case n.folds():
		sign = "▸ "
	}
	l = l.add(faint, sign)
	switch {
	case n.keyTo == n.keyFrom+2: // the empty key
		l = l.add(accent, `""`).add(faint, ": ")
	case n.keyTo > 0:
		l = l.add(accent, t.key(n)).add(faint, ": ")
	case n.parent != nil:
		l = l.add(faint, strconv.Itoa(int(n.index))+": ")
	}
	return append(l, t.value(n)...)
}

// value shows a value as it is written, and of a fold what is in it.
func (t *tree) value(n *node) line {
	source := t.text[n.start:n.end]
	preview := string(source[:min(len(source), maxPreview)])
	switch n.kind {
	case nodeObject, nodeArray:
		if n.open && len(n.kids) > 0 {
			return nil
		}
		return text(faint, oneLine(preview))
	case nodeString:
		if n.open {
			return text(faint, byteSize(int64(len(source)-2)))
		}
		return text(good, preview)
	case nodeNumber:
		return text(number, preview)
	}
	return text(number, preview)
}

// oneLine takes the line breaks and indents of pretty JSON out of a preview.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
