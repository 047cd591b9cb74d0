// Package sqlitepages reads rows from the pages of a SQLite file, without SQLite. In
// a damaged file it finds every whole row, also where the tree above it is broken.
//
// It looks at each page that holds rows, and not at how the pages hang together:
// a page is in a tree, in the chain of a long row, or free. The
// format is that of https://sqlite.org/fileformat2.html.
package sqlitepages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Row is a row of a table, or an entry of an index.
type Row struct {
	Key    int64 // the rowid; 0 in an index and in a table WITHOUT ROWID
	Index  bool
	Values []any // nil, int64, float64, string or []byte
	Cut    bool  // pages with the end of the row are damaged: values are missing at the end
}

// Report counts pages.
type Report struct {
	Pages    int
	Damaged  int  // leaves with damage, and pages that belong to nothing
	FreeLost bool // which pages are free is not known: rows that were deleted may have been among those found
}

// The types of pages in trees.
const (
	indexInner = 0x02
	tableInner = 0x05
	indexLeaf  = 0x0a
	tableLeaf  = 0x0d
)

// mostMissing is how many times as large as what is left of it a file may have
// been.
const mostMissing = 64

// lockedAt is where the page is that SQLite never uses.
const lockedAt = 1 << 30

// file is a SQLite file with its write-ahead log.
type file struct {
	db, log *os.File
	size    int64         // of a page
	pages   int           // the first has the number 1
	logged  map[int]int64 // where in the log a page's content begins
	used    map[int]bool  // pages of chains
}

// ErrNotSQLite says that nothing in the file looks like a page of SQLite's.
var ErrNotSQLite = errors.New("the file holds no pages of a database")

// Read calls found with every row of the file at path that can be decoded, in
// the order of the pages. An error of found ends it.
func Read(path string, found func(Row) error) (Report, error) {
	f, err := open(path)
	if err != nil {
		return Report{}, err
	}
	defer f.close()
	return f.read(found)
}

func open(path string) (*file, error) {
	db, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &file{db: db, logged: map[int]int64{}, used: map[int]bool{}}
	if f.log, err = os.Open(path + "-wal"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(err, f.close())
	}
	info, err := db.Stat()
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	head := make([]byte, 32)
	_, _ = db.ReadAt(head, 0)
	f.size = pageSize(head)
	f.pages = int((info.Size() + f.size - 1) / f.size)
	if n := int(binary.BigEndian.Uint32(head[28:])); n > f.pages && n < mostMissing*f.pages {
		f.pages = n // the file was cut
	}
	f.readLog()
	return f, nil
}

func (f *file) close() error {
	if f.log != nil {
		return errors.Join(f.log.Close(), f.db.Close())
	}
	return f.db.Close()
}

// pageSize returns the size of pages that a header names, or the usual one.
func pageSize(head []byte) int64 {
	size := int64(binary.BigEndian.Uint16(head[16:]))
	if size == 1 {
		size = 1 << 16
	}
	if size < 512 || size&(size-1) != 0 {
		return 4096
	}
	return size
}

// page returns the content of a page: the latest in the log if there is one.
func (f *file) page(number int) ([]byte, error) {
	page := make([]byte, f.size)
	if at, ok := f.logged[number]; ok {
		_, err := f.log.ReadAt(page, at)
		return page, err
	}
	n, err := f.db.ReadAt(page, int64(number-1)*f.size)
	if errors.Is(err, io.EOF) && n > 0 {
		err = nil // the last page was cut
	}
	return page, err
}

// read looks at all pages twice: which are free, and in chains, is known only
// once the others were read.
func (f *file) read(found func(Row) error) (Report, error) {
	report := Report{Pages: f.pages}
	free, err := f.free()
	report.FreeLost = err != nil
	if errors.Is(err, errHead) {
		report.Damaged++
	}
	var rest []int // pages that are in no tree
	for number := 1; number <= f.pages; number++ {
		if free[number] {
			continue
		}
		page, err := f.page(number)
		if err != nil {
			report.Damaged++
			continue
		}
		header := 0
		if number == 1 {
			header = 100
		}
		switch page[header] {
		case tableLeaf, indexLeaf, indexInner:
			whole, err := f.rows(page, header, found)
			if err != nil {
				return report, err
			}
			if !whole {
				report.Damaged++
			}
		case tableInner:
		default:
			if int64(number) == lockedAt/f.size+1 {
				continue
			}
			rest = append(rest, number)
		}
	}
	for _, number := range rest {
		if !f.used[number] {
			report.Damaged++
		}
	}
	if report.Damaged >= report.Pages && report.Pages > 0 {
		return report, fmt.Errorf("%w: %d pages", ErrNotSQLite, report.Pages)
	}
	return report, nil
}

// free returns the pages of the list of free ones.
func (f *file) free() (map[int]bool, error) {
	free := map[int]bool{}
	head, err := f.page(1)
	if err != nil {
		return free, err
	}
	if string(head[:16]) != "SQLite format 3\x00" {
		return free, errHead
	}
	trunk, count := int(binary.BigEndian.Uint32(head[32:])), int(binary.BigEndian.Uint32(head[36:]))
	for trunk != 0 {
		page, err := f.page(trunk)
		if err != nil || free[trunk] || trunk > f.pages {
			return free, errDamaged
		}
		free[trunk] = true
		leaves := int(binary.BigEndian.Uint32(page[4:]))
		if leaves > int(f.size)/4-2 {
			return free, errDamaged
		}
		for i := range leaves {
			free[int(binary.BigEndian.Uint32(page[8+4*i:]))] = true
		}
		trunk = int(binary.BigEndian.Uint32(page))
	}
	if len(free) != count {
		return free, errDamaged
	}
	return free, nil
}

var (
	errHead    = errors.New("the head of the file is damaged")
	errDamaged = errors.New("the list of free pages is damaged")
)

// rows decodes the rows of a page. It reports whether all of them are whole.
func (f *file) rows(page []byte, header int, found func(Row) error) (whole bool, err error) {
	kind, cells := page[header], int(binary.BigEndian.Uint16(page[header+3:]))
	pointers, child := page[header+8:], 0
	if kind == indexInner { // whose cells are rows after the number of a page below
		pointers, child = page[header+12:], 4
	}
	first := len(page) - len(pointers) + 2*cells
	whole = true
	for i := range cells {
		if 2*i+2 > len(pointers) {
			return false, nil
		}
		at := int(binary.BigEndian.Uint16(pointers[2*i:]))
		if at < first || at+child >= len(page) {
			whole = false
			continue
		}
		row, ok := f.cell(page[at+child:], kind != tableLeaf)
		if !ok || row.Cut {
			whole = false
		}
		if !ok {
			continue
		}
		if err := found(row); err != nil {
			return false, err
		}
	}
	return whole, nil
}
