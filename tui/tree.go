package tui

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// Kinds of node, by the first byte of their text: '{', '[', '"', 't', 'f', 'n',
// and '0' for numbers.
const (
	nodeObject = '{'
	nodeArray  = '['
	nodeString = '"'
	nodeNumber = '0'
)

// pageKids is how many children a fold shows at a time. A folded array of a
// million numbers costs nothing; opened, it costs a page.
const pageKids = 500

// maxLines is how many lines opening everything may give.
const maxLines = 20_000

// node is a value within a JSON text, which has to be valid. It points into the
// text: its key and its value are shown as they were written, so that the order
// of keys, keys that stand there twice and long numbers stay what they are.
// Children are found when it is opened first.
type node struct {
	parent         *node
	kids           []*node
	start, end     int32 // of the value
	keyFrom, keyTo int32 // of the key with its quotes, 0 if there is none
	index, depth   int32 // among its parent's children; of the root 0
	more           int32 // where further children begin, 0: there are none
	kind           byte
	open           bool
	scanned        bool
}

func (n *node) folds() bool { return n.kind == nodeObject || n.kind == nodeArray }

// treeLine is a line of the tree: a node, or the "more" line of one.
type treeLine struct {
	node *node
	more bool
}

// tree is a JSON text as nodes that fold.
type tree struct {
	text  []byte
	root  *node
	lines []treeLine // what is not folded away; the root only where it is no container
	sel   int        // the line of the cursor
	top   place      // the first row in sight

	selRow int                 // where in the text of an opened string the cursor is, 0: on its line
	width  int                 // as it was drawn last
	texts  map[*node]*longText // of opened strings

	missed bool // the last search found nothing
}

// newTree makes the tree of a valid JSON text, opened as far as a screen or two
// can show.
func newTree(text []byte) *tree {
	start := skipSpace(text, 0)
	t := &tree{text: text, root: &node{start: int32(start), end: int32(skipValue(text, start)), kind: kindOf(text, start)}}
	t.root.open = true
	t.scan(t.root)
	// Breadth first, so that what is deep in the first child does not hide the second.
	queue, lines := []*node{t.root}, len(t.root.kids)
	for len(queue) > 0 && lines < 120 {
		n := queue[0]
		queue = queue[1:]
		for _, kid := range n.kids {
			if !kid.folds() || kid.depth > 4 {
				continue
			}
			t.scan(kid)
			if lines += len(kid.kids); len(kid.kids) > 40 || lines > 120 {
				break
			}
			kid.open = true
			queue = append(queue, kid)
		}
	}
	t.flatten()
	return t
}

func kindOf(text []byte, i int) byte {
	switch c := text[i]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return c
	}
	return nodeNumber
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// skipString gives where the string that begins at i ends.
func skipString(text []byte, i int) int {
	for i++; i < len(text); {
		j := bytes.IndexByte(text[i:], '"')
		if j < 0 {
			return len(text)
		}
		i += j
		slashes := 0
		for text[i-1-slashes] == '\\' {
			slashes++
		}
		i++
		if slashes%2 == 0 {
			return i
		}
	}
	return i
}

// skipValue gives where the value that begins at i ends.
func skipValue(text []byte, i int) int {
	depth := 0
	for i < len(text) {
		switch text[i] {
		case '"':
			i = skipString(text, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				if depth < 0 {
					return i
				}
				return i + 1
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// scan finds a page of children, and says whether it did.
func (t *tree) scan(n *node) bool {
	if !n.folds() || n.scanned && n.more == 0 {
		return false
	}
	i := int(n.more)
	if !n.scanned {
		i = skipSpace(t.text, int(n.start)+1)
	}
	n.scanned, n.more = true, 0
	for found := 0; i < int(n.end)-1; found++ {
		if found == pageKids {
			n.more = int32(i)
			return true
		}
		kid := &node{parent: n, index: int32(len(n.kids)), depth: n.depth + 1}
		if n.kind == nodeObject {
			kid.keyFrom, kid.keyTo = int32(i), int32(skipString(t.text, i))
			i = skipSpace(t.text, int(kid.keyTo))
			i = skipSpace(t.text, i+1) // the colon
		}
		kid.kind = kindOf(t.text, i)
		kid.start, kid.end = int32(i), int32(skipValue(t.text, i))
		n.kids = append(n.kids, kid)
		i = skipSpace(t.text, int(kid.end))
		if i < len(t.text) && t.text[i] == ',' {
			i = skipSpace(t.text, i+1)
		}
	}
	return true
}

// flatten makes the lines anew, keeping the selection on its node.
func (t *tree) flatten() {
	var at *node
	var line int
	if t.sel < len(t.lines) {
		at, line = t.lines[t.sel].node, t.sel
	}
	t.lines, t.selRow = t.lines[:0], 0
	if t.root.folds() && len(t.root.kids) > 0 {
		t.flattenKids(t.root)
	} else {
		t.lines = append(t.lines, treeLine{node: t.root})
	}
	t.sel = min(line, len(t.lines)-1)
	for n := at; n != nil; n = n.parent { // a node that was folded away is in its parent
		for i, l := range t.lines {
			if l.node == n && !l.more {
				t.sel = i
				return
			}
		}
	}
}

func (t *tree) flattenKids(n *node) {
	for _, kid := range n.kids {
		t.lines = append(t.lines, treeLine{node: kid})
		if kid.open && kid.folds() {
			t.flattenKids(kid)
		}
	}
	if n.more != 0 {
		t.lines = append(t.lines, treeLine{node: n, more: true})
	}
}

// key gives a node's key as a Go string, "" of elements of arrays.
func (t *tree) key(n *node) string {
	if n.keyTo == 0 {
		return ""
	}
	return unquote(t.text[n.keyFrom:n.keyTo])
}

// unquote reads a JSON string; one that Go's rules do not take is shown as it
// is written.
func unquote(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : len(b)-1])
	}
	if s, ok := readString(b); ok {
		return s
	}
	return string(b)
}

// path gives where a node is, as jq writes it: .discussion.author.id, .refs[0].
func (t *tree) path(n *node) string {
	var parts []string
	for ; n != nil && n.parent != nil; n = n.parent {
		switch key := t.key(n); {
		case n.parent.kind == nodeArray:
			parts = append(parts, "["+strconv.Itoa(int(n.index))+"]")
		case identifier(key):
			parts = append(parts, "."+key)
		default:
			parts = append(parts, "["+string(t.text[n.keyFrom:n.keyTo])+"]")
		}
	}
	slices.Reverse(parts)
	path := strings.Join(parts, "")
	if !strings.HasPrefix(path, ".") {
		path = "." + path
	}
	return path
}

func identifier(s string) bool {
	for i, r := range s {
		if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	return s != ""
}
