package exectarget

import (
	"errors"
	"os"
	"runtime"

	"github.com/gofrs/flock"
)

// payload is a file with an event's body, which a command reads as its standard
// input. A pipe would have to be written to for as long as somebody holds it.
type payload struct {
	folder string
	file   *os.File
	lock   *flock.Flock // nil on Windows, and if the file system has no locks
	path   string       // of the file, until it is removed
	name   string       // the path of the file, if the command gets one
	body   []byte
}

func newPayload(folder string, body []byte) (*payload, error) {
	p := &payload{folder: folder, body: body}
	if err := p.make(); err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" { // where a file that is open cannot be removed
		p.unlink() // so that nothing is left behind, however hf-tap ends
	}
	return p, nil
}

// errSwept says that a file was removed before it was locked.
var errSwept = errors.New("the file was removed at once")

// make writes a file that only the user can read, and opens it for reading. It is locked
// while it is needed. Before that, the start of another hf-tap may take it for one that a
// killed process has left.
func (p *payload) make() (err error) {
	for range 10 {
		if err = p.makeOnce(); !errors.Is(err, errSwept) {
			return err
		}
	}
	return err
}

func (p *payload) makeOnce() (err error) {
	f, err := p.create()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			p.close()
			p.unlink()
		}
	}()
	p.path = f.Name()
	if err = p.hold(); err == nil {
		_, err = f.Write(p.body)
	}
	if err == nil {
		p.file, err = os.Open(p.path)
	}
	return errors.Join(err, f.Close())
}

func (p *payload) create() (*os.File, error) {
	const pattern = "hf-tap-payload-*.json"
	if p.folder != "" && os.MkdirAll(p.folder, 0o700) == nil {
		if f, err := os.CreateTemp(p.folder, pattern); err == nil {
			return f, nil
		}
	}
	return os.CreateTemp("", pattern)
}

// hold locks the file. The command does not inherit the lock, which ends with hf-tap. On
// Windows nobody can remove a file that is open, and nobody could write to one with a lock.
func (p *payload) hold() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	p.lock = flock.New(p.path, flock.SetFlag(os.O_RDONLY))
	locked, err := p.lock.TryRLock()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.lock = nil
		return nil
	}
	if _, gone := os.Stat(p.path); err != nil || !locked || gone != nil {
		return errSwept
	}
	return nil
}

// nameFile gives the file a name that lasts until remove.
func (p *payload) nameFile() error {
	if p.path == "" {
		p.close()
		if err := p.make(); err != nil {
			return err
		}
	}
	p.name = p.path
	return nil
}

func (p *payload) unlink() {
	if p.path != "" {
		_ = os.Remove(p.path)
		p.path = ""
	}
}

func (p *payload) close() {
	if p.file != nil {
		p.file.Close()
	}
	if p.lock != nil {
		_ = p.lock.Close()
	}
	p.file, p.lock = nil, nil
}

func (p *payload) remove() {
	p.close()
	p.unlink()
}
