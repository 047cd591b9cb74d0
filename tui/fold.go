package tui

import (
	"bytes"
	"encoding/json"
	"strings"
)

// readString decodes a JSON string.
func readString(b []byte) (string, bool) {
	var s string
	err := json.Unmarshal(b, &s)
	return s, err == nil
}

// at gives the selected node, nil on no line.
func (t *tree) at() *node {
	if t.sel < 0 || t.sel >= len(t.lines) {
		return nil
	}
	return t.lines[t.sel].node
}

// move goes by some rows: through an opened text, too.
func (t *tree) move(by int) { t.moveTo(t.step(place{t.sel, t.selRow}, by)) }

func (t *tree) moveTo(p place) { t.sel, t.selRow = p.line, p.row }

// toggle opens or closes the selected fold, or shows more of one.
func (t *tree) toggle() {
	if t.sel >= len(t.lines) {
		return
	}
	l := t.lines[t.sel]
	switch {
	case l.more:
		line := t.sel
		t.scan(l.node)
		t.flatten()
		t.sel = min(line, len(t.lines)-1)
		return
	case l.node.folds():
		l.node.open = !l.node.open
		if l.node.open && !l.node.scanned {
			t.scan(l.node)
		}
	case l.node.kind == nodeString:
		if l.node.open = !l.node.open; !l.node.open {
			delete(t.texts, l.node)
		}
		t.rowsOf(t.sel) // here, as a long one may take a while
	}
	t.flatten()
}

// unfold opens the selected fold, or goes into it.
func (t *tree) unfold() {
	n := t.at()
	switch {
	case n == nil:
	case t.lines[t.sel].more || !n.open && (n.folds() || n.kind == nodeString):
		t.toggle()
	case n.folds() && len(n.kids) > 0:
		t.move(1)
	}
}

// fold closes the selected fold, or goes out to the one that it is in.
func (t *tree) fold() {
	n := t.at()
	if n == nil {
		return
	}
	if n.open && !t.lines[t.sel].more {
		t.toggle()
		return
	}
	if !t.lines[t.sel].more {
		n = n.parent
	}
	for i, l := range t.lines {
		if l.node == n && !l.more {
			t.sel = i
			return
		}
	}
}

// level opens the folds of the selected node's level, or closes them when one is
// open.
func (t *tree) level() {
	n := t.at()
	if n == nil || n.parent == nil {
		return
	}
	open := true
	for _, kid := range n.parent.kids {
		if kid.folds() && kid.open {
			open = false
		}
	}
	for _, kid := range n.parent.kids {
		if kid.folds() {
			kid.open = open
			if open && !kid.scanned {
				t.scan(kid)
			}
		}
	}
	t.flatten()
}

// all opens every fold as far as maxLines goes, or closes all when one below
// the first level is open.
func (t *tree) all() {
	closing := false
	for _, kid := range t.root.kids {
		closing = closing || kid.folds() && kid.open
	}
	left := maxLines
	var set func(n *node)
	set = func(n *node) {
		for _, kid := range n.kids {
			if !kid.folds() {
				continue
			}
			if !closing {
				if left <= 0 {
					return
				}
				if !kid.scanned {
					t.scan(kid)
				}
				left -= len(kid.kids)
			}
			kid.open = !closing
			set(kid)
		}
	}
	set(t.root)
	t.flatten()
}

// find goes to the next node, or the one before, whose key or value holds the
// phrase, around the end of the text if need be. Capitals are small letters.
func (t *tree) find(phrase string, back bool) bool {
	n := t.at()
	if n == nil || phrase == "" {
		return false
	}
	if lt := t.rowsOf(t.sel); lt != nil && (!back || t.selRow > 0) {
		if row := lt.find(strings.ToLower(phrase), t.selRow-1, back); row >= 0 {
			t.selRow = row + 1
			return true
		}
	}
	place := t.search(n, phrase, back)
	if place < 0 || !t.reveal(place) {
		return false
	}
	if lt := t.rowsOf(t.sel); lt != nil { // the row that holds it, if it is not the key
		row := lt.find(strings.ToLower(phrase), -1, false)
		if back {
			row = lt.find(strings.ToLower(phrase), lt.count(), true)
		}
		t.selRow = row + 1
	}
	return true
}

// search finds the place in the text that is the next after a node, or the one
// before it, around the end of the text if need be. It is -1 if there is none.
func (t *tree) search(n *node, phrase string, back bool) int {
	needles := [][]byte{bytes.ToLower([]byte(phrase))}
	if quoted, err := json.Marshal(phrase); err == nil { // as it is written in a string
		needles = append(needles, bytes.ToLower(quoted[1:len(quoted)-1]))
	}
	text := bytes.ToLower(t.text)
	if len(text) != len(t.text) { // a rune got shorter: positions would be wrong
		text = t.text
	}
	from := int(n.keyFrom)
	if n.keyTo == 0 {
		from = int(n.start)
	}
	if !back {
		from = int(n.end)
		if n.folds() {
			from = max(int(n.keyTo), int(n.start)+1)
		}
	}
	best, far := -1, 0
	for _, needle := range needles {
		if i, distance := nearest(text, needle, from, back); i >= 0 && (best < 0 || distance < far) {
			best, far = i, distance
		}
	}
	return best
}

// nearest finds a needle from a place on, or before it, around the end, and
// tells how far that is.
func nearest(text, needle []byte, from int, back bool) (i, distance int) {
	if back {
		if i = bytes.LastIndex(text[:from], needle); i < 0 {
			i = bytes.LastIndex(text, needle)
		}
		distance = from - i
	} else {
		if i = bytes.Index(text[from:], needle); i >= 0 {
			i += from
		} else {
			i = bytes.Index(text, needle)
		}
		distance = i - from
	}
	if distance < 0 {
		distance += len(text)
	}
	return i, distance
}

// reveal opens what hides a place in the text and selects the node there.
func (t *tree) reveal(offset int) bool {
	n := t.root
	for n.folds() {
		if !n.scanned {
			t.scan(n)
		}
		var next *node
		for next == nil {
			for i := len(n.kids) - 1; i >= 0 && next == nil; i-- {
				kid := n.kids[i]
				from := kid.start
				if kid.keyTo > 0 {
					from = kid.keyFrom
				}
				if int(from) <= offset && offset < int(kid.end) {
					next = kid
				}
			}
			if next == nil && (n.more == 0 || int(n.more) > offset || !t.scan(n)) {
				break
			}
		}
		n.open = true
		if next == nil {
			break
		}
		n = next
		if n.keyTo > 0 && offset < int(n.keyTo) {
			break
		}
	}
	t.flatten()
	for i, l := range t.lines {
		if l.node == n && !l.more {
			t.sel = i
			return true
		}
	}
	return false
}

// clone copies the nodes, so that a long operation can work on its own tree.
func (t *tree) clone() *tree {
	c := &tree{text: t.text, sel: t.sel, top: t.top, selRow: t.selRow, width: t.width, texts: map[*node]*longText{}}
	twin := make(map[*node]*node, len(t.lines))
	var copyOf func(n, parent *node) *node
	copyOf = func(n, parent *node) *node {
		k := *n
		k.parent, k.kids = parent, make([]*node, len(n.kids))
		for i, kid := range n.kids {
			k.kids[i] = copyOf(kid, &k)
		}
		twin[n] = &k
		return &k
	}
	c.root = copyOf(t.root, nil)
	for _, l := range t.lines {
		c.lines = append(c.lines, treeLine{twin[l.node], l.more})
	}
	for n, lt := range t.texts {
		c.texts[twin[n]] = lt
	}
	return c
}
