package session

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/loopback"
	"github.com/rogpeppe/go-internal/robustio"
)

// Record is the file that a session writes before it changes the user's account. A
// later session uses it to undo the changes if this one is killed.
type Record struct {
	Version   int       `json:"v"`
	ID        string    `json:"id"`      // the session's
	Machine   string    `json:"machine"` // a hash that differs between machines and names none
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	Endpoint  string    `json:"endpoint"`
	User      string    `json:"user,omitempty"`
	PublicURL string    `json:"public_url,omitempty"`
	Token     string    `json:"token"`                // of the webhook's path: 128 random bits in hex
	Local     string    `json:"local,omitempty"`      // host:port where callers on this machine reach the receiver
	LocalKey  string    `json:"local_key,omitempty"`  // what they show, so that only who may read this record is taken for its user
	Webhook   string    `json:"webhook_id,omitempty"` // known once the Hub has answered a create
	// Watches is what the webhook watches: a sample event goes through the session
	// that would get the real one. None without a webhook.
	Watches []hub.Watch `json:"watches,omitempty"`
	// Doubt is set while a webhook is being created: a webhook with this record's token
	// may exist, but its id is not known yet.
	Doubt bool      `json:"doubt,omitempty"`
	Asked time.Time `json:"asked,omitzero"`  // when that create was sent
	Muted []string  `json:"muted,omitempty"` // webhooks that the session disabled and that were enabled before
}

// recordVersion changes when an older hf-tap could no longer sweep by a record.
const recordVersion = 1

// Path is the path of the session's webhook.
func (r *Record) Path() string { return pathPrefix + r.Token }

// URL is the webhook's address.
func (r *Record) URL() string { return r.PublicURL + r.Path() }

const pathPrefix = "/hf-tap/"

// tokenOf returns the token in the address of a webhook that an hf-tap made,
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
	if !isToken(token) {
		return ""
	}
	return token
}

// isToken reports whether s has the form of a token by newToken.
func isToken(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 16
}

// machineHash is a hash that differs between machines and does not reveal their names.
func machineHash() string {
	name := machineName()
	if name == "" {
		name, _ = os.Hostname()
	}
	sum := sha256.Sum256([]byte("hf-tap machine\n" + strings.TrimSpace(name)))
	return hex.EncodeToString(sum[:8])
}

// encode returns the bytes of the record's file.
func (r *Record) encode() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the lease record: %w", err)
	}
	return append(b, '\n'), nil
}

// save writes the record so that it survives a power cut.
func (d Dir) save(r *Record) error {
	b, err := r.encode()
	if err != nil {
		return err
	}
	if err := writeFile(d.recordPath(r.ID), b); err != nil {
		return fmt.Errorf("write the lease record: %w", err)
	}
	return nil
}

// RecordError is a lease record that cannot be read. What it was a record of is
// unknown: a webhook may be left.
type RecordError struct {
	ID   string // the session's, by the name of the file
	Path string
	Err  error
}

// Error names the file and what is wrong with it.
func (e *RecordError) Error() string {
	return fmt.Sprintf("the lease record %q cannot be read: %v", e.Path, e.Err)
}

// Unwrap returns what is wrong with the file.
func (e *RecordError) Unwrap() error { return e.Err }

// records returns the lease records on this machine, the oldest first, and the
// files beside them that cannot be read as records. The error is that of the
// folder.
func (d Dir) records() (records []*Record, damaged []*RecordError, err error) {
	entries, err := os.ReadDir(d.leases())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("list lease records: %w", err)
	}
	for _, entry := range entries {
		id, isRecord := strings.CutSuffix(entry.Name(), recordExt)
		if !isRecord || strings.HasPrefix(id, ".") {
			continue
		}
		r, err := d.record(id)
		var bad *RecordError
		switch {
		case errors.Is(err, fs.ErrNotExist): // its session ended just now
		case errors.As(err, &bad):
			damaged = append(damaged, bad)
		default:
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b *Record) int { return a.Started.Compare(b.Started) })
	return records, damaged, nil
}

// record reads the record of a session. The error is a *RecordError.
func (d Dir) record(id string) (*Record, error) {
	path := d.recordPath(id)
	r, err := readRecord(path, id)
	if err != nil {
		return nil, &RecordError{ID: id, Path: path, Err: err}
	}
	return r, nil
}

// maxRecord is more than any record needs, in bytes.
const maxRecord = 64 << 10

func readRecord(path, id string) (*Record, error) {
	b, err := readSmallFile(path, maxRecord)
	if err != nil {
		return nil, err
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if file, err := os.Lstat(path); err != nil || !sameOwner(file, folder) {
		return nil, cmp.Or(err, errors.New("it belongs to another user than its folder, who may have put it there"))
	}
	var r Record
	switch err := json.Unmarshal(b, &r); {
	case len(b) == 0:
		return nil, errors.New("it is empty")
	case err != nil:
		return nil, fmt.Errorf("it is not a valid record: %w", err)
	case r.Version > recordVersion:
		return nil, fmt.Errorf("it is of version %d, which a newer hf-tap wrote", r.Version)
	case r.ID != id:
		return nil, fmt.Errorf("it is the record of another session, %q", r.ID)
	}
	return &r, r.check()
}

// check returns an error if a record has no valid value in a field that it needs. One
// without its token would fit every webhook that is not of an hf-tap, which must not be
// deleted.
func (r *Record) check() error {
	if !isToken(r.Token) || r.Version < 1 || r.Machine == "" || r.Endpoint == "" || r.Started.IsZero() {
		return errors.New("a field that it needs is missing")
	}
	if r.Local == "" {
		return nil
	}
	// Events are sent there.
	if host, _, err := net.SplitHostPort(r.Local); err != nil || !loopback.Is(host) {
		return fmt.Errorf("its address %q is not one of this machine", r.Local)
	}
	return nil
}

// readSmallFile reads a regular file. It refuses symbolic links, which may lead out of
// the folder, and pipes, which may never end.
func readSmallFile(path string, most int64) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("it is a folder")
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, errors.New("it is a symbolic link")
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("it is not a file (%v)", info.Mode().Type())
	case info.Size() > most:
		return nil, fmt.Errorf("it has %d bytes", info.Size())
	}
	return robustio.ReadFile(path)
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
