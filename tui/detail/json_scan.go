package detail

import "bytes"

// kindOf is the kind of the value that begins at i.
func kindOf(text []byte, i int) byte {
	switch c := text[i]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return c
	}
	return nodeNumber
}

// skipSpace returns where the next token begins.
func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// skipString returns where the string that begins at i ends.
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

// skipValue returns where the value that begins at i ends.
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

// scan finds the next page of a node's children, and reports whether there was one.
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
