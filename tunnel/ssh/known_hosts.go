package ssh

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/hf-tap/hf-tap/internal/plainfile"
	"github.com/hf-tap/hf-tap/tunnel"
)

// ErrFiles means that Config.KeyFile or Config.KnownHosts cannot be read or written.
var ErrFiles = errors.New("hf-tap's own files for SSH cannot be used")

// knownServers is a known_hosts file. A server that is not in it is trusted and added;
// one with another key is refused.
type knownServers struct {
	file  string
	check ssh.HostKeyCallback

	// Of the last check.
	fingerprint string
	fresh       bool // it was not known before
}

func openKnown(file string) (*knownServers, error) {
	if file == "" {
		return nil, fmt.Errorf("%w: no file for known hosts is set", ErrFiles)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFiles, err)
	}
	if err := plainfile.Check(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrFiles, err)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFiles, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFiles, err)
	}
	check, err := knownhosts.New(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFiles, err)
	}
	return &knownServers{file: file, check: check}, nil
}

// verify is the ssh.HostKeyCallback. It uses the requested address, because the
// connection's own may be that of a proxy.
func (k *knownServers) verify(address string, remote net.Addr, key ssh.PublicKey) error {
	k.fingerprint = ssh.FingerprintSHA256(key)
	err := k.check(address, &net.TCPAddr{}, key)
	var unknown *knownhosts.KeyError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &unknown):
		return err // a line of the file revokes the key
	case len(unknown.Want) > 0:
		changed := &tunnel.HostKeyError{Host: address, Got: k.fingerprint, File: k.file}
		for _, w := range unknown.Want {
			changed.Known = append(changed.Known, ssh.FingerprintSHA256(w.Key))
		}
		return changed
	}
	k.fresh = true
	return k.add(address, key)
}

// add appends a line. It is one write, because another process may do the same.
func (k *knownServers) add(address string, key ssh.PublicKey) error {
	f, err := os.OpenFile(k.file, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFiles, err)
	}
	_, err = f.WriteString(knownhosts.Line([]string{address}, key) + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrFiles, err)
	}
	return nil
}

// algorithms returns the kinds of host key to request from a server, or nil for all. A
// server has several keys, and one of another kind than the known one would look like
// a change.
func (k *knownServers) algorithms(address string) []string {
	_, probe, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil
	}
	public, err := ssh.NewPublicKey(probe.Public())
	if err != nil {
		return nil
	}
	var known *knownhosts.KeyError
	if !errors.As(k.check(address, &net.TCPAddr{}, public), &known) {
		return nil
	}
	var kinds []string
	for _, w := range known.Want {
		of := []string{w.Key.Type()}
		if w.Key.Type() == ssh.KeyAlgoRSA {
			of = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
		for _, kind := range of {
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds
}
