package detail

import ()

// selected is the node at the cursor.
func (t *tree) selected() *node { return t.lines[t.sel].node }

// outermost reports whether nothing is left to close at the cursor, or around it.
func (t *tree) outermost() bool {
	n := t.selected()
	return !n.open && (n.parent == nil || n.parent.parent == nil)
}

// toggle opens or closes the node at the cursor, or shows more children of one.
func (t *tree) toggle() {
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
		t.rowsOf(t.sel) // now, because drawing must not take long
	}
	t.flatten()
}

// unfold opens the node at the cursor, or goes to its first child.
func (t *tree) unfold() {
	n := t.selected()
	switch {
	case t.lines[t.sel].more || !n.open && (n.folds() || n.kind == nodeString):
		t.toggle()
	case n.folds() && len(n.kids) > 0:
		t.move(1)
	}
}

// fold closes the node at the cursor, or goes to its parent.
func (t *tree) fold() {
	n := t.selected()
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

// toggleLevel closes all nodes of the cursor's level if one of them is open, else it
// opens them.
func (t *tree) toggleLevel() {
	n := t.selected()
	if n.parent == nil {
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

// toggleAll closes all nodes if one of the first level is open, else it opens them,
// until there are maxLines lines.
func (t *tree) toggleAll() {
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

// clone copies the tree with its nodes. Rows of strings do not change and are shared.
func (t *tree) clone() *tree {
	c := &tree{text: t.text, sel: t.sel, top: t.top, selRow: t.selRow, width: t.width, texts: map[*node]*stringRows{}}
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
	for n, r := range t.texts {
		c.texts[twin[n]] = r
	}
	return c
}
