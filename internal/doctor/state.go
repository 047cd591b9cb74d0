package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
)

// state looks at the state folder: whether it can be written to, whether it is
// private, and what killed sessions left in it. It tightens and deletes nothing.
func (x *examination) state(ctx context.Context, dir session.Dir, err error) {
	const check = "state"
	if err == nil {
		err = dir.Make()
	}
	if err == nil {
		err = dir.TryWriting()
	}
	if err != nil {
		x.fail(check, 0, err)
		return
	}
	switch loose, err := dir.Loose(); {
	case err != nil:
		x.fail(check, 0, err)
	case len(loose) > 0:
		x.add(Finding{
			Check: check, Status: Warning, Detail: fmt.Sprintf("%s: others have access to %s", dir, present.List(loose)),
			Hint: "the next hf-tap listen makes its own files private; a secret that others may have read is replaced by: hf-tap secret --new-secret",
		})
	default:
		x.add(Finding{Check: check, Status: OK, Detail: fmt.Sprintf("%s can be written to, and is private", dir)})
	}
	free, err := freeSpace(string(dir))
	x.space(free, err)
	x.records(dir)
	x.history(ctx, dir)
}

// lowSpace is the free space, in bytes, below which a history may soon be full: that
// of three of the largest bodies.
const lowSpace = 100 << 20

// space measures how much can still be written to the disk of the state folder.
func (x *examination) space(free int64, err error) {
	f := Finding{Check: "space", Status: OK, Detail: present.Size(free) + " free"}
	switch {
	case err != nil:
		f.Status, f.Detail = Skipped, fmt.Sprintf("how much is free is unknown: %v", err)
	case free < lowSpace:
		f.Status, f.Detail = Warning, "only "+f.Detail+": deliveries are answered 503 when the history cannot grow"
		f.Hint = hint.For(history.ErrFull)
	}
	x.add(f)
}

// history looks for damage in every page of the history.
func (x *examination) history(ctx context.Context, dir session.Dir) {
	const check = "history"
	began := time.Now()
	switch err := history.Check(ctx, dir.History()); {
	case errors.Is(err, fs.ErrNotExist):
		x.add(Finding{Check: check, Status: OK, Detail: "there is none yet"})
	case err != nil:
		x.fail(check, time.Since(began), err)
	default:
		x.add(Finding{Check: check, Status: OK, Detail: dir.History() + " has no damage"})
	}
}

// records looks at what sessions have on record.
func (x *examination) records(dir session.Dir) {
	const check, prune = "records", "hf-tap webhooks prune"
	left, damaged, err := dir.LeftBehind()
	if err != nil {
		x.fail(check, 0, err)
		return
	}
	if len(damaged) > 0 {
		x.add(Finding{Check: check, Status: Warning, Detail: present.List(damaged), Hint: prune})
	}
	if len(left) > 0 {
		x.add(Finding{Check: check, Status: Warning, Detail: present.Count(len(left), "killed session") + " may have left a webhook, or one that is muted", Hint: prune})
	}
	if len(damaged)+len(left) == 0 {
		x.add(Finding{Check: check, Status: OK, Detail: "no killed session has left anything"})
	}
}
