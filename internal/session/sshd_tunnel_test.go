//go:build unix

package session

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
	"github.com/hf-tap/hf-tap/tunnel/ssh"
)

// startSSHD starts OpenSSH's server, and gives the way through it. The public
// address stands for a web server of the user's, in front of the port there:
// here it is the port.
func startSSHD(t testing.TB) (*sshtest.Daemon, TunnelConfig) {
	t.Helper()
	d, err := sshtest.StartDaemon(t.TempDir())
	if errors.Is(err, sshtest.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Kill(); err != nil {
			t.Error(err)
		}
	})
	port, err := sshtest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	ours := t.TempDir()
	return d, TunnelConfig{
		Provider: d.URL(), PublicURL: "http://127.0.0.1:" + strconv.Itoa(port), Port: port,
		SSH: ssh.Config{Home: d.Home(), KeyFile: filepath.Join(ours, "id_ed25519"), KnownHosts: filepath.Join(ours, "known_hosts")},
	}
}

func TestThousandDeliveriesSurviveAnSSHDThatIsKilled(t *testing.T) {
	d, through := startSSHD(t)
	outage{
		tunnel: through,
		strike: func() {
			if err := d.Kill(); err != nil {
				t.Fatal(err)
			}
		},
		mend: func() {
			if err := d.Start(); err != nil {
				t.Fatal(err)
			}
		},
		ended: func() {
			look := time.NewTicker(10 * time.Millisecond)
			defer look.Stop()
			for d.Sessions() > 0 { // they end when the connection has
				select {
				case <-look.C:
				case <-t.Context().Done():
				}
			}
		},
	}.survive(t)
}
