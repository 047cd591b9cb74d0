package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/cobra"
)

func newEvents(p *Process) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "Look at recorded events, send them again, export and remove them",
		Example: "  hf-tap events ls",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEventsLs(p), newEventsShow(p), newEventsReplay(p), newEventsDiff(p), newEventsExport(p), newEventsImport(p),
		newEventsSave(p), newEventsPin(p), newEventsUnpin(p), newEventsDismiss(p), newEventsRm(p), newEventsRecover(p))
	return cmd
}

// openHistory opens the history of this machine's sessions, to change it. What
// killed ones were to hand over counts as pending from then on.
func (p *Process) openHistory(ctx context.Context) (*history.Store, session.Dir, error) {
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return nil, "", err
	}
	if err := dir.Make(); err != nil {
		return nil, "", err
	}
	store, err := history.Open(ctx, dir.History())
	if err != nil {
		return nil, "", err
	}
	if err := dir.EndDead(ctx, store); err != nil {
		return nil, "", errors.Join(err, store.Close())
	}
	return store, dir, nil
}

// readHistory opens the history to read it: a read-only one will do, and nothing
// is made. reader is nil when there is none yet.
func (p *Process) readHistory(ctx context.Context) (reader *history.Reader, err error) {
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return nil, err
	}
	reader, err = history.OpenReader(ctx, dir.History())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return reader, err
}

// getEvent reads one event whole.
func getEvent(ctx context.Context, store *history.Reader, n int64) (*event.Event, error) {
	e, err := store.Get(ctx, n)
	if errors.Is(err, history.ErrNotFound) {
		return nil, noEvent(n)
	}
	return e, err
}

func noEvent(n int64) error {
	return withHint(fmt.Errorf("there is no event %d", n), "hf-tap events ls")
}
