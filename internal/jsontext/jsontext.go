// Package jsontext walks through valid JSON texts without decoding them: a payload
// may have megabytes, and few of its values are looked at.
package jsontext

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// SkipSpace returns where the next token begins.
func SkipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// SkipString returns where the string that begins at i ends.
func SkipString(text []byte, i int) int {
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

// SkipValue returns where the value that begins at i ends.
func SkipValue(text []byte, i int) int {
	depth := 0
	for i < len(text) {
		switch text[i] {
		case '"':
			i = SkipString(text, i)
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

// Unquote decodes a valid JSON string.
func Unquote(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : len(b)-1])
	}
	var s string
	_ = json.Unmarshal(b, &s) // cannot fail: the string is valid
	return s
}

// Child is a value in an object or an array.
type Child struct {
	Key   []byte // as it is quoted; nil in an array
	Value []byte
}

// Children returns the values of an object or an array.
func Children(text []byte) (all []Child) {
	i := SkipSpace(text, 1)
	for i < len(text)-1 {
		var c Child
		if text[0] == '{' {
			end := SkipString(text, i)
			c.Key = text[i:end]
			i = SkipSpace(text, SkipSpace(text, end)+1) // behind the colon
		}
		end := SkipValue(text, i)
		c.Value = text[i:end]
		all = append(all, c)
		i = SkipSpace(text, end)
		if i < len(text) && text[i] == ',' {
			i = SkipSpace(text, i+1)
		}
	}
	return all
}

// KeyStep is the step of a path to a key, as jq writes it: .id, or ["odd key"].
func KeyStep(quoted []byte) string {
	if key := Unquote(quoted); identifier(key) {
		return "." + key
	}
	return "[" + string(quoted) + "]"
}

// IndexStep is the step of a path to an element of an array: [3].
func IndexStep(i int) string { return "[" + strconv.Itoa(i) + "]" }

// identifier reports whether jq reads s as a key without quotes.
func identifier(s string) bool {
	for i, r := range s {
		if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	return s != ""
}
