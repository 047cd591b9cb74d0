package session

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hf-tap/hf-tap/internal/plainfile"
	"github.com/rogpeppe/go-internal/robustio"
)

// Dir is the folder in which hf-tap keeps its state: 0700, its files 0600.
type Dir string

// ErrNoHome means that there is no folder for the state.
var ErrNoHome = errors.New("there is no home folder to keep state in")

// ErrFolder says that the state folder does not exist and cannot be made, or is
// not a folder.
var ErrFolder = errors.New("the state folder cannot be used")

// ErrBadSecret says that a secret cannot be sent as a header.
var ErrBadSecret = errors.New("the secret cannot be used")

// FindDir returns the state's folder: HF_TAP_STATE, else the platform's own
// place ($XDG_STATE_HOME/hf-tap or ~/.local/state/hf-tap, %LocalAppData%\hf-tap,
// ~/Library/Application Support/hf-tap). It makes nothing. The error is or wraps
// ErrNoHome or ErrFolder.
func FindDir(getenv func(string) string) (Dir, error) {
	dir, err := findDir(getenv)
	if err == nil {
		err = dir.reachable()
	}
	if err != nil {
		return "", err
	}
	return dir, nil
}

// reachable returns an error if something blocks the path to a folder that may not
// exist yet: a file, or a symbolic link that leads nowhere. A new folder would not be
// made there, and an old one would look empty.
func (d Dir) reachable() error {
	for path := string(d); ; path = filepath.Dir(path) {
		link, err := os.Lstat(path)
		if err != nil && path != filepath.Dir(path) {
			continue
		}
		if err != nil {
			return nil // its users report the error
		}
		info, err := os.Stat(path)
		switch {
		case err != nil && !errors.Is(err, fs.ErrPermission) && link.Mode()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(path)
			return fmt.Errorf("%w: %q is a broken symbolic link to %q", ErrFolder, path, to)
		case err == nil && !info.IsDir():
			return fmt.Errorf("%w: %q is not a folder", ErrFolder, path)
		}
		return nil
	}
}

func findDir(getenv func(string) string) (Dir, error) {
	if dir := getenv("HF_TAP_STATE"); dir != "" {
		// An .env file or a service has no shell that replaces the "~".
		if rest, ok := strings.CutPrefix(dir, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) && getenv("HOME") != "" {
			dir = getenv("HOME") + rest
		}
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("find the state folder %q: %w", dir, err)
		}
		return Dir(abs), nil
	}
	home := getenv("HOME")
	switch runtime.GOOS {
	case "windows":
		if local := getenv("LocalAppData"); local != "" {
			return Dir(filepath.Join(local, "hf-tap")), nil
		}
		home = ""
	case "darwin":
		if home != "" {
			return Dir(filepath.Join(home, "Library", "Application Support", "hf-tap")), nil
		}
	default:
		// The XDG specification has relative paths ignored.
		if xdg := getenv("XDG_STATE_HOME"); filepath.IsAbs(xdg) {
			return Dir(filepath.Join(xdg, "hf-tap")), nil
		}
	}
	if home == "" {
		return "", ErrNoHome
	}
	return Dir(filepath.Join(home, ".local", "state", "hf-tap")), nil
}

// History is the path of the history.
func (d Dir) History() string { return filepath.Join(string(d), "history.db") }

// SSHKey is the key that tunnels by SSH show, made when the first is opened. It is
// hf-tap's own: the user's would reveal who they are.
func (d Dir) SSHKey() string { return filepath.Join(string(d), "id_ed25519") }

// KnownHosts are the keys of servers that tunnels by SSH have met.
func (d Dir) KnownHosts() string { return filepath.Join(string(d), "known_hosts") }

func (d Dir) leases() string { return filepath.Join(string(d), "leases") }

