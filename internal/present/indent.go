package present

import (
	"bytes"
	"encoding/json"
)

// Indent returns JSON on lines of its own, two blanks for each level. It is false for
// what is not JSON, and for JSON that would swell: 20 kB of brackets in brackets are
// 200 MB of blanks.
func Indent(text []byte) ([]byte, bool) {
	if blanks(text) > 64<<10+16*len(text) {
		return nil, false
	}
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return nil, false
	}
	return b.Bytes(), true
}

// blanks is about how many line ends and blanks a JSON text gets when it is indented.
func blanks(text []byte) (n int) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
			n += 1 + 2*depth
		case c == ']' || c == '}':
			depth = max(depth-1, 0)
			n += 1 + 2*depth
		case c == ',':
			n += 1 + 2*depth
		}
	}
	return n
}
