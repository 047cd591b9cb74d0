package hub

import (
	"bytes"
	"encoding/json"
)

// scanner reads a body once, from the start to the end. It accepts the same JSON
// as encoding/json, and returns the few strings of a Head. Every delivery is
// scanned before it is answered; encoding/json would need several passes, each of
// them much slower.
type scanner struct {
	b     []byte
	i     int
	depth int
}

// maxDepth is how deeply JSON may be nested before encoding/json refuses it.
const maxDepth = 10000

// object reads an object. It calls value at the start of each key's value, which
// value must read. It returns false if there is no valid object.
func (s *scanner) object(value func(key []byte) bool) bool {
	if !s.enter('{') {
		return false
	}
	if s.space(); s.next('}') {
		s.depth--
		return true
	}
	for {
		s.space()
		key, ok := s.str()
		if !ok {
			return false
		}
		if s.space(); !s.next(':') {
			return false
		}
		s.space()
		if !value(key) {
			return false
		}
		s.space()
		switch {
		case s.next(','):
		case s.next('}'):
			s.depth--
			return true
		default:
			return false
		}
	}
}

// skip reads any value. It returns false if there is no valid one.
func (s *scanner) skip() bool {
	if s.i >= len(s.b) {
		return false
	}
	switch c := s.b[s.i]; {
	case c == '"':
		_, ok := s.str()
		return ok
	case c == '{':
		return s.object(func([]byte) bool { return s.skip() })
	case c == '[':
		return s.array()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return s.number()
}

func (s *scanner) array() bool {
	if !s.enter('[') {
		return false
	}
	if s.space(); s.next(']') {
		s.depth--
		return true
	}
	for {
		if s.space(); !s.skip() {
			return false
		}
		s.space()
		switch {
		case s.next(','):
		case s.next(']'):
			s.depth--
			return true
		default:
			return false
		}
	}
}

// str reads a string, and returns the bytes between its quotes with all escapes.
func (s *scanner) str() (raw []byte, ok bool) {
	if !s.next('"') {
		return nil, false
	}
	from := s.i
	for {
		// Most bytes of most bodies are read by this loop.
		rest := s.b[s.i:]
		n := 0
		for n < len(rest) && rest[n] != '"' && rest[n] != '\\' && rest[n] >= ' ' {
			n++
		}
		s.i += n
		switch {
		case n == len(rest):
			return nil, false
		case rest[n] == '"':
			s.i++
			return s.b[from : s.i-1], true
		case rest[n] < ' ' || !s.escape():
			return nil, false
		}
	}
}

// escape reads an escape, for example "\n" or "\u00e9".
func (s *scanner) escape() bool {
	if s.i+1 >= len(s.b) {
		return false
	}
	c := s.b[s.i+1]
	s.i += 2
	if c != 'u' {
		return bytes.IndexByte([]byte(`"\/bfnrt`), c) >= 0
	}
	for range 4 {
		if s.i >= len(s.b) {
			return false
		}
		c := s.b[s.i]
		if !digit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
		s.i++
	}
	return true
}

func (s *scanner) number() bool {
	s.next('-')
	switch {
	case s.next('0'):
	case !s.digits():
		return false
	}
	if s.next('.') && !s.digits() {
		return false
	}
	if s.next('e') || s.next('E') {
		if !s.next('+') {
			s.next('-')
		}
		return s.digits()
	}
	return true
}

// digits reads digits. It returns false if there are none.
func (s *scanner) digits() bool {
	from := s.i
	for s.i < len(s.b) && digit(s.b[s.i]) {
		s.i++
	}
	return s.i > from
}

func (s *scanner) word(w string) bool {
	if !bytes.HasPrefix(s.b[s.i:], []byte(w)) {
		return false
	}
	s.i += len(w)
	return true
}

func (s *scanner) enter(c byte) bool {
	s.depth++
	return s.depth <= maxDepth && s.next(c)
}

// next reads c. It returns false if there is another byte.
func (s *scanner) next(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// text reads any value. It returns the text of a string, and "" for other values.
func (s *scanner) text() (string, bool) {
	from := s.i
	if from >= len(s.b) || s.b[from] != '"' {
		return "", s.skip()
	}
	raw, ok := s.str()
	return plain(raw, s.b[from:s.i]), ok
}

// pair is a key to look for, and the variable for its text.
type pair struct {
	key  string
	into *string
}

// strings reads any value. If it is an object, the texts of two of its keys are
// stored.
func (s *scanner) strings(a, b pair) bool {
	if s.i >= len(s.b) || s.b[s.i] != '{' {
		return s.skip()
	}
	return s.object(func(key []byte) (ok bool) {
		switch {
		case is(key, a.key):
			*a.into, ok = s.text()
		case b.into != nil && is(key, b.key):
			*b.into, ok = s.text()
		default:
			ok = s.skip()
		}
		return ok
	})
}

// plain returns the text of a string from the bytes between its quotes. Those with
// escapes, or bytes that are not UTF-8, are decoded by encoding/json.
func plain(raw, quoted []byte) string {
	for _, c := range raw {
		if c == '\\' || c >= 0x80 {
			var text string
			_ = json.Unmarshal(quoted, &text) // it was gone through: it is a string
			return text
		}
	}
	return string(raw)
}

// is reports whether the bytes of a key are name, perhaps with escapes.
func is(key []byte, name string) bool {
	if bytes.IndexByte(key, '\\') < 0 {
		return string(key) == name
	}
	quoted := append(append([]byte{'"'}, key...), '"')
	return plain(key, quoted) == name
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
