package session

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/hf-tap/hf-tap/internal/plainfile"
)

// gradioName is the name from which gradio.live makes an address: the same name has the
// same address in every session.
type gradioName struct {
	name string
	lock *lock // nil for a name that is not kept
}

// holdGradioName locks the Gradio name of this machine. The first call makes the name,
// and so does renew. Two sessions must not have it at once: the second could take the
// first's deliveries. A second session gets another name, which is not kept.
func (d Dir) holdGradioName(renew bool) (gradioName, error) {
	path := filepath.Join(string(d), "gradio-name")
	l, held, err := d.lockGradioName()
	if err != nil {
		return gradioName{}, err
	}
	fresh := strings.ToLower(rand.Text())
	if !held {
		return gradioName{name: fresh}, nil
	}
	b, err := plainfile.Read(path, maxRecord)
	name := strings.TrimSpace(string(b))
	if renew || errors.Is(err, fs.ErrNotExist) || err == nil && !plainName(name) {
		name, err = fresh, writeFile(path, []byte(fresh+"\n"))
	}
	if err != nil {
		return gradioName{}, errors.Join(fmt.Errorf("keep the name for gradio.live: %w", err), l.Close())
	}
	return gradioName{name, l}, nil
}

func (d Dir) lockGradioName() (l *lock, held bool, err error) {
	l = &lock{ownLock(filepath.Join(string(d), "gradio-name.lock"))}
	held, err = l.TryLock()
	if err != nil {
		return nil, false, fmt.Errorf("lock the name for gradio.live: %w", err)
	}
	return l, held, nil
}

// relock takes the lock of a name that is kept again, if its file was moved,
// removed or replaced, so that a second session still finds it taken.
func (n *gradioName) relock(d Dir) {
	if n.lock == nil || n.lock.atPath() {
		return
	}
	l, held, err := d.lockGradioName()
	if err != nil || !held { // the next look tries again
		return
	}
	_ = n.lock.Close() // nobody looks at that file any more
	n.lock = l
}

// plainName reports whether a name is like those that holdGradioName makes: the
// file may have been cut short.
func plainName(s string) bool {
	return len(s) >= 20 && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// Close releases the name for other sessions.
func (n gradioName) Close() error {
	if n.lock == nil {
		return nil
	}
	return n.lock.Close()
}
