package sqlitepages

import (
	"encoding/binary"
)

// The write-ahead log has a header of 32 bytes, and each frame one of 24, before
// the content of a page.
const (
	logHeader   = 32
	frameHeader = 24
)

// readLog finds the latest content of each page in the log, up to the last
// transaction that is whole, as SQLite does.
func (f *file) readLog() {
	head := make([]byte, logHeader)
	if f.log == nil {
		return
	}
	if _, err := f.log.ReadAt(head, 0); err != nil {
		return
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch binary.BigEndian.Uint32(head) {
	case 0x377f0682:
	case 0x377f0683:
		order = binary.BigEndian
	default:
		return
	}
	size := int64(binary.BigEndian.Uint32(head[8:]))
	var sum checksum
	sum.add(order, head[:24])
	if size < 512 || size > 1<<16 || size != f.size && f.pages > 0 || !sum.is(head[24:]) {
		return
	}
	f.size = size
	transaction := map[int]int64{}
	frame := make([]byte, frameHeader+size)
	for at := int64(logHeader); ; at += int64(len(frame)) {
		if _, err := f.log.ReadAt(frame, at); err != nil {
			return
		}
		sum.add(order, frame[:8])
		sum.add(order, frame[frameHeader:])
		if string(frame[8:16]) != string(head[16:24]) || !sum.is(frame[16:]) {
			return
		}
		transaction[int(binary.BigEndian.Uint32(frame))] = at + frameHeader
		if pages := binary.BigEndian.Uint32(frame[4:]); pages > 0 { // the last frame of a transaction
			f.pages = min(int(pages), mostMissing*(f.pages+1)+len(transaction))
			for number, at := range transaction {
				f.logged[number] = at
			}
			clear(transaction)
		}
	}
}

// checksum is what the log has of all before it.
type checksum struct{ a, b uint32 }

func (c *checksum) add(order binary.ByteOrder, content []byte) {
	for ; len(content) >= 8; content = content[8:] {
		c.a += order.Uint32(content) + c.b
		c.b += order.Uint32(content[4:]) + c.a
	}
}

func (c *checksum) is(stored []byte) bool {
	return c.a == binary.BigEndian.Uint32(stored) && c.b == binary.BigEndian.Uint32(stored[4:])
}
