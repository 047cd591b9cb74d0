package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// object is a JSON object that keeps the order of its keys, as the Hub's
// answers do.
type object []property

type property struct {
	key   string
	value any
}

// index returns the place of a key, -1 when it is missing.
func (o object) index(key string) int {
	return slices.IndexFunc(o, func(p property) bool { return p.key == key })
}

// set returns the object with a value for a key: in the key's place, or at the
// end when the key is new.
func (o object) set(key string, value any) object {
	if i := o.index(key); i >= 0 {
		o[i].value = value
		return o
	}
	return append(o, property{key, value})
}

// MarshalJSON writes the properties in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for _, part := range []any{p.key, p.value} {
			text, err := marshal(part)
			if err != nil {
				return nil, err
			}
			b.Write(text)
			b.WriteByte(':')
		}
		b.Truncate(b.Len() - 1) // the colon behind the value
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// orderedJSON is any JSON value whose objects keep the order of their keys.
type orderedJSON struct{ value any }

// UnmarshalJSON reads a value that encoding/json has found to be valid.
func (o *orderedJSON) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var err error
	o.value, err = readValue(d)
	return err
}

// readValue reads the decoder's next value.
func readValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	switch t {
	case json.Delim('['):
		items := []any{}
		for d.More() {
			item, err := readValue(d)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		_, err = d.Token() // the closing bracket
		return items, err
	case json.Delim('{'):
		o := object{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, fmt.Errorf("reading JSON: %w", err)
			}
			value, err := readValue(d)
			if err != nil {
				return nil, err
			}
			o = o.set(key.(string), value)
		}
		_, err = d.Token()
		return o, err
	}
	return t, nil
}

// ordered copies a value for use in a payload. Maps have no order of their own
// and get that of their keys.
func ordered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		o := make(object, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			o = append(o, property{key, ordered(v[key])})
		}
		return o
	case object:
		o := make(object, 0, len(v))
		for _, p := range v {
			o = append(o, property{p.key, ordered(p.value)})
		}
		return o
	case []any:
		items := make([]any, 0, len(v))
		for _, item := range v {
			items = append(items, ordered(item))
		}
		return items
	}
	return v
}
