package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/session"
)

// state looks at the state folder: whether it can be written to, whether it is
// private, and what killed sessions left in it. It tightens and deletes nothing.
func (d *doctor) state(ctx context.Context, dir session.Dir, err error) {
	const check = "state"
	if err == nil {
		err = dir.Make()
	}
	if err == nil {
		err = dir.TryWriting()
	}
	if err != nil {
		d.fail(check, 0, err)
		return
	}
	switch loose, err := dir.Loose(); {
	case err != nil:
		d.fail(check, 0, err)
	case len(loose) > 0:
		d.add(finding{
			Check: check, Status: checkWarning, Detail: fmt.Sprintf("%s: others have access to %s", dir, joined(loose)),
			Hint: "the next hf-tap listen makes its own files private; a secret that others may have read is replaced by: hf-tap secret --new-secret",
		})
	default:
		d.add(finding{Check: check, Status: checkOK, Detail: fmt.Sprintf("%s can be written to, and is private", dir)})
	}
	free, err := freeSpace(string(dir))
	d.space(free, err)
	d.records(dir)
	d.history(ctx, dir)
}

// lowSpace is the free space, in bytes, below which a history may soon be full: that
// of three of the largest bodies.
const lowSpace = 100 << 20

// space tells how much can still be written to the disk of the state folder.
func (d *doctor) space(free int64, err error) {
	f := finding{Check: "space", Status: checkOK, Detail: sizeWords(free) + " free"}
	switch {
	case err != nil:
		f.Status, f.Detail = checkSkipped, fmt.Sprintf("how much is free is unknown: %v", err)
	case free < lowSpace:
		f.Status, f.Detail = checkWarning, "only "+f.Detail+": deliveries are answered 503 when the history cannot grow"
		f.Hint = hintFor(history.ErrFull)
	}
	d.add(f)
}

// sizeWords is a number of bytes in the largest unit that it has one of.
func sizeWords(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB"}
	i := 0
	for ; n >= 10<<10 && i < len(units)-1; i++ {
		n >>= 10
	}
	return fmt.Sprintf("%d %s", n, units[i])
}

// history looks for damage in every page of the history.
func (d *doctor) history(ctx context.Context, dir session.Dir) {
	const check = "history"
	began := time.Now()
	switch err := checkHistory(ctx, dir.History()); {
	case errors.Is(err, fs.ErrNotExist):
		d.add(finding{Check: check, Status: checkOK, Detail: "there is none yet"})
	case err != nil:
		d.fail(check, time.Since(began), err)
	default:
		d.add(finding{Check: check, Status: checkOK, Detail: dir.History() + " has no damage"})
	}
}

// records looks at what sessions have on record.
func (d *doctor) records(dir session.Dir) {
	const check, prune = "records", "hf-tap webhooks prune"
	left, damaged, err := dir.LeftBehind()
	if err != nil {
		d.fail(check, 0, err)
		return
	}
	if len(damaged) > 0 {
		d.add(finding{Check: check, Status: checkWarning, Detail: joined(damaged), Hint: prune})
	}
	if len(left) > 0 {
		d.add(finding{Check: check, Status: checkWarning, Detail: count(len(left), "killed session") + " may have left a webhook, or one that is muted", Hint: prune})
	}
	if len(damaged)+len(left) == 0 {
		d.add(finding{Check: check, Status: checkOK, Detail: "no killed session has left anything"})
	}
}

func joined[T any](all []T) string {
	words := make([]string, len(all))
	for i, one := range all {
		words[i] = fmt.Sprint(one)
	}
	return strings.Join(words, ", ")
}
