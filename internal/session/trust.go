package session

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/robustio"
)

// trustFolder is the folder with a record for each file that the user trusts. A file
// each: two commands at once would lose one of two changes to a single file.
const trustFolder = "trusted"

// Trust is the user's decision about a file: whether to trust it.
type Trust struct {
	Path    string    `json:"path"`
	SHA256  string    `json:"sha256"`     // of the content that was trusted
	Since   time.Time `json:"trusted_at"` // zero if it was never trusted
	Current bool      `json:"-"`          // the content is still the one that was trusted
}

// Trust returns whether the user trusts a file with this content.
func (d Dir) Trust(path string, content []byte) (Trust, error) {
	b, err := robustio.ReadFile(d.trustPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return Trust{Path: path}, nil
	}
	if err != nil {
		return Trust{}, fmt.Errorf("read whether %q is trusted: %w", path, err)
	}
	var t Trust
	if err := json.Unmarshal(b, &t); err != nil || t.Path != path {
		return Trust{Path: path}, nil // a damaged record trusts nothing
	}
	t.Current = t.SHA256 == hashOf(content)
	return t, nil
}

// SetTrust records that the user trusts a file with this content.
func (d Dir) SetTrust(path string, content []byte) error {
	b, err := json.Marshal(Trust{Path: path, SHA256: hashOf(content), Since: time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = os.MkdirAll(filepath.Join(string(d), trustFolder), 0o700)
	}
	if err == nil {
		err = writeFile(d.trustPath(path), append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("record that %q is trusted: %w", path, err)
	}
	return nil
}

// EndTrust removes the record of a file, and reports whether there was one.
func (d Dir) EndTrust(path string) (bool, error) {
	if _, err := os.Lstat(d.trustPath(path)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return true, removeFile(d.trustPath(path))
}

func (d Dir) trustPath(path string) string {
	return filepath.Join(string(d), trustFolder, hashOf([]byte(path))+recordExt)
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
