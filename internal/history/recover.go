package history

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Recovered says what Recover has saved.
type Recovered struct {
	Events, Attempts, States, Sessions int
	Cut                                int // events without the end of their body, or without all of it
	Lost                               int // rows, or what they say of their targets, that were found and are of no use
	Pages                              int // pages with damage, or with the end of a record that such a page held
}

// Recover makes a good history at the path to, which must not exist, of what can
// be read of the damaged one at from, which is left as it is. It goes through all
// pages, and needs neither the file's header nor its trees. The error is
// ErrDamaged when nothing of a history was found.
func Recover(ctx context.Context, from, to string) (report Recovered, err error) {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return report, fmt.Errorf("recover into %q: %w", to, fs.ErrExist)
	}
	p, err := readPages(from)
	if err != nil {
		return report, fault(from, "recover", err)
	}
	s, err := Open(ctx, to)
	if err != nil {
		return report, err
	}
	found, err := newSalvage(ctx, s.writer)
	if err == nil {
		free := p.free()
		var damaged []uint32
		for n := uint32(1); n <= p.last; n++ {
			if !free[n] && !p.records(n, found.add) {
				damaged = append(damaged, n)
			}
		}
		for _, n := range damaged {
			if !p.over[n] {
				report.Pages++
			}
		}
		err = s.write(ctx, newCall(0, func(tx *transaction) error { return found.store(tx, &report) }))
	}
	err = errors.Join(s.fault("write", err), s.Close())
	if err == nil && report.Events+report.Sessions+report.States == 0 {
		err = errors.Join(fault(from, "recover", fmt.Errorf("%w: nothing of a history was found in it", ErrDamaged)), os.Remove(to))
	}
	return report, err
}

// free returns the pages that the file does not use, as far as its list of them
// can be read: they hold what was deleted.
func (p *pages) free() map[uint32]bool {
	free := map[uint32]bool{}
	first := p.page(1)
	if len(first) < 100 || !strings.HasPrefix(string(first), "SQLite format 3\x00") {
		return free
	}
	for trunk := binary.BigEndian.Uint32(first[32:]); trunk != 0 && trunk <= p.last && !free[trunk]; {
		free[trunk] = true
		page := p.page(trunk)
		for i := range min(int(binary.BigEndian.Uint32(page[4:])), p.size/4-2) {
			if leaf := binary.BigEndian.Uint32(page[8+4*i:]); leaf > 1 && leaf <= p.last {
				free[leaf] = true
			}
		}
		trunk = binary.BigEndian.Uint32(page)
	}
	return free
}

// salvage is the rows that were found, by their keys. Tables are told apart by
// how many columns they have.
type salvage struct {
	eventColumns                        []string
	payloadWide, attemptWide, stateWide int
	sessionWide                         int
	events, payloads, states            map[int64]record
	sessions                            map[string]record
	attempts                            map[[2]int64]record
}

// newSalvage asks a new history for the columns of its tables.
func newSalvage(ctx context.Context, w *writer) (*salvage, error) {
	s := &salvage{
		events: map[int64]record{}, payloads: map[int64]record{}, states: map[int64]record{}, sessions: map[string]record{}, attempts: map[[2]int64]record{},
	}
	rows, err := w.conn.QueryContext(ctx, "SELECT name FROM pragma_table_info('events') ORDER BY cid")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		s.eventColumns = append(s.eventColumns, name)
	}
	wide := func(table string) string { return "(SELECT count(*) FROM pragma_table_info('" + table + "'))" }
	err = errors.Join(rows.Err(), w.conn.QueryRowContext(ctx, "SELECT "+wide("payloads")+", "+wide("attempts")+", "+wide("states")+", "+wide("sessions")).
		Scan(&s.payloadWide, &s.attemptWide, &s.stateWide, &s.sessionWide))
	return s, err
}

// column returns the value of an event's column.
func (s *salvage) column(e record, name string) *any {
	return &e.columns[slices.Index(s.eventColumns, name)]
}

// add takes a record of whatever table. Of an event that is found twice the later
// revision counts.
func (s *salvage) add(r record) {
	switch len(r.columns) {
	case len(s.eventColumns):
		r.columns[0] = r.rowid
		if old, ok := s.events[r.rowid]; !ok || number(*s.column(old, "rev")) < number(*s.column(r, "rev")) {
			s.events[r.rowid] = r
		}
	case s.payloadWide:
		if _, isIndex := r.columns[0].(string); r.rowid > 0 && !isIndex {
			r.columns[0] = r.rowid
			s.payloads[r.rowid] = r
		}
	case s.sessionWide:
		if id, ok := r.columns[0].(string); ok {
			s.sessions[id] = r
		}
	case s.stateWide:
		r.columns[0] = r.rowid
		s.states[r.rowid] = r
	case s.attemptWide:
		s.attempts[[2]int64{number(r.columns[0]), number(r.columns[1])}] = r
	}
}

func number(value any) int64 {
	n, _ := value.(int64)
	return n
}

// store writes what was found into an empty history. What does not fit into its
// table is lost.
func (s *salvage) store(tx *transaction, report *Recovered) error {
	statements := map[string]*sql.Stmt{}
	defer func() {
		for _, statement := range statements {
			_ = statement.Close() // nothing depends on it
		}
	}()
	insert := func(table string, columns []any) bool {
		statement, err := statements[table], error(nil)
		if statement == nil {
			statement, err = tx.w.conn.PrepareContext(context.Background(), "INSERT INTO "+table+" VALUES (?"+strings.Repeat(", ?", len(columns)-1)+")")
			statements[table] = statement
		}
		if err == nil {
			_, err = statement.ExecContext(context.Background(), columns...)
		}
		if err != nil {
			report.Lost++
		}
		return err == nil
	}
	for n, e := range s.events {
		tx.n = max(tx.n, n)
		payload, ok := s.payloads[n]
		if ok && payload.cut || !ok && number(*s.column(e, "size")) > 0 {
			*s.column(e, "body_cut") = int64(1)
			report.Cut++
		}
		if targets := s.column(e, "targets"); !isTargets(*targets) {
			*targets = nil
			report.Lost++
		}
		if !insert("events", e.columns) {
			continue
		}
		report.Events++
		if !ok {
			continue
		}
		if !isHeader(payload.columns[1]) {
			payload.columns[1] = nil
		}
		insert("payloads", payload.columns)
	}
	for n := range s.payloads { // also of events that were not found: no number is used twice
		tx.n = max(tx.n, n)
	}
	for key, a := range s.attempts {
		tx.n = max(tx.n, key[0])
		if !isHeader(a.columns[9]) {
			a.columns[9] = nil
		}
		if _, ok := s.events[key[0]]; ok && insert("attempts", a.columns) {
			report.Attempts++
		}
	}
	for _, r := range s.states {
		if insert("states", r.columns) {
			report.States++
		}
	}
	for _, r := range s.sessions {
		if insert("sessions", r.columns) {
			report.Sessions++
		}
	}
	_, err := tx.once(sqlKeepNumbers, tx.n)
	return err
}

func isTargets(value any) bool {
	text, ok := value.(string)
	_, err := decodeTargets(&text)
	return value == nil || ok && err == nil
}

func isHeader(value any) bool {
	text, ok := value.(string)
	_, err := decodeHeader(&text)
	return value == nil || ok && err == nil
}
