package detail

import (
	"bytes"
	"encoding/json"
	"strings"
)

// find moves the cursor to the next node whose key or value contains a phrase, or to
// the previous one, and reports whether there is one. It continues at the other end,
// and ignores case.
func (t *tree) find(phrase string, back bool) bool {
	if r := t.rowsOf(t.sel); r != nil && (!back || t.selRow > 0) {
		if row := r.find(strings.ToLower(phrase), t.selRow-1, back); row >= 0 {
			t.hitAt = min(max(t.hitAt+map[bool]int{false: 1, true: -1}[back], 1), t.hits)
			t.selRow = row + 1
			return true
		}
	}
	place := t.search(t.selected(), phrase, back)
	if place < 0 || !t.reveal(place) {
		return false
	}
	t.countHits(phrase, place)
	if r := t.rowsOf(t.sel); r != nil { // the row that contains it, unless the key does
		row := r.find(strings.ToLower(phrase), -1, false)
		if back {
			row = r.find(strings.ToLower(phrase), r.count(), true)
		}
		t.selRow = row + 1
	}
	return true
}

// countHits counts the places that contain a phrase, and those up to an offset.
func (t *tree) countHits(phrase string, place int) {
	text, needles := t.needles(phrase)
	t.hits, t.hitAt = 0, 0
	for _, needle := range needles {
		t.hits += bytes.Count(text, needle)
		t.hitAt += bytes.Count(text[:min(place+len(needle), len(text))], needle)
	}
	t.hitAt = max(t.hitAt, 1)
}

// needles returns the text in which a phrase is searched, and the ways in which JSON may
// write the phrase.
func (t *tree) needles(phrase string) (text []byte, needles [][]byte) {
	needles = [][]byte{bytes.ToLower([]byte(phrase))}
	if quoted, err := json.Marshal(phrase); err == nil {
		if other := bytes.ToLower(quoted[1 : len(quoted)-1]); !bytes.Equal(other, needles[0]) {
			needles = append(needles, other)
		}
	}
	text = bytes.ToLower(t.text)
	if len(text) != len(t.text) { // offsets would be wrong
		text = t.text
	}
	return text, needles
}

// search returns the next offset of a phrase in the text after a node, or the previous
// one before it; -1 if there is none.
func (t *tree) search(n *node, phrase string, back bool) int {
	text, needles := t.needles(phrase)
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

// nearest returns the offset of a needle that is nearest after a place, or before it,
// around the end of the text, and its distance; -1 if there is none.
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

// reveal opens the nodes around an offset in the text, and moves the cursor to the
// innermost one.
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
