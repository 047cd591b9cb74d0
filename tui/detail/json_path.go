package detail

import (
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/internal/jsontext"
)

// key is the key of a node; "" for elements of arrays.
func (t *tree) key(n *node) string {
	if n.keyTo == 0 {
		return ""
	}
	return jsontext.Unquote(t.text[n.keyFrom:n.keyTo])
}

// path is the position of a node as jq writes it: .discussion.author.id, .refs[0].
func (t *tree) path(n *node) string {
	var parts []string
	for ; n != nil && n.parent != nil; n = n.parent {
		if n.parent.kind == nodeArray {
			parts = append(parts, jsontext.IndexStep(int(n.index)))
		} else {
			parts = append(parts, jsontext.KeyStep(t.text[n.keyFrom:n.keyTo]))
		}
	}
	slices.Reverse(parts)
	path := strings.Join(parts, "")
	if !strings.HasPrefix(path, ".") {
		path = "." + path
	}
	return path
}
