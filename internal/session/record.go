package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Record is what a session writes down before it changes anything on the
// user's account, so that a later one can undo it when this one is killed.
type Record struct {
	Version   int       `json:"v"`
	ID        string    `json:"id"`      // the session's
	Machine   string    `json:"machine"` // a hash that tells machines apart and names none
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	Endpoint  string    `json:"endpoint"`
	User      string    `json:"user,omitempty"`
	PublicURL string    `json:"public_url,omitempty"`
	Token     string    `json:"token"`                // of the webhook's path: 128 random bits in hex
	Local     string    `json:"local,omitempty"`      // host:port where callers on this machine reach the receiver
	Webhook   string    `json:"webhook_id,omitempty"` // known once the Hub has answered a create
	// Doubt is set while a create is under way: there may be a webhook with
	// this record's token that no answer has told the id of.
	Doubt bool     `json:"doubt,omitempty"`
	Muted []string `json:"muted,omitempty"` // webhooks that the session disabled and that were enabled before
}

// recordVersion changes when an older hf-tap could no longer sweep by a record.
const recordVersion = 1

// Path is the path of the session's webhook.
func (r *Record) Path() string { return pathPrefix + r.Token }

// URL is the webhook's address.
func (r *Record) URL() string { return r.PublicURL + r.Path() }

const pathPrefix = "/hf-tap/"

// tokenOf gives the token in the address of a webhook that an hf-tap made,
// "" for any other address.
func tokenOf(webhookURL string) string {
	u, err := url.Parse(webhookURL)
	if err != nil {
		return ""
	}
	i := strings.LastIndex(u.Path, pathPrefix)
	if i < 0 {
		return ""
	}
	token := u.Path[i+len(pathPrefix):]
	if b, err := hex.DecodeString(token); err != nil || len(b) != 16 {
		return ""
	}
	return token
}

// ours reports whether the record is of this machine, endpoint and user: no
// other may be swept by it.
func (r *Record) ours(endpoint, user string) bool {
	return r.Machine == machineHash() && r.Endpoint == endpoint && r.User == user
}

// machineHash tells this machine from others and names none.
func machineHash() string {
	name := machineName()
	if name == "" {
		name, _ = os.Hostname()
	}
	sum := sha256.Sum256([]byte("hf-tap machine\n" + strings.TrimSpace(name)))
	return hex.EncodeToString(sum[:8])
}

// lock is the file lock that a session holds while it lives. The kernel lets
// go of it when the process ends, however it ends.
type lock struct{ *flock.Flock }

// errHeld says that the session of a lock lives.
var errHeld = errors.New("the session is alive")

// takeLock takes the lock of a session, or fails with errHeld. Lock files come
// and go only under the folder's own lock, or a session could hold the lock of
// a file that a sweep has just unlinked.
func (d Dir) takeLock(id string) (*lock, error) {
	gate, err := d.gate()
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	l := flock.New(d.lockPath(id), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("lock the session %s: %w", id, err)
	case !ok:
		return nil, errHeld
	}
	return &lock{l}, nil
}

// drop lets go of a lock and removes its file.
func (d Dir) drop(l *lock) error {
	gate, err := d.gate()
	if err != nil {
		return err
	}
	defer gate.Close()
	// Windows removes no file that is open, and the gate keeps others out.
	return errors.Join(l.Close(), removeFile(l.Path()))
}

// gate is held for moments only, while a lock file is made, taken or removed.
func (d Dir) gate() (*flock.Flock, error) {
	gate := flock.New(filepath.Join(d.leases(), ".lock"), flock.SetPermissions(0o600))
	if err := gate.Lock(); err != nil {
		return nil, fmt.Errorf("lock the folder of leases: %w", err)
	}
	return gate, nil
}

func (d Dir) lockPath(id string) string   { return filepath.Join(d.leases(), id+".lock") }
func (d Dir) recordPath(id string) string { return filepath.Join(d.leases(), id+".json") }

// alive reports whether the session of that id holds its lock. The lock of one
// that does not is removed. All of it happens behind the gate: nobody else sees
// a lock that is held only to find out.
func (d Dir) alive(id string) bool {
	gate, err := d.gate()
	if err != nil {
		return true // in doubt it lives: nothing of it may be touched
	}
	defer gate.Close()
	path := d.lockPath(id)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	l := flock.New(path, flock.SetPermissions(0o600))
	if ok, err := l.TryLock(); err != nil || !ok {
		return true
	}
	// Windows removes no file that is open.
	return errors.Join(l.Close(), removeFile(path)) != nil
}

// tidy removes what dead sessions left in the folder beside their records: the
// locks of those that had none, and files that a kill cut short.
func (d Dir) tidy() error {
	entries, err := os.ReadDir(d.leases())
	if err != nil {
		return fmt.Errorf("list leases: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		if id, isLock := strings.CutSuffix(entry.Name(), ".lock"); isLock && id != "" {
			if _, err := os.Stat(d.recordPath(id)); errors.Is(err, fs.ErrNotExist) {
				d.alive(id) // removes the lock of a dead one
			}
		}
		// writeTemp's name for a record: a session holds its lock before it
		// writes one.
		if id, _, isTemp := strings.Cut(strings.TrimPrefix(entry.Name(), "."), ".json."); isTemp && !d.alive(id) {
			errs = append(errs, removeFile(filepath.Join(d.leases(), entry.Name())))
		}
	}
	return errors.Join(errs...)
}

// save writes the record so that it survives a power cut.
func (d Dir) save(r *Record) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the lease record: %w", err)
	}
	if err := writeFile(d.recordPath(r.ID), append(b, '\n')); err != nil {
		return fmt.Errorf("write the lease record: %w", err)
	}
	return nil
}

// Records gives the lease records on this machine, the oldest first. A file
// that is no record is an error beside those that are.
func (d Dir) Records() ([]*Record, error) {
	entries, err := os.ReadDir(d.leases())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list lease records: %w", err)
	}
	var records []*Record
	var errs []error
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".json" || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		r, err := readRecord(filepath.Join(d.leases(), entry.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist): // its session ended just now
		case err != nil:
			errs = append(errs, err)
		default:
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b *Record) int { return a.Started.Compare(b.Started) })
	return records, errors.Join(errs...)
}

func readRecord(path string) (*Record, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the lease record: %w", err)
	}
	var r Record
	if err := json.Unmarshal(b, &r); err != nil || r.ID+".json" != filepath.Base(path) {
		return nil, fmt.Errorf("the lease record %q is damaged", path)
	}
	if r.Version > recordVersion {
		return nil, fmt.Errorf("the lease record %q was written by a newer hf-tap", path)
	}
	return &r, nil
}

func newID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func newToken() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
