package history

import (
	"context"
	"database/sql"
	"fmt"
)

// applicationID marks a file as a history, in SQLite's header: "hftp".
const applicationID = 0x68667470

// steps lead from an empty file to the present schema: step i makes version
// i+1, which PRAGMA user_version keeps. A released step is never changed.
//
// Choices that hold for all of them:
//
//   - The next number of an event is one more than the largest, and so is the
//     next revision of a session. A row that counts them would be one more page
//     to write in every transaction, a sixth of its time. floors keeps what
//     was given to events that were deleted: it is never given again. Up to its
//     reserved, numbers belong to processes that keep a spool.
//   - Bodies, and what targets answered at length, have tables of their own, so
//     that no list reads past them.
//   - Times and durations are nanoseconds; NULL is the zero time. Texts are
//     the bytes as they came, valid UTF-8 or not.
//   - delivery_n is 0 for events outside the count of arrivals, so that the
//     next number is one more than the largest in the index.
//   - events_by_rev holds the phase so that the end of a session finds what is
//     still open without a look at the rows; an index of all that is open would
//     be written twice for every event. It finds the events of a session, too:
//     to have them by number costs a sort, an index of its own would cost every
//     event a page.
//   - root is the first event of a chain of replays, 0 for events that repeat
//     none: it finds a whole family without recursion.
var steps = []string{`
CREATE TABLE counters (
	id  INTEGER PRIMARY KEY CHECK (id = 1),
	n   INTEGER NOT NULL,
	rev INTEGER NOT NULL
) STRICT;
INSERT INTO counters (id, n, rev) VALUES (1, 0, 0);

CREATE TABLE sessions (
	id         TEXT PRIMARY KEY,
	started_at INTEGER,
	ended_at   INTEGER,
	pid        INTEGER NOT NULL,
	endpoint   TEXT NOT NULL,
	user       TEXT NOT NULL,
	url        TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_start ON sessions (started_at);

CREATE TABLE events (
	n             INTEGER PRIMARY KEY,
	rev           INTEGER NOT NULL,
	session       TEXT NOT NULL,
	source        TEXT NOT NULL,
	replay_of     INTEGER NOT NULL,
	root          INTEGER NOT NULL,
	webhook_id    TEXT NOT NULL,
	delivery      TEXT NOT NULL,
	delivery_n    INTEGER NOT NULL,
	kind          TEXT NOT NULL,
	repo_type     TEXT NOT NULL,
	repo_name     TEXT NOT NULL,
	received_at   INTEGER,
	verdict       TEXT NOT NULL,
	phase         TEXT NOT NULL,
	answer_status INTEGER NOT NULL,
	answer_ns     INTEGER NOT NULL,
	tries         INTEGER NOT NULL,
	failed        INTEGER NOT NULL,
	size          INTEGER NOT NULL,
	body_cut      INTEGER NOT NULL,
	method        TEXT NOT NULL,
	path          TEXT NOT NULL,
	targets       TEXT,
	header        TEXT
) STRICT;
CREATE INDEX events_by_rev ON events (session, rev, phase);
CREATE INDEX events_by_delivery ON events (delivery, webhook_id, delivery_n) WHERE delivery <> '';
CREATE INDEX events_left ON events (phase) WHERE phase IN ('waiting', 'pending');
CREATE INDEX events_failed ON events (failed) WHERE failed = 1;
CREATE INDEX events_by_root ON events (root) WHERE root <> 0;

CREATE TABLE bodies (
	n    INTEGER PRIMARY KEY,
	body BLOB NOT NULL
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
	body        BLOB,
	answer      INTEGER,
	header      TEXT,
	PRIMARY KEY (event, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE answers (
	id   INTEGER PRIMARY KEY,
	body BLOB NOT NULL
) STRICT;

CREATE TABLE states (
	session TEXT NOT NULL,
	rev     INTEGER NOT NULL,
	at      INTEGER,
	subject TEXT NOT NULL,
	name    TEXT NOT NULL,
	state   TEXT NOT NULL,
	detail  TEXT NOT NULL,
	PRIMARY KEY (session, rev)
) STRICT, WITHOUT ROWID;
`, `
ALTER TABLE counters RENAME TO floors;
`, `
ALTER TABLE events ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;
CREATE INDEX events_pinned ON events (pinned) WHERE pinned = 1;
`, `
ALTER TABLE floors ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;
`}

// version reads which step a file has reached, 0 for an empty one. A database
// of another program is ErrDamaged, a later version ErrNewer.
func version(ctx context.Context, conn *sql.Conn, latest int) (int, error) {
	var application, reached, tables int
	// One statement sees one snapshot: between two, another process may have
	// made the tables.
	err := conn.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`).Scan(&application, &reached, &tables)
	switch {
	case err != nil:
		return 0, err
	case application == 0 && reached == 0 && tables == 0:
		return 0, nil
	case application != applicationID:
		return 0, fmt.Errorf("%w: it is the database of another program", ErrDamaged)
	case reached > latest:
		return 0, fmt.Errorf("%w: it has version %d, this one knows %d", ErrNewer, reached, latest)
	}
	return reached, nil
}

// migrate brings a file to the last of steps in one transaction: all of it
// happens or nothing. Processes that open a file together take turns, and the
// later ones find nothing left to do.
func migrate(ctx context.Context, conn *sql.Conn, steps []string) (err error) {
	if reached, err := version(ctx, conn, len(steps)); err != nil || reached == len(steps) {
		return err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	reached, err := version(ctx, conn, len(steps))
	if err != nil {
		return err
	}
	for i, step := range steps[reached:] {
		if _, err := conn.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("step to version %d: %w", reached+i+1, err)
		}
	}
	mark := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(steps))
	if _, err := conn.ExecContext(ctx, mark); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}
