package history

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
)

// The marks of a history in SQLite's header. Files of builds before the first
// release have another application id, 0x68667470.
const (
	applicationID    = 0x48665470 // "HfTp"
	oldApplicationID = 0x68667470
	schemaVersion    = 1
)

// schema makes the tables.
//
//   - A new event gets the largest number in events plus one. A counter would be one
//     more page to write in every transaction. meta.n keeps the last number when
//     events are deleted, so that no number is used twice.
//   - A revision (rev) is the time of the change in nanoseconds, or the last revision
//     plus one. So it grows without a look-up. It has no index, which would be written
//     twice for every event. sessions.touched shows followers instead that another
//     process has changed events of the session.
//   - events has only what lists show, because an update rewrites the whole row.
//     payloads has the headers and bodies, attempts the answers of targets.
//   - events.targets is a JSON list with one entry for each target:
//     [name, tries, status, nanoseconds, error, delivered by, error in the body].
//   - events.family is the number of the first event of a family: see family.go.
//   - events.delivery_n counts the arrivals of one Webhook-Id, and is NULL for events
//     that are not counted. Its index is unique: a second arrival fails to insert, so
//     that a first one needs no look-up.
//   - Times and durations are in nanoseconds, and NULL is the zero time. Texts are
//     stored as they came, even if they are not valid UTF-8.
//
// A further column changes the number of values by which recover.go knows a table,
// and schemaVersion.
const schema = `
CREATE TABLE meta (
	id         INTEGER PRIMARY KEY CHECK (id = 1),
	lineage    TEXT NOT NULL,    -- the same in every file made anew for a lost one
	generation INTEGER NOT NULL, -- how often that happened
	n          INTEGER NOT NULL  -- numbers up to here are taken
) STRICT;

CREATE TABLE sessions (
	id         TEXT PRIMARY KEY,
	started_at INTEGER,
	ended_at   INTEGER,
	pid        INTEGER NOT NULL,
	endpoint   TEXT NOT NULL,
	user       TEXT NOT NULL,
	url        TEXT NOT NULL,
	first_n    INTEGER NOT NULL, -- its events have this number or a larger one
	touched    INTEGER NOT NULL  -- the last revision that another process made
) STRICT;
CREATE INDEX sessions_by_start ON sessions (started_at);
CREATE INDEX sessions_by_touch ON sessions (touched);

CREATE TABLE events (
	n             INTEGER PRIMARY KEY,
	rev           INTEGER NOT NULL,
	family        INTEGER NOT NULL,
	session       TEXT NOT NULL,
	source        TEXT NOT NULL,
	replay_of     INTEGER NOT NULL,
	webhook_id    TEXT NOT NULL,
	delivery      TEXT NOT NULL,
	delivery_n    INTEGER,
	kind          TEXT NOT NULL,
	repo          TEXT NOT NULL, -- type:name
	received_at   INTEGER,
	verdict       TEXT NOT NULL,
	phase         TEXT NOT NULL,
	answer_status INTEGER NOT NULL,
	answer_ns     INTEGER NOT NULL,
	failed        INTEGER NOT NULL,
	pending       INTEGER NOT NULL,
	dismissed     INTEGER NOT NULL,
	pinned        INTEGER NOT NULL,
	edited        INTEGER NOT NULL,
	size          INTEGER NOT NULL,
	body_cut      INTEGER NOT NULL,
	method        TEXT NOT NULL,
	path          TEXT NOT NULL,
	summary       TEXT NOT NULL,
	targets       TEXT
) STRICT;
CREATE INDEX events_by_time ON events (received_at);
CREATE UNIQUE INDEX events_by_delivery ON events (delivery, webhook_id, delivery_n) WHERE delivery <> '';
CREATE INDEX events_by_family ON events (family) WHERE family <> n;
CREATE INDEX events_left ON events (family) WHERE failed + pending > 0;
CREATE INDEX events_pinned ON events (pinned) WHERE pinned = 1;

CREATE TABLE payloads (
	n      INTEGER PRIMARY KEY,
	header TEXT,
	body   BLOB
) STRICT;

CREATE TABLE attempts (
	event       INTEGER NOT NULL,
	seq         INTEGER NOT NULL,
	n           INTEGER NOT NULL,
	target      TEXT NOT NULL,
	started_at  INTEGER,
	duration_ns INTEGER NOT NULL,
	status      INTEGER NOT NULL,
	err         TEXT NOT NULL,
	body_cut    INTEGER NOT NULL,
	header      TEXT,
	body        BLOB,
	PRIMARY KEY (event, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE states (
	rev     INTEGER PRIMARY KEY,
	session TEXT NOT NULL,
	at      INTEGER,
	subject TEXT NOT NULL,
	name    TEXT NOT NULL,
	state   TEXT NOT NULL,
	detail  TEXT NOT NULL
) STRICT;
`

// identity identifies a history: its id and generation.
type identity struct {
	lineage    string // the same in every file made for a lost one
	generation int    // how often that happened
}

// succeeds reports whether a file was made in the place of one that is lost.
func (id identity) succeeds(lost identity) bool {
	return id.lineage == lost.lineage && id.generation > lost.generation
}

// identify reads which history is at a path, and changes nothing there. The
// tables are made without a log, so that the file alone says it.
func identify(path string) (id identity, err error) {
	db, err := openPool(path, "immutable", 1, "query_only(1)")
	if err != nil {
		return id, err
	}
	defer db.Close()
	err = db.QueryRow("SELECT lineage, generation FROM meta").Scan(&id.lineage, &id.generation)
	return id, err
}

// known reports whether a file is a history that can be used. An empty one is
// not known yet; the errors are ErrDamaged, ErrOld and ErrNewer.
func known(ctx context.Context, conn *sql.Conn) (bool, error) {
	var application, version, tables int
	// One statement sees one snapshot: between two, another process may have
	// made the tables.
	err := conn.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`).Scan(&application, &version, &tables)
	switch {
	case err != nil:
		return false, err
	case application == 0 && version == 0 && tables == 0:
		return false, nil
	case application == oldApplicationID:
		return false, ErrOld
	case application != applicationID:
		return false, fmt.Errorf("%w: it is the database of another program", ErrDamaged)
	case version > schemaVersion:
		return false, fmt.Errorf("%w: it has version %d, this one knows %d", ErrNewer, version, schemaVersion)
	}
	return true, nil
}

// makeTables brings an empty file to the schema in one transaction, and leaves a
// history as it is. Processes that open a file together take turns, and the
// later ones find nothing left to do.
func makeTables(ctx context.Context, conn *sql.Conn, id identity) (err error) {
	if is, err := known(ctx, conn); err != nil || is {
		return err
	}
	if _, err := conn.ExecContext(ctx, sqlBegin); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), sqlRollback)
		}
	}()
	if is, err := known(ctx, conn); err != nil || is {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), sqlRollback)
		return err
	}
	if id.lineage == "" {
		id.lineage = rand.Text()
	}
	mark := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, schemaVersion)
	if _, err := conn.ExecContext(ctx, schema+mark); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `INSERT INTO meta (id, lineage, generation, n) VALUES (1, ?, ?, 0)`, id.lineage, id.generation)
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, sqlCommit)
	return err
}
