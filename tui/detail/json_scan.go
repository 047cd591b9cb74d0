package detail

import "github.com/hf-tap/hf-tap/internal/jsontext"

// kindOf is the kind of the value that begins at i.
func kindOf(text []byte, i int) byte {
	switch c := text[i]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return c
	}
	return nodeNumber
}

// scan finds the next page of a node's children, and reports whether there was one.
func (t *tree) scan(n *node) bool {
	if !n.folds() || n.scanned && n.more == 0 {
		return false
	}
	i := int(n.more)
	if !n.scanned {
		i = jsontext.SkipSpace(t.text, int(n.start)+1)
	}
	n.scanned, n.more = true, 0
	for found := 0; i < int(n.end)-1; found++ {
		if found == pageKids {
			n.more = int32(i)
			return true
		}
		kid := &node{parent: n, index: int32(len(n.kids)), depth: n.depth + 1}
		if n.kind == nodeObject {
			kid.keyFrom, kid.keyTo = int32(i), int32(jsontext.SkipString(t.text, i))
			i = jsontext.SkipSpace(t.text, int(kid.keyTo))
			i = jsontext.SkipSpace(t.text, i+1) // the colon
		}
		kid.kind = kindOf(t.text, i)
		kid.start, kid.end = int32(i), int32(jsontext.SkipValue(t.text, i))
		n.kids = append(n.kids, kid)
		i = jsontext.SkipSpace(t.text, int(kid.end))
		if i < len(t.text) && t.text[i] == ',' {
			i = jsontext.SkipSpace(t.text, i+1)
		}
	}
	return true
}
