//go:build unix

package ssh

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestADaemonIsKilledWithItsSessionsAndStartedAgain(t *testing.T) {
	d, err := StartDaemon(t.TempDir(), "AllowTcpForwarding no")
	if errors.Is(err, ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer d.Kill()
	text, err := os.ReadFile(filepath.Join(d.Home(), "id_ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c, err := ssh.Dial("tcp", d.Addr(), &ssh.ClientConfig{
			User: strings.TrimPrefix(d.URL()[:strings.IndexByte(d.URL(), '@')], "ssh://"), Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, d.Log())
		}
		if err := d.Kill(); err != nil {
			t.Error(err)
		}
		if err := c.Wait(); err == nil {
			t.Error("the session ended in order")
		}
		_ = c.Close()
		if err := d.Start(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADaemonThatCannotStartSaysWhy(t *testing.T) {
	_, err := StartDaemon(t.TempDir(), "NoSuchSetting yes")
	if errors.Is(err, ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err == nil || !strings.Contains(err.Error(), "NoSuchSetting") {
		t.Errorf("got %v", err)
	}
}