// Make makes the folder and the one for leases. One that exists keeps its
// permissions: Tighten decides about them.
func (d Dir) Make() error {
	if err := os.MkdirAll(d.leases(), 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	return nil
}

// TryWriting makes a file in each of the folders and removes it.
func (d Dir) TryWriting() error {
	for _, folder := range []string{string(d), d.leases()} {
		f, err := os.CreateTemp(folder, ".secret.*") // a name that is known to be ours
		if err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
		if err != nil {
			return fmt.Errorf("write to the state folder: %w", err)
		}
	}
	return nil
}

// Secret returns the secret that webhooks of this machine carry. It is made at
// the first call and kept, the same for every session, so that a handler is
// configured once. With renew it is made anew.
func (d Dir) Secret(renew bool) (string, error) {
	path := filepath.Join(string(d), "secret")
	if err := d.Make(); err != nil {
		return "", err
	}
	if !renew {
		secret, err := readSecret(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return secret, err
		}
	}
	// Of two first calls at once, one makes the secret and both give it.
	gate, err := d.gate()
	if err != nil {
		return "", fmt.Errorf("keep the secret: %w", err)
	}
	defer gate.Close()
	if !renew {
		if secret, err := readSecret(path); !errors.Is(err, fs.ErrNotExist) {
			return secret, err
		}
	}
	secret := strings.ToLower(rand.Text() + rand.Text())
	if err := writeFile(path, []byte(secret+"\n")); err != nil {
		return "", fmt.Errorf("keep the secret: %w", err)
	}
	return secret, nil
}

// KeptSecret returns the secret that this machine keeps, "" if there is none that
// can be read.
func (d Dir) KeptSecret() string {
	secret, err := readSecret(filepath.Join(string(d), "secret"))
	if err != nil {
		return ""
	}
	return secret
}

// ReadSecretFile returns the secret in a file of the user's, without the line
// end that editors leave.
func ReadSecretFile(path string) (string, error) {
	b, err := robustio.ReadFile(path) // a pipe, too: --secret-file <(pass show webhook)
	return secretIn(path, b, err)
}

func readSecret(path string) (string, error) {
	b, err := plainfile.Read(path, maxRecord)
	return secretIn(path, b, err)
}

func secretIn(path string, b []byte, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	secret := strings.TrimRight(string(b), "\r\n")
	if err := CheckSecret(secret); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return secret, nil
}

// CheckSecret returns why a text is not a valid secret. The Hub takes printable ASCII;
// a blank at an end would be lost on the way, because header values are trimmed, and
// net/http sends no DEL.
func CheckSecret(secret string) error {
	switch {
	case secret == "":
		return fmt.Errorf("%w: it is empty", ErrBadSecret)
	case strings.TrimSpace(secret) != secret:
		return fmt.Errorf("%w: it starts or ends with a blank, which a header cannot carry", ErrBadSecret)
	case strings.ContainsFunc(secret, func(r rune) bool { return r < 0x20 || r > 0x7e }):
		return fmt.Errorf("%w: it holds a character that is not printable ASCII", ErrBadSecret)
	}
	return nil
}

// writeTemp writes b to a temporary file beside path, syncs it to the disk, and returns
// its name.
func writeTemp(path string, b []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(b); err != nil {
		f.Close()
		return "", err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return "", err
	}
	return f.Name(), f.Close()
}

// writeFile replaces path by b as a whole: a reader, or a power cut, finds the
// old content or the new one.
func writeFile(path string, b []byte) error {
	tmp, err := writeTemp(path, b)
	if err != nil {
		return err
	}
	if err := robustio.Rename(tmp, path); err != nil {
		return errors.Join(err, removeFile(tmp))
	}
	return nil
}

// Log is the log file. It has what the screen does not show: panics, and the output
// of libraries.
type Log struct {
	*slog.Logger
	file *os.File
}

// maxLog is the size in bytes above which a log is begun anew.
const maxLog = 4 << 20

// OpenLog opens the log in the folder. All that is written passes mask.
func (d Dir) OpenLog(mask func(string) string) (*Log, error) {
	if err := d.Make(); err != nil {
		return nil, err
	}
	path := filepath.Join(string(d), "hf-tap.log")
	flag := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if info, err := os.Lstat(path); err == nil && info.Size() > maxLog {
		flag |= os.O_TRUNC
	}
	f, err := plainfile.Open(path, flag, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return &Log{slog.New(slog.NewTextHandler(masked{f, mask}, nil)), f}, nil
}

// masked is a writer that masks the secrets in each log record.
type masked struct {
	to   io.Writer
	mask func(string) string
}

func (m masked) Write(b []byte) (int, error) {
	_, err := io.WriteString(m.to, m.mask(string(b)))
	return len(b), err
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }
