// Package jsonedit sets and deletes single values of a JSON text by their paths.
// The order of keys stays, and numbers are not touched.
package jsonedit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Change is one value to set, or to delete.
type Change struct {
	Path   []string        // keys of objects and indexes of lists, from the top
	Value  json.RawMessage // the value to set, in compact form
	Delete bool            // instead of setting a value
}

// Parse reads "path=value".
//
//	discussion.title=Hello     a text, because Hello is not JSON
//	repo.private=true          a boolean
//	updatedRefs[0].oldSha=null null, as in jq; updatedRefs.0.oldSha is the same
//	repo["a.b"]=1              a key with a dot in it
//	comment.content="true"     a text, because the value is JSON in quotes
//	discussion=                delete it
//
// The value is JSON if it is valid JSON, else it is a text.
func Parse(s string) (Change, error) {
	if !utf8.ValidString(s) {
		return Change{}, fmt.Errorf("%q is not UTF-8", s)
	}
	path, rest, err := parsePath(s)
	if err != nil {
		return Change{}, fmt.Errorf("%q: %w", s, err)
	}
	value, ok := strings.CutPrefix(rest, "=")
	switch {
	case !ok:
		return Change{}, fmt.Errorf("%q has no value: want path=value, or path= to delete it", s)
	case len(path) == 0:
		return Change{}, fmt.Errorf("%q has no path: want path=value", s)
	case value == "":
		return Change{Path: path, Delete: true}, nil
	}
	return Change{Path: path, Value: typed(value)}, nil
}

// typed is a value as JSON.
func typed(value string) json.RawMessage {
	raw := json.RawMessage(value)
	if json.Valid(raw) {
		return compact(raw)
	}
	return text(value)
}

// parsePath reads a path up to the "=" behind it.
func parsePath(s string) (path []string, rest string, err error) {
	rest = strings.TrimPrefix(s, ".")
	for first := true; rest != "" && rest[0] != '='; first = false {
		var key string
		switch {
		case rest[0] == '[':
			key, rest, err = bracketed(rest[1:])
		case rest[0] == '.' && !first:
			key, rest = plainKey(rest[1:])
		case first:
			key, rest = plainKey(rest)
		default:
			err = fmt.Errorf("want a dot before %q", rest)
		}
		if err == nil && key == "" {
			err = errors.New("a part of the path is empty")
		}
		if err != nil {
			return nil, "", err
		}
		path = append(path, key)
	}
	return path, rest, nil
}

// plainKey cuts a key at the character that ends it.
func plainKey(s string) (key, rest string) {
	if end := strings.IndexAny(s, ".[="); end >= 0 {
		return s[:end], s[end:]
	}
	return s, ""
}

// bracketed reads an index or a quoted key behind "[".
func bracketed(s string) (key, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		dec := json.NewDecoder(strings.NewReader(s))
		if err := dec.Decode(&key); err != nil {
			return "", "", errors.New("the quotes in [ ] have no end")
		}
		s = s[dec.InputOffset():]
		rest, ok := strings.CutPrefix(s, "]")
		if !ok {
			return "", "", errors.New("a [ has no ]")
		}
		return key, rest, nil
	}
	key, rest, ok := strings.Cut(s, "]")
	if !ok {
		return "", "", errors.New("a [ has no ]")
	}
	return key, rest, nil
}

// String returns the path as it is typed.
func (c Change) String() string { return join(c.Path) }

// join writes a path with dots. A key that has a dot, or another character with a
// meaning in paths, stands in brackets.
func join(path []string) string {
	var b strings.Builder
	for i, key := range path {
		switch {
		case strings.ContainsAny(key, `.[]="`) || key == "":
			fmt.Fprintf(&b, "[%s]", text(key))
		case i > 0:
			b.WriteString("." + key)
		default:
			b.WriteString(key)
		}
	}
	return b.String()
}
