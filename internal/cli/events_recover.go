package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/cobra"
)

func newEventsRecover(p *Process) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Recover a damaged history",
		Long: `Recover a damaged history. Everything that can still be read is copied to a new file,
which replaces the damaged one. The damaged file is kept beside it. With --to, the new
file is written there, and the history is not changed. A history without damage is not
changed either.`,
		Example: `  hf-tap events recover
  hf-tap events recover --to recovered.db`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := session.FindDir(p.Getenv)
			if err != nil {
				return err
			}
			return p.recover(cmd.Context(), dir, to)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "write the new history to this file instead")
	return cmd
}

func (p *Process) recover(ctx context.Context, dir session.Dir, to string) error {
	from := dir.History()
	if to != "" {
		report, err := history.Recover(ctx, from, to)
		if errors.Is(err, fs.ErrExist) {
			return withHint(err, "name a file that does not exist yet")
		}
		if err != nil {
			return err
		}
		return p.sayRecovered(report, to, "")
	}
	live, err := session.LiveAt(dir)
	if err != nil {
		return err
	}
	if len(live) > 0 {
		return withHint(fmt.Errorf("%s uses the history", present.Count(len(live), "running session")), "stop it first, or write the new file elsewhere: hf-tap events recover --to recovered.db")
	}
	switch err := history.Check(ctx, from); {
	case err == nil:
		_, err := fmt.Fprintf(p.Out, "%s has no damage\n", from)
		return lines.WriteError(err)
	case errors.Is(err, fs.ErrNotExist):
		return withHint(fmt.Errorf("there is no history at %q", from), "hf-tap events ls")
	case !errors.Is(err, history.ErrDamaged):
		return err
	}
	stamp := time.Now().Format("20060102-150405")
	fresh, kept := from+".recovered-"+stamp, from+".damaged-"+stamp
	report, err := history.Recover(ctx, from, fresh)
	if err != nil {
		return withHint(err, "move the file away to start a new history")
	}
	for _, suffix := range []string{"-shm", "-wal", ""} {
		if err := os.Rename(from+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("put the recovered history %q in place: %w", fresh, err)
		}
	}
	if err := os.Rename(fresh, from); err != nil {
		return fmt.Errorf("put the recovered history %q in place: %w", fresh, err)
	}
	return p.sayRecovered(report, from, kept)
}

// sayRecovered says what was saved and where it is.
func (p *Process) sayRecovered(r history.Recovered, path, kept string) error {
	parts := []string{fmt.Sprintf("recovered %s, %s and %s", present.Count(r.Events, "event"), present.Count(r.Attempts, "attempt"), present.Count(r.States, "state"))}
	if r.WithoutBody > 0 {
		parts = append(parts, fmt.Sprintf("%s without the whole body", present.Count(r.WithoutBody, "event")))
	}
	if r.Lost > 0 {
		parts = append(parts, fmt.Sprintf("%s lost", present.Count(r.Lost, "event")))
	}
	if r.Undeleted {
		parts = append(parts, "events that were deleted may be there again")
	}
	parts = append(parts, fmt.Sprintf("%s with damage", present.Count(r.DamagedPages, "page")))
	text := strings.Join(parts, " · ") + "\nthe history is " + path + "\n"
	if kept != "" {
		text += "the damaged file is kept as " + kept + "\n"
	}
	_, err := fmt.Fprint(p.Out, text)
	return lines.WriteError(err)
}
