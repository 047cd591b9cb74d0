package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/nearest"
	"github.com/spf13/pflag"
)

// selectFlags choose events from the history.
type selectFlags struct {
	failed, pending bool
	session         string
}

func (f *selectFlags) register(fs *pflag.FlagSet) {
	fs.BoolVar(&f.failed, "failed", false, "events that failed at a target")
	fs.BoolVar(&f.pending, "pending", false, "events that may not have been delivered")
	fs.StringVar(&f.session, "session", "", "events of the session with this id")
}

func (f *selectFlags) query() history.Query {
	return history.Query{Session: f.session, Failed: f.failed, Pending: f.pending}
}

// queries returns a query for each flag: what is failed or pending, or both.
func (f *selectFlags) queries() []history.Query {
	var all []history.Query
	if f.failed {
		all = append(all, history.Query{Session: f.session, Failed: true})
	}
	if f.pending {
		all = append(all, history.Query{Session: f.session, Pending: true})
	}
	return all
}

// typed is a command with the same numbers or flags that the user typed to choose
// events.
func (f *selectFlags) typed(command string, named []int64) string {
	for _, n := range named {
		command += fmt.Sprintf(" %d", n)
	}
	if f.failed {
		command += " --failed"
	}
	if f.pending {
		command += " --pending"
	}
	if f.session != "" {
		command += " --session " + quoted(f.session)
	}
	return command
}

// known returns an error if the history has no session with this id. command is what
// its hint begins with.
func (f *selectFlags) known(ctx context.Context, reader *history.Reader, command string) error {
	if f.session == "" {
		return nil
	}
	var ids []string
	if reader != nil {
		var err error
		if ids, err = reader.SessionIDs(ctx); err != nil {
			return err
		}
	}
	if slices.Contains(ids, f.session) {
		return nil
	}
	hint := "hf-tap events ls"
	if near := nearest.Word(strings.ToLower(f.session), ids); near != "" {
		hint = command + " --session " + near
	} else if len(ids) > 0 {
		hint = "the latest is: " + command + " --session " + ids[0]
	}
	return usageError(fmt.Errorf("there is no session %q", f.session), hint)
}
