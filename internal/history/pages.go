package history

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
)

// pages are the pages of a SQLite file as a reader would see them: those of the
// file, overlaid by the committed ones of its write-ahead log
// (https://sqlite.org/fileformat2.html). Nothing but the page size is believed of
// the file's header, so that a file with a damaged one can be read, too.
type pages struct {
	size int
	data []byte
	log  map[uint32][]byte // by page number, from 1
	last uint32            // the number of the last page
	over map[uint32]bool   // pages that hold the ends of long records
}

// pageSize4K is what SQLite gives the files of a history.
const pageSize4K = 4096

func readPages(path string) (*pages, error) {
	p := &pages{size: pageSize4K, log: map[uint32][]byte{}, over: map[uint32]bool{}}
	var err error
	if p.data, err = os.ReadFile(path); err != nil {
		return nil, err
	}
	p.last = uint32(len(p.data) / p.size)
	log, err := os.ReadFile(path + "-wal")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	p.addLog(log)
	return p, nil
}

// addLog takes the pages of all whole transactions of a log.
func (p *pages) addLog(log []byte) {
	const header, frameHeader = 32, 24
	if len(log) < header || binary.BigEndian.Uint32(log)&^1 != 0x377f0682 || binary.BigEndian.Uint32(log[8:]) != uint32(p.size) {
		return
	}
	var order binary.ByteOrder = binary.LittleEndian
	if log[3]&1 == 1 {
		order = binary.BigEndian
	}
	sum := logSum(order, [2]uint32{}, log[:24])
	if sum != [2]uint32{binary.BigEndian.Uint32(log[24:]), binary.BigEndian.Uint32(log[28:])} {
		return
	}
	salt := string(log[16:24])
	uncommitted := map[uint32][]byte{}
	for frame := log[header:]; len(frame) >= frameHeader+p.size; frame = frame[frameHeader+p.size:] {
		head, page := frame[:frameHeader], frame[frameHeader:frameHeader+p.size]
		sum = logSum(order, logSum(order, sum, head[:8]), page)
		if string(head[8:16]) != salt || sum != [2]uint32{binary.BigEndian.Uint32(head[16:]), binary.BigEndian.Uint32(head[20:])} {
			return
		}
		uncommitted[binary.BigEndian.Uint32(head)] = page
		if total := binary.BigEndian.Uint32(head[4:]); total != 0 {
			for n, page := range uncommitted {
				p.log[n] = page
				p.last = max(p.last, n)
			}
			clear(uncommitted)
		}
	}
}

// logSum continues the checksum of a write-ahead log.
func logSum(order binary.ByteOrder, sum [2]uint32, data []byte) [2]uint32 {
	for ; len(data) >= 8; data = data[8:] {
		sum[0] += order.Uint32(data) + sum[1]
		sum[1] += order.Uint32(data[4:]) + sum[0]
	}
	return sum
}

// page returns a page by its number, nil when there is none.
func (p *pages) page(n uint32) []byte {
	if page, ok := p.log[n]; ok {
		return page
	}
	if n == 0 || int(n)*p.size > len(p.data) {
		return nil
	}
	return p.data[int(n-1)*p.size : int(n)*p.size]
}

// Types of b-tree pages.
const (
	indexInterior = 0x02
	tableInterior = 0x05
	indexLeaf     = 0x0a
	tableLeaf     = 0x0d
)

// record is a row as it is stored: its number, which index pages do not have, and
// its columns. cut reports that the end of the last column is missing.
type record struct {
	rowid   int64
	columns []any // nil, int64, float64, string or []byte
	cut     bool
}

// records calls found with each record of a page of tables or indexes, and
// reports whether the page could be read whole. Interior pages of tables hold none.
func (p *pages) records(n uint32, found func(record)) (whole bool) {
	page := p.page(n)
	head := page
	if n == 1 && len(page) > 100 {
		head = page[100:] // behind the file's header
	}
	if len(head) < 12 {
		return false
	}
	kind, skip := head[0], 8
	switch kind {
	case tableLeaf, indexLeaf:
	case indexInterior:
		skip = 12
	case tableInterior:
		return true
	default:
		return false // or the end of a long record
	}
	whole = true
	cells := int(binary.BigEndian.Uint16(head[3:]))
	for i := range cells {
		at := skip + 2*i
		if at+2 > len(head) {
			return false
		}
		offset := int(binary.BigEndian.Uint16(head[at:]))
		if offset >= len(page) {
			whole = false
			continue
		}
		if r, ok := p.cell(kind, page[offset:]); ok {
			found(r)
		} else {
			whole = false
		}
	}
	return whole
}

