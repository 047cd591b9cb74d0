package history

import (
	"context"
	"database/sql"
	"errors"
)

const (
	// checkpointAfter is how many commits of this process are written to the
	// log before its pages are copied into the file: some 2,000 pages.
	checkpointAfter = 300
	// lastCheckpoint is how many pages (64 MiB) the log holds when the writer
	// copies what is left, so that it can begin the log anew: while others write,
	// the checkpointer never comes to its end.
	lastCheckpoint = 16000
)

// checkpointer copies pages from the log into the file beside the writer, on a
// connection of its own: a checkpoint waits for the disk twice, and the writer
// is what callers wait for.
type checkpointer struct {
	db   *sql.DB
	wake chan struct{} // one slot: the log has grown
	done chan struct{}

	commits int // since the last wake-up; the writer's
}

func openCheckpointer(path string) (*checkpointer, error) {
	db, err := openPool(path, "rw", 1, "busy_timeout(0)", "synchronous(NORMAL)")
	if err != nil {
		return nil, err
	}
	if err := warm(db, 1); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	c := &checkpointer{db: db, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go c.run()
	return c, nil
}

// committed counts a transaction. Only the caller that has the turn calls it.
func (c *checkpointer) committed() {
	if c.commits++; c.commits < checkpointAfter {
		return
	}
	c.commits = 0
	select {
	case c.wake <- struct{}{}:
	default: // it is at it
	}
}

// run copies until wake is closed. What goes wrong is left to the writer, whose
// own checkpoint meets it, too: the log keeps what was not copied.
func (c *checkpointer) run() {
	defer close(c.done)
	for range c.wake {
		_, _ = c.db.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)")
	}
}

// close ends run. Nobody may write any more.
func (c *checkpointer) close() error {
	close(c.wake)
	<-c.done
	return c.db.Close()
}
