package detail

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// key is the key of a node; "" for elements of arrays.
func (t *tree) key(n *node) string {
	if n.keyTo == 0 {
		return ""
	}
	return unquote(t.text[n.keyFrom:n.keyTo])
}

// unquote decodes a valid JSON string.
func unquote(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : len(b)-1])
	}
	var s string
	_ = json.Unmarshal(b, &s) // cannot fail: the string is valid
	return s
}

// path is the position of a node as jq writes it: .discussion.author.id, .refs[0].
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

// identifier reports whether jq reads s as a key without quotes.
func identifier(s string) bool {
	for i, r := range s {
		if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	return s != ""
}
