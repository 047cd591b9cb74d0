package ssh

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/robustio"
	"golang.org/x/crypto/ssh"

	"github.com/hf-tap/hf-tap/internal/plainfile"
)

// ownKey returns the key in a file, which it creates if necessary: services derive a
// name from it. Without a file it returns a new key each time.
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
	if err := writeKey(file, pem.EncodeToMemory(block)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFiles, err)
	}
	return readKey(file) // another process may have been faster
}

func readKey(file string) (ssh.Signer, error) {
	data, err := plainfile.Read(file, 64<<10)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFiles, err)
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrFiles, file, err)
	}
	return signer, nil
}

// writeKey writes a key file unless it exists. The file appears complete or not at
// all.
func writeKey(file string, data []byte) error {
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
		return robustio.Rename(f.Name(), file) // the file system has no links
	}
	return nil
}
