package detail

import (
	"strings"
	"testing"
)

// The answer of a target, and what a stranger sends, may be brackets in brackets.
func TestABodyOfBracketsDoesNotSwell(t *testing.T) {
	const deep = 8000
	body := strings.Repeat("[", deep) + strings.Repeat("]", deep)
	shown := 0
	for _, l := range bodyLines([]byte(body), "application/json", false) {
		shown += len(l.PlainText())
	}
	if shown > 2*len(body) {
		t.Errorf("%d bytes are shown as %d", len(body), shown)
	}
}