// cell reads the record of a cell.
func (p *pages) cell(kind byte, cell []byte) (r record, ok bool) {
	if kind == indexInterior {
		if len(cell) < 4 {
			return r, false
		}
		cell = cell[4:]
	}
	total, cell, ok := varint(cell)
	if !ok || total < 1 || total > 1<<30 {
		return r, false
	}
	if kind == tableLeaf {
		if r.rowid, cell, ok = varint(cell); !ok {
			return r, false
		}
	}
	payload, ok := p.payload(kind, int(total), cell)
	if !ok {
		return r, false
	}
	r.cut = len(payload) < int(total)
	r.columns, ok = columns(payload, r.cut)
	return r, ok
}

// payload returns the bytes of a cell with those that stand on overflow pages; a
// part when their chain is broken.
func (p *pages) payload(kind byte, total int, cell []byte) ([]byte, bool) {
	most := p.size - 35
	if kind != tableLeaf {
		most = (p.size-12)*64/255 - 23
	}
	local := total
	if total > most {
		least := (p.size-12)*32/255 - 23
		if local = least + (total-least)%(p.size-4); local > most {
			local = least
		}
	}
	if len(cell) < local {
		return nil, false
	}
	if local == total {
		return cell[:total], true
	}
	if len(cell) < local+4 {
		return nil, false
	}
	payload := append(make([]byte, 0, min(total, len(p.data)+len(p.log)*p.size)), cell[:local]...)
	next := binary.BigEndian.Uint32(cell[local:])
	for seen := map[uint32]bool{}; len(payload) < total; {
		page := p.page(next)
		if page == nil || seen[next] {
			return payload, true // the chain is broken
		}
		seen[next], p.over[next] = true, true
		next = binary.BigEndian.Uint32(page)
		payload = append(payload, page[4:4+min(total-len(payload), p.size-4)]...)
	}
	return payload, true
}

// columns reads the columns of a record. Of one that was cut, the last may be
// shorter than it was.
func columns(payload []byte, cut bool) (values []any, ok bool) {
	size, rest, ok := varint(payload)
	used := int64(len(payload) - len(rest))
	if !ok || size < used || size > int64(len(payload)) {
		return nil, false
	}
	types, data := payload[used:size], payload[size:]
	for len(types) > 0 {
		var serial int64
		if serial, types, ok = varint(types); !ok {
			return nil, false
		}
		var value any
		if value, data, ok = column(serial, data, cut && len(types) == 0); !ok {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

// column reads a value of a serial type.
func column(serial int64, data []byte, cut bool) (value any, rest []byte, ok bool) {
	width := [...]int{0, 1, 2, 3, 4, 6, 8, 8, 0, 0}
	switch {
	case serial >= 12:
		n := (serial - 12) / 2
		if n > int64(len(data)) {
			if !cut {
				return nil, nil, false
			}
			n = int64(len(data))
		}
		if serial%2 == 0 {
			return data[:n:n], data[n:], true
		}
		return string(data[:n]), data[n:], true
	case serial < 0 || serial >= int64(len(width)) || width[serial] > len(data) || serial == 7:
		return nil, nil, false // a history holds no floating point number
	case serial == 0:
		return nil, data, true
	case serial >= 8:
		return serial - 8, data, true
	}
	n := int64(int8(data[0]))
	for _, b := range data[1:width[serial]] {
		n = n<<8 | int64(b)
	}
	return n, data[width[serial]:], true
}

// varint reads SQLite's integers of 1 to 9 bytes.
func varint(b []byte) (value int64, rest []byte, ok bool) {
	for i := range min(len(b), 9) {
		if i == 8 {
			return value<<8 | int64(b[i]), b[9:], true
		}
		value = value<<7 | int64(b[i]&0x7f)
		if b[i] < 0x80 {
			return value, b[i+1:], true
		}
	}
	return 0, nil, false
}
