package history

import (
	"context"
	"hash/maphash"
	"maps"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

const (
	sqlImportSession = `INSERT INTO sessions (id, started_at, ended_at, pid, endpoint, user, url, first_n, touched)
		VALUES (?, ?, ?, 0, '', '', '', ?, 0) ON CONFLICT (id) DO NOTHING`
	sqlSessionRuns = `SELECT ended_at IS NULL FROM sessions WHERE id = ?`
)

// Import stores events that come from a file, in the order of the file. They get
// numbers of their own; references among them are kept. Its methods are called by
// one goroutine at a time.
type Import struct {
	store   *Store
	session string // of events whose own session runs, or that have none
	seed    maphash.Seed
	// The new numbers of the events that were imported.
	numbers  map[int64]int64  // by their numbers in the file
	families map[uint64]int64 // by the hash of their delivery and webhook
}

// NewImport starts an import. session is the id for events that cannot keep theirs.
func (s *Store) NewImport(session string) *Import {
	return &Import{store: s, session: session, seed: maphash.MakeSeed(), numbers: map[int64]int64{}, families: map[uint64]int64{}}
}

// Add stores events in one transaction, as Append does, and sets their N. Their
// Source becomes SourceImport, and ReplayOf 0 if that event was not imported before. A
// Session that runs on this machine is replaced: its followers would take them for
// what has just come.
func (i *Import) Add(ctx context.Context, events []*event.Event) error {
	var stored []*event.Event
	var numbers map[int64]int64
	var families map[uint64]int64
	size := int64(rowSize)
	for _, e := range events {
		size += rowSize + int64(len(e.Body))
	}
	err := i.store.write(ctx, newWrite(size, func(tx *transaction) error {
		stored, numbers, families = stored[:0], map[int64]int64{}, map[uint64]int64{} // it may run again
		for _, e := range events {
			added := *e
			if err := i.add(tx, &added, numbers, families); err != nil {
				return err
			}
			numbers[e.N] = added.N
			stored = append(stored, &added)
		}
		return nil
	}))
	if err != nil {
		return i.store.fault("import into", err)
	}
	for j, e := range stored {
		events[j].N, events[j].Session, events[j].Source, events[j].ReplayOf = e.N, e.Session, e.Source, e.ReplayOf
	}
	maps.Copy(i.numbers, numbers)
	maps.Copy(i.families, families)
	return nil
}

func (i *Import) add(tx *transaction, e *event.Event, numbers map[int64]int64, families map[uint64]int64) error {
	if err := i.settleSession(tx, e); err != nil {
		return err
	}
	e.Source, e.DeliveredBy, e.Family = event.SourceImport, nil, 0
	if n, ok := numbers[e.ReplayOf]; ok {
		e.ReplayOf = n
	} else {
		e.ReplayOf = i.numbers[e.ReplayOf]
	}
	header := encodeHeader(e.Header)
	e.Header = nil
	if e.Delivery == "" || e.ReplayOf != 0 {
		_, err := tx.insert(e, header)
		return err
	}
	key := maphash.String(i.seed, e.Delivery+"\x00"+e.WebhookID)
	first, ok := families[key]
	if !ok {
		first = i.families[key]
	}
	e.Family = first
	row, err := tx.insert(e, header)
	if err == nil {
		families[key] = row.Family
	}
	return err
}

// settleSession gives an event a session that has ended.
func (i *Import) settleSession(tx *transaction, e *event.Event) error {
	for _, id := range []string{e.Session, i.session} {
		if id == "" {
			continue
		}
		started := e.ReceivedAt
		if _, err := tx.once(sqlImportSession, id, encodeTime(started), encodeTime(time.Now()), tx.n+1); err != nil {
			return err
		}
		var runs bool
		if err := tx.w.conn.QueryRowContext(context.Background(), sqlSessionRuns, id).Scan(&runs); err != nil {
			return err
		}
		if !runs {
			e.Session = id
			return nil
		}
	}
	e.Session = ""
	return nil
}
