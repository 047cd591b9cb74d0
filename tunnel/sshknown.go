package tunnel

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/robustio"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// ErrSSHFiles means that the key or the list of known hosts that hf-tap keeps
// for SSH cannot be read or written.
var ErrSSHFiles = errors.New("hf-tap's own files for SSH cannot be used")

// HostKeyError means that a server shows another host key than it did before:
// its keys were changed, or somebody is in between.
type HostKeyError struct {
	Host  string   // host:port
	Known []string // fingerprints of the keys that it showed before, "SHA256:…"
	Got   string   // fingerprint of the one that it shows now
	File  string   // where the known ones stand
}

// Error returns both fingerprints.
func (e *HostKeyError) Error() string {
	return fmt.Sprintf("the host key of %s is another than before: it was %s and is %s", e.Host, strings.Join(e.Known, " or "), e.Got)
}

// knownServers is a known_hosts file of our own. A server that is not in it is
// trusted and added; one with another key is refused.
type knownServers struct {
	file  string
	check ssh.HostKeyCallback

	// Of the last check.
	fingerprint string
	fresh       bool // it was not known before
}

func openKnown(file string) (*knownServers, error) {
	if file == "" {
		return nil, fmt.Errorf("%w: no file for known hosts is set", ErrSSHFiles)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSSHFiles, err)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSSHFiles, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSSHFiles, err)
	}
	check, err := knownhosts.New(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSSHFiles, err)
	}
	return &knownServers{file: file, check: check}, nil
}

// verify is the ssh.HostKeyCallback. The address counts as it was asked for:
// behind a proxy, the connection's own is the proxy's.
func (k *knownServers) verify(address string, remote net.Addr, key ssh.PublicKey) error {
	k.fingerprint = ssh.FingerprintSHA256(key)
	err := k.check(address, &net.TCPAddr{}, key)
	var unknown *knownhosts.KeyError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &unknown):
		return err // revoked by hand, by a line of the file
	case len(unknown.Want) > 0:
		changed := &HostKeyError{Host: address, Got: k.fingerprint, File: k.file}
		for _, w := range unknown.Want {
			changed.Known = append(changed.Known, ssh.FingerprintSHA256(w.Key))
		}
		return changed
	}
	k.fresh = true
	return k.add(address, key)
}

// add appends a line, in one write, as another hf-tap may do the same.
func (k *knownServers) add(address string, key ssh.PublicKey) error {
	f, err := os.OpenFile(k.file, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSSHFiles, err)
	}
	_, err = f.WriteString(knownhosts.Line([]string{address}, key) + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrSSHFiles, err)
	}
	return nil
}

// algorithms gives the kinds of host key to ask a server for, nil for all: a
// server has several keys, and one of a kind that is not known would look like
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

// ownKey gives hf-tap's own key, which is made once and kept: services make a
// name of it. Without a file it is another each time.
func ownKey(file string) (ssh.Signer, error) {
	if file != "" {
		signer, err := readKey(file)
		if !errors.Is(err, fs.ErrNotExist) {
			return signer, err
		}
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key for SSH: %w", err)
	}
	if file == "" {
		return ssh.NewSignerFromKey(key)
	}
	block, err := ssh.MarshalPrivateKey(key, "hf-tap")
	if err != nil {
		return nil, fmt.Errorf("make a key for SSH: %w", err)
	}
	if err := keepKey(file, pem.EncodeToMemory(block)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSSHFiles, err)
	}
	return readKey(file) // another hf-tap may have been first
}

func readKey(file string) (ssh.Signer, error) {
	data, err := robustio.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSSHFiles, err)
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrSSHFiles, file, err)
	}
	return signer, nil
}

// keepKey writes a key unless there is one. It appears with all its bytes or
// not at all.
func keepKey(file string, data []byte) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".id-*") // 0600
	if err != nil {
		return err
	}
	defer robustio.RemoveAll(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return robustio.Rename(f.Name(), file) // a file system without links
	}
	return nil
}
