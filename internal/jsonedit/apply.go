package jsonedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/hf-tap/hf-tap/internal/nearest"
)

// Error says why a change cannot be applied.
type Error struct {
	Path   string // as it is typed
	Reason string // "repo.name is a text, and has no parts"
	// Meant is the path that was probably meant, "" if that is unknown.
	Meant string
}

// Error returns the path and the reason.
func (e *Error) Error() string { return e.Path + ": " + e.Reason }

// Note is what somebody who sets a value may not have expected: it was created, or
// has another type now.
type Note struct {
	Path  string
	Text  string // "repo.nmae is new"
	Meant string // see Error.Meant
}

// Apply changes a JSON text. Objects that are missing on the way to a value are
// created, and a list grows by one item if its length is the index. note is nil if the
// value existed and keeps its type. The error is an [*Error], or says that the text is
// not JSON.
func (c Change) Apply(body []byte) (after []byte, note *Note, err error) {
	if !json.Valid(body) {
		return nil, nil, errors.New("the payload is not JSON")
	}
	w := walk{change: c}
	after, err = w.edit(body, 0)
	return after, w.note, err
}

// walk is the way of a change from the top of a text to its value.
type walk struct {
	change Change
	note   *Note
}

// edit returns raw with the change in it, whose path it has come along up to depth.
// raw is nil for a value that does not exist.
func (w *walk) edit(raw json.RawMessage, depth int) (json.RawMessage, error) {
	if depth == len(w.change.Path) {
		w.compare(raw)
		return w.change.Value, nil
	}
	key := w.change.Path[depth]
	switch kind := kindOf(raw); kind {
	case "":
		if index, ok := asIndex(key); ok {
			return w.editList(nil, index, depth)
		}
		return w.editObject(nil, key, depth)
	case "null":
		return w.edit(nil, depth)
	case "object":
		members, err := membersOf(raw)
		if err != nil {
			return nil, err
		}
		return w.editObject(members, key, depth)
	case "list":
		index, ok := asIndex(key)
		if !ok {
			return nil, w.fault(depth, fmt.Sprintf("%s is a list: want the number of an item, not %q", w.at(depth), key), "")
		}
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, err
		}
		return w.editList(items, index, depth)
	default:
		return nil, w.fault(depth, fmt.Sprintf("%s is a %s, and has no parts", w.at(depth), kind), "")
	}
}

func (w *walk) editObject(members []member, key string, depth int) (json.RawMessage, error) {
	i := len(members) - 1
	for i >= 0 && members[i].key != key { // the last of two equal keys counts
		i--
	}
	last := depth == len(w.change.Path)-1
	switch {
	case w.change.Delete && i < 0:
		return nil, w.fault(depth, fmt.Sprintf("there is no %s", w.at(depth+1)), nearestKey(members, key))
	case w.change.Delete && last:
		kept := members[:0:0]
		for _, m := range members {
			if m.key != key {
				kept = append(kept, m)
			}
		}
		return object(kept), nil
	case i < 0:
		if meant := nearestKey(members, key); w.note == nil && len(members) > 0 {
			w.note = &Note{Path: w.change.String(), Text: w.at(depth+1) + " is new", Meant: w.meant(depth, meant)}
		}
		members = append(members, member{key: key})
		i = len(members) - 1
	}
	var err error
	members[i].value, err = w.edit(members[i].value, depth+1)
	return object(members), err
}

func (w *walk) editList(items []json.RawMessage, index, depth int) (json.RawMessage, error) {
	past := index > len(items) || w.change.Delete && index == len(items)
	switch {
	case past && len(items) == 0:
		return nil, w.fault(depth, fmt.Sprintf("%s has no items", w.at(depth)), "0")
	case past:
		return nil, w.fault(depth, fmt.Sprintf("%s has no item %d: its last is %d", w.at(depth), index, len(items)-1), strconv.Itoa(len(items)-1))
	case w.change.Delete && depth == len(w.change.Path)-1:
		items = append(items[:index:index], items[index+1:]...)
		return list(items), nil
	case index == len(items):
		items = append(items, nil)
	}
	var err error
	items[index], err = w.edit(items[index], depth+1)
	return list(items), err
}

// compare notes that a value changes its type. A change from or to null is not noted.
func (w *walk) compare(old json.RawMessage) {
	was, is := kindOf(old), kindOf(w.change.Value)
	if was == "" || was == "null" || is == "null" || was == is {
		return
	}
	w.note = &Note{Path: w.change.String(), Text: fmt.Sprintf("%s was a %s and is a %s now", w.change, was, is)}
	if was == "text" {
		w.note.Meant = w.change.String() + "=" + string(text(string(w.change.Value)))
	}
}

// at names the value that the path leads to in so many steps.
func (w *walk) at(depth int) string {
	if depth == 0 {
		return "the payload"
	}
	return join(w.change.Path[:depth])
}

// meant is the path with another key at depth, "" without one.
func (w *walk) meant(depth int, key string) string {
	if key == "" {
		return ""
	}
	path := append([]string(nil), w.change.Path...)
	path[depth] = key
	return join(path)
}

func (w *walk) fault(depth int, reason, key string) error {
	return &Error{Path: w.change.String(), Reason: reason, Meant: w.meant(depth, key)}
}

// member is a key of an object and its value.
type member struct {
	key   string
	value json.RawMessage
}

// membersOf returns the members of an object in their order.
func membersOf(raw json.RawMessage) (members []member, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil { // the brace
		return nil, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		m := member{key: key.(string)}
		if err := dec.Decode(&m.value); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}

func nearestKey(members []member, key string) string {
	keys := make([]string, len(members))
	for i, m := range members {
		keys[i] = m.key
	}
	return nearest.Word(key, keys)
}

// kindOf is the type of a value in words, "" for a value that does not exist.
func kindOf(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '{':
		return "object"
	case '[':
		return "list"
	case '"':
		return "text"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

func asIndex(key string) (int, bool) {
	index, err := strconv.ParseUint(key, 10, 31)
	return int(index), err == nil
}

func object(members []member) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(text(m.key))
		b.WriteByte(':')
		b.Write(compact(m.value))
	}
	b.WriteByte('}')
	return b.Bytes()
}

func list(items []json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(compact(item))
	}
	b.WriteByte(']')
	return b.Bytes()
}

// compact takes the blanks out of a value.
func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw // it is not JSON, and its reader reports that
	}
	return b.Bytes()
}

// text writes a text as JSON, with "<" and "&" as they are.
func text(s string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text can always be encoded
	return bytes.TrimSpace(b.Bytes())
}
