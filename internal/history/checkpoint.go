package history

import (
	"context"
	"database/sql"
)

const (
	// checkpointAfter is how many transactions of this process are written to
	// the log before its pages are copied into the file: some 2,000 pages. Of
	// the spool's events spooledPerCommit are as many pages as a transaction.
	checkpointAfter  = 300
	spooledPerCommit = 16
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
	return &checkpointer{db: db, wake: make(chan struct{}, 1), done: make(chan struct{})}, nil
}

// committed counts a transaction. Only who has the turn to write calls it.
func (c *checkpointer) committed(rows int) {
	if c.commits += 1 + rows/spooledPerCommit; c.commits < checkpointAfter {
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
