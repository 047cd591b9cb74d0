package listen

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/lines"
)

// readiness tells where a session is ready: in a line, and in the ready file if
// there is to be one. The session begins to and finds that it has moved in
// different goroutines, which may want to tell at once.
type readiness struct {
	notes *lines.Notes
	file  string // "" for none
	mu    sync.Mutex
}

// tell asks for the URL when it is its turn, so that the latest is told last.
func (r *readiness) tell(url func() string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := url()
	r.notes.Print("ready: %s", at)
	return writeReady(r.file, at)
}

// writeReady puts the URL into the ready file as a whole: whoever waits for
// the file never finds half of it.
func writeReady(file, url string) error {
	if file == "" {
		return nil
	}
	tmp := file + ".tmp"
	if err := os.WriteFile(tmp, []byte(url+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the ready file: %w", err)
	}
	if err := os.Rename(tmp, file); err != nil {
		return fmt.Errorf("write the ready file: %w", errors.Join(err, os.Remove(tmp)))
	}
	return nil
}

// prepare removes what an earlier run left, which would be taken for this one's,
// and makes sure that the file can be written, before there is a webhook to be ready.
func (r *readiness) prepare() error {
	if r.file == "" {
		return nil
	}
	if err := r.remove(); err != nil {
		return err
	}
	tmp := r.file + ".tmp" // the file itself would be taken for the session's
	err := os.WriteFile(tmp, nil, 0o600)
	if err == nil {
		err = os.Remove(tmp)
	}
	if err != nil {
		return hint.With(fmt.Errorf("write the ready file: %w", err), "name a file in a folder that is there and may be written to: --ready-file ready.txt")
	}
	return nil
}

func (r *readiness) remove() error {
	if r.file == "" {
		return nil
	}
	if err := os.Remove(r.file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the ready file: %w", err)
	}
	return nil
}
