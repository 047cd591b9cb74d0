package history

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"time"
)

// A file of the spool begins with 8 bytes, its generation. Then come records:
//
//	4 bytes  length of what follows the head
//	4 bytes  its CRC-32C
//	1 byte   recordVersion
//	8 bytes  the generation of the file when it was written
//	8 bytes  the event's number
//	the event, as pack writes it
//
// with all numbers in little-endian order. The first that is of another
// generation, or is not whole, ends them. One that was cut short, as by a full
// disk, was never promised to anybody.
const (
	generationSize = 8
	recordHead     = 8
	recordVersion  = 1
	recordFixed    = 17 // version, generation, number
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// readRecords reads records up to the first that is not whole.
func readRecords(path string) ([]*eventRow, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) < generationSize {
		return nil, nil
	}
	generation, data := binary.LittleEndian.Uint64(data), data[generationSize:]
	var rows []*eventRow
	for len(data) >= recordHead {
		size := uint64(binary.LittleEndian.Uint32(data))
		sum := binary.LittleEndian.Uint32(data[4:])
		data = data[recordHead:]
		if size > uint64(len(data)) || crc32.Checksum(data[:size], castagnoli) != sum {
			break
		}
		row, ok := unpack(data[:size], generation)
		if !ok {
			break
		}
		rows, data = append(rows, row), data[size:]
	}
	return rows, nil
}

// packed are the fields of a row in the order of a record: texts, numbers, then
// the body.
type packed struct {
	row                     *eventRow
	received, status, flags int64
	header, targets         string
}

// The flags of a record.
const (
	flagCut = 1 << iota
	flagPinned
	flagEdited
	flagReceived // it has a time
	flagHeader   // it has a header
	flagTargets  // it has a list of targets
)

func (p *packed) texts() [13]*string {
	e := &p.row.e
	return [...]*string{
		&e.Session, (*string)(&e.Source), &e.WebhookID, &e.Delivery, (*string)(&e.Kind), &e.Repo.Type, &e.Repo.Name,
		(*string)(&e.Verdict), (*string)(&e.Phase), &e.Method, &e.Path, &p.header, &p.targets,
	}
}

func (p *packed) ints() [6]*int64 {
	e := &p.row.e
	return [...]*int64{&e.ReplayOf, &e.Size, &p.received, &p.status, (*int64)(&e.Answer.Duration), &p.flags}
}

// pack appends a row's record to buf, all but its number. Rows with attempts
// have none.
func (r *eventRow) pack(buf []byte) []byte {
	p := packed{row: r, status: int64(r.e.Answer.Status)}
	flag := func(set bool, bit int64) {
		if set {
			p.flags |= bit
		}
	}
	var hasHeader, hasTargets bool
	p.header, hasHeader = r.header.(string)
	p.targets, hasTargets = r.targets.(string)
	received, hasTime := encodeTime(r.e.ReceivedAt).(int64)
	p.received = received
	flag(r.e.BodyCut, flagCut)
	flag(r.e.Pinned, flagPinned)
	flag(r.e.Edited, flagEdited)
	flag(hasTime, flagReceived)
	flag(hasHeader, flagHeader)
	flag(hasTargets, flagTargets)

	buf = append(buf, make([]byte, recordHead+recordFixed)...)
	for _, text := range p.texts() {
		buf = binary.AppendUvarint(buf, uint64(len(*text)))
		buf = append(buf, *text...)
	}
	for _, n := range p.ints() {
		buf = binary.AppendVarint(buf, *n)
	}
	return append(buf, r.e.Body...)
}

// finish puts generation and number into a record, which makes it whole.
func finish(record []byte, generation uint64, n int64) {
	data := record[recordHead:]
	data[0] = recordVersion
	binary.LittleEndian.PutUint64(data[1:], generation)
	binary.LittleEndian.PutUint64(data[9:], uint64(n))
	binary.LittleEndian.PutUint32(record, uint32(len(data)))
	binary.LittleEndian.PutUint32(record[4:], crc32.Checksum(data, castagnoli))
}

// unpack reads what follows the head of a record of a generation. It keeps parts
// of data.
func unpack(data []byte, generation uint64) (row *eventRow, ok bool) {
	if len(data) < recordFixed || data[0] != recordVersion || binary.LittleEndian.Uint64(data[1:]) != generation {
		return nil, false
	}
	row = &eventRow{n: int64(binary.LittleEndian.Uint64(data[9:])), given: true}
	data = data[recordFixed:]
	p := packed{row: row}
	for _, text := range p.texts() {
		size, n := binary.Uvarint(data)
		if n <= 0 || size > uint64(len(data)-n) {
			return nil, false
		}
		*text, data = string(data[n:n+int(size)]), data[n+int(size):]
	}
	for _, number := range p.ints() {
		v, n := binary.Varint(data)
		if n <= 0 {
			return nil, false
		}
		*number, data = v, data[n:]
	}
	e := &row.e
	e.Body, e.Answer.Status = data, int(p.status)
	e.BodyCut, e.Pinned, e.Edited = p.flags&flagCut != 0, p.flags&flagPinned != 0, p.flags&flagEdited != 0
	if p.flags&flagReceived != 0 {
		e.ReceivedAt = time.Unix(0, p.received)
	}
	if p.flags&flagHeader != 0 {
		row.header = p.header
	}
	if p.flags&flagTargets != 0 {
		row.targets = p.targets
		targets, err := decodeList(&p.targets)
		if err != nil {
			return nil, false
		}
		e.Targets = targets
	}
	return row, true
}
