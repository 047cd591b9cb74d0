//go:build unix

package cli_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
)

func TestDoctorOfAnSSHD(t *testing.T) {
	for name, c := range map[string]struct {
		setting    string
		spoil      func(*testing.T, *world, *sshtest.Daemon, func())
		failed     string
		says, hint string
		well       []string
	}{
		"well": {"", nil, "", "", "", []string{"tunnel", "reach", "trust", "protocol", "session", "address", "round trip"}},
		"down": {"", func(t *testing.T, _ *world, d *sshtest.Daemon, _ func()) {
			if err := d.Kill(); err != nil {
				t.Fatal(err)
			}
		}, "reach", "cannot be reached at 127.0.0.1:", "check the network", []string{"tunnel"}},
		"another host key": {"", func(t *testing.T, _ *world, d *sshtest.Daemon, well func()) {
			well() // so that its key is known
			if err := errors.Join(d.Kill(), d.NewHostKey(), d.Start()); err != nil {
				t.Fatal(err)
			}
		}, "trust", "has changed: it was", "remove the line of", []string{"reach"}},
		"key is refused": {"", func(t *testing.T, w *world, _ *sshtest.Daemon, _ func()) {
			w.env = append(w.env, "HOME="+t.TempDir())
		}, "session", "permission denied", "ssh-add", []string{"trust"}},
		"forwarding is refused": {"AllowTcpForwarding no", nil, "session", "it does not forward 127.0.0.1:", "AllowTcpForwarding", []string{"protocol"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			d, err := sshtest.StartDaemon(t.TempDir(), c.setting)
			if errors.Is(err, sshtest.ErrMissing) {
				peertest.Missing(t, "sshd")
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := d.Kill(); err != nil {
					t.Error(err)
				}
			})
			home := t.TempDir()
			if err := os.Symlink(d.Home(), filepath.Join(home, ".ssh")); err != nil {
				t.Fatal(err)
			}
			w.env = append(w.env, "HOME="+home) // of two, the last one counts
			port, err := sshtest.FreePort()
			if err != nil {
				t.Fatal(err)
			}
			there := strconv.Itoa(port)
			args := []string{"--tunnel", d.URL(), "--public-url", "http://127.0.0.1:" + there, "--port", there}
			if c.spoil != nil {
				c.spoil(t, w, d, func() { w.examined("", "", "", []string{"round trip"}, args...) })
			}
			w.examined(c.failed, c.says, c.hint, c.well, args...)
		})
	}
}
