package sqlitepages

import (
	"encoding/binary"
	"math"
)

// cell decodes a cell of a leaf: the row's length and key, and its beginning. Of
// long rows the rest is in a chain of pages. It reports false for what cannot be
// a row.
func (f *file) cell(cell []byte, index bool) (row Row, ok bool) {
	row.Index = index
	length, n := varint(cell)
	if n == 0 || length > math.MaxInt32 {
		return row, false
	}
	cell = cell[n:]
	if !index {
		key, n := varint(cell)
		if n == 0 {
			return row, false
		}
		row.Key, cell = int64(key), cell[n:]
	}
	local := f.local(int(length), index)
	if local > len(cell) {
		return row, false
	}
	record := cell[:local:local]
	if local < int(length) {
		if local+4 > len(cell) {
			return row, false
		}
		record, row.Cut = f.chain(record, int(binary.BigEndian.Uint32(cell[local:])), int(length))
	}
	row.Values, ok = decode(record, row.Cut)
	return row, ok
}

// local returns how many bytes of a row are in its leaf.
func (f *file) local(length int, index bool) int {
	usable := int(f.size)
	most := usable - 35
	if index {
		most = (usable-12)*64/255 - 23
	}
	if length <= most {
		return length
	}
	least := (usable-12)*32/255 - 23
	if local := least + (length-least)%(usable-4); local <= most {
		return local
	}
	return least
}

// chain adds the pages of a chain to a record. A page that is missing, or in
// another chain as well, cuts the record.
func (f *file) chain(record []byte, next, length int) (whole []byte, cut bool) {
	for len(record) < length {
		if next < 2 || next > f.pages || f.used[next] {
			return record, true
		}
		f.used[next] = true
		page, err := f.page(next)
		if err != nil {
			return record, true
		}
		next = int(binary.BigEndian.Uint32(page))
		record = append(record, page[4:4+min(length-len(record), len(page)-4)]...)
	}
	return record, next != 0
}

// decode decodes a record: a header with the type of each value, then the values.
func decode(record []byte, cut bool) (values []any, ok bool) {
	size, n := varint(record)
	if n == 0 || size < uint64(n) || size > uint64(len(record)) {
		return nil, false
	}
	types, body := record[n:size], record[size:]
	for len(types) > 0 {
		kind, n := varint(types)
		if n == 0 {
			return nil, false
		}
		types = types[n:]
		length, ok := valueLength(kind)
		if !ok {
			return nil, false
		}
		if length > uint64(len(body)) {
			return values, cut
		}
		values = append(values, value(kind, body[:length]))
		body = body[length:]
	}
	return values, len(body) == 0 || cut
}

func valueLength(kind uint64) (length uint64, ok bool) {
	switch {
	case kind <= 4:
		return kind, true
	case kind == 5:
		return 6, true
	case kind == 6, kind == 7:
		return 8, true
	case kind == 8, kind == 9:
		return 0, true
	case kind < 12: // SQLite never writes these
		return 0, false
	}
	return (kind - 12) / 2, true
}

func value(kind uint64, content []byte) any {
	switch {
	case kind == 0:
		return nil
	case kind == 7:
		return math.Float64frombits(binary.BigEndian.Uint64(content))
	case kind == 8, kind == 9:
		return int64(kind - 8)
	case kind < 7:
		n := int64(int8(content[0]))
		for _, b := range content[1:] {
			n = n<<8 | int64(b)
		}
		return n
	case kind%2 == 0:
		return append([]byte{}, content...)
	}
	return string(content)
}

// varint decodes SQLite's integers of 1 to 9 bytes. n is 0 when there is none.
func varint(b []byte) (v uint64, n int) {
	for i := range min(len(b), 9) {
		if i == 8 {
			return v<<8 | uint64(b[i]), 9
		}
		v = v<<7 | uint64(b[i]&0x7f)
		if b[i] < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}
