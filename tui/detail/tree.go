package detail

import "github.com/hf-tap/hf-tap/internal/jsontext"

// The kinds of node: the first byte of their text, and '0' for numbers. The other
// kinds are 't', 'f' and 'n'.
const (
	nodeObject = '{'
	nodeArray  = '['
	nodeString = '"'
	nodeNumber = '0'
)

// pageKids is how many children an open node shows at first, and with each "more". A
// closed array of a million numbers costs nothing; opened, it costs a page.
const pageKids = 500

// maxLines is how many lines there are at most after everything was opened.
const maxLines = 20_000

// node is a value in a valid JSON text. It holds positions in the text, so that keys
// and values are shown as they were written: the order of keys, repeated keys and
// long numbers stay. Its children are found when it is opened first.
type node struct {
	parent         *node
	kids           []*node
	start, end     int32 // of the value
	keyFrom, keyTo int32 // of the key with its quotes; 0: none
	index, depth   int32 // among its parent's children; of the root 0
	more           int32 // where further children begin; 0: there are none
	kind           byte
	open           bool
	scanned        bool
}

func (n *node) folds() bool { return n.kind == nodeObject || n.kind == nodeArray }

// treeLine is a line of the tree: a node, or the line that offers more children of it.
type treeLine struct {
	node *node
	more bool
}

// tree is a JSON text as nodes that open and close.
type tree struct {
	text  []byte
	root  *node
	lines []treeLine // of nodes whose parents are open; of the root only if it has no children
	sel   int        // the line of the cursor
	top   place      // the first row in sight

	hits, hitAt int // of the last search: how many places, and which one the cursor is at

	selRow int                   // the row of the cursor in an open string; 0: the line itself
	width  int                   // of the last drawing
	texts  map[*node]*stringRows // of open strings
}

// newTree returns the tree of a valid JSON text, opened until it fills a screen or two.
func newTree(text []byte) *tree {
	start := jsontext.SkipSpace(text, 0)
	t := &tree{text: text, root: &node{start: int32(start), end: int32(jsontext.SkipValue(text, start)), kind: kindOf(text, start)}}
	t.root.open = true
	t.scan(t.root)
	// Breadth first, so that the first child does not take all the room.
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

// flatten updates the lines. The cursor stays on its node, or goes to a parent that is
// shown.
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
	for n := at; n != nil; n = n.parent {
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
