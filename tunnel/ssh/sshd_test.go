//go:build unix

package ssh

import (
	"runtime"
	"syscall"

	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/process"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
)

// startSSHD starts OpenSSH's server. Settings are lines of sshd_config.
func startSSHD(t testing.TB, settings ...string) *sshtest.Daemon {
	t.Helper()
	d, err := sshtest.StartDaemon(t.TempDir(), settings...)
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
	return d
}

func unusedPort(t testing.TB) int {
	t.Helper()
	port, err := sshtest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// throughSSHD leads to a server, by the user's own key. The public URL stands
// for a web server of the user's, in front of the port there: here it is the
// port.
func throughSSHD(t testing.TB, d *sshtest.Daemon, port int) setup {
	ours := t.TempDir()
	return setup{d.URL(), Config{
		Options: tunnel.Options{Heartbeat: tunneltest.Forever, Timeout: time.Minute},
		KeyFile: filepath.Join(ours, "id_ed25519"), KnownHosts: filepath.Join(ours, "known_hosts"),
		Home: d.Home(), PublicURL: "http://127.0.0.1:" + strconv.Itoa(port), Port: port,
	}}
}

func TestAThousandBodiesComeThroughOpenSSH(t *testing.T) {
	for _, setting := range []string{"GatewayPorts no", "GatewayPorts yes", "GatewayPorts clientspecified"} {
		t.Run(setting, func(t *testing.T) {
			s := startSSHD(t, setting)
			tun := must(t, throughSSHD(t, s, unusedPort(t)))
			remote := tunneltest.Echo(t, tun)
			tunneltest.Thousand(t, tunneltest.Client(t), tun.URL())
			if host, _, err := net.SplitHostPort(<-remote); err != nil || host != "127.0.0.1" {
				t.Errorf("the client is %q, %v", host, err)
			}
		})
	}
}

func TestOpenSSHsReplyHasThePort(t *testing.T) {
	s := startSSHD(t)
	cfg := throughSSHD(t, s, 0)
	cfg.PublicURL = "https://tap.example.org"
	tun := must(t, cfg)
	tunneltest.Echo(t, tun)
	if _, port, err := net.SplitHostPort(tun.Addr().String()); err != nil || port == "0" {
		t.Fatalf("%s, %v", tun.Addr(), err)
	}
	tunneltest.Thousand(t, tunneltest.Client(t), "http://"+tun.Addr().String())
}

func TestOpenSSHRefuses(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name, setting string
		change        func(*setup)
		want          string
	}{
		{"forwarding", "AllowTcpForwarding no", nil, "it does not forward 127.0.0.1:"},
		{"remote forwarding", "AllowTcpForwarding local", nil, "it does not forward 127.0.0.1:"},
		{"the port", "PermitListen 1", nil, "it does not forward 127.0.0.1:"},
		{"a port that is taken", "", func(c *setup) { c.Port = taken.Addr().(*net.TCPAddr).Port }, "it does not forward 127.0.0.1:"},
		{"the key", "", func(c *setup) { c.Home = "" }, "permission denied for "},
		{"the user", "DenyUsers *", nil, "permission denied for "},
		{"to give an address", "", func(c *setup) { c.PublicURL, c.Port = "", 0 }, "gives them no public address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startSSHD(t, c.setting)
			cfg := throughSSHD(t, s, unusedPort(t))
			if c.change != nil {
				c.change(&cfg)
			}
			_, err := try(t.Context(), cfg)
			var refused *tunnel.ProviderError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTheAgentsKeysLetUsIn(t *testing.T) {
	program := peertest.Need(t, "ssh-agent", "openssh-client")
	s := startSSHD(t)
	dir, err := os.MkdirTemp("", "agent") // the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cfg := throughSSHD(t, s, unusedPort(t))
	cfg.Home, cfg.Agent = "", filepath.Join(dir, "s")
	agent := exec.Command(program, "-D", "-a", cfg.Agent)
	runtime.LockOSThread() // the agent ends with the thread, if the test is killed
	defer runtime.UnlockOSThread()
	tree, err := process.Start(agent, process.Config{Death: syscall.SIGKILL})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		tree.Kill()
		_, _ = tree.Wait()
		tree.Close()
	}()
	add := func() error {
		cmd := exec.Command("ssh-add", filepath.Join(s.Home(), "id_ed25519"))
		cmd.Env = []string{"SSH_AUTH_SOCK=" + cfg.Agent, "PATH=" + os.Getenv("PATH")}
		return cmd.Run()
	}
	ctx := tunneltest.Patience(t)
	for err := add(); err != nil; err = add() {
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	must(t, cfg)
}

// TestOpenSSHIsKilledAndRestartedUnderAKeeper: what is posted afterwards arrives, at
// the address that the Keeper reports.
func TestOpenSSHIsKilledAndRestartedUnderAKeeper(t *testing.T) {
	s := startSSHD(t)
	w := keep(t, throughSSHD(t, s, unusedPort(t)), tunneltest.Client(t), tunneltest.Quick())
	before := w.Status().URL
	w.MustPost(before, 500, "before")
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	w.Until("away", tunneltest.Is(tunnel.StateAway))
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	now := w.Until("up again", tunneltest.Is(tunnel.StateUp))
	if now.URL != before {
		t.Errorf("%s, then %s", before, now.URL)
	}
	w.MustPost(now.URL, 500, "after")
}

func TestDiagnoseAnSSHD(t *testing.T) {
	for _, c := range []struct {
		name, setting string
		change        func(*testing.T, *setup, *sshtest.Daemon)
		want, says    string
	}{
		{"well", "", nil, "reach trust protocol session address round trip", ""},
		{"down", "", func(t *testing.T, _ *setup, d *sshtest.Daemon) {
			if err := d.Kill(); err != nil {
				t.Fatal(err)
			}
		}, "reach!", "cannot be reached at 127.0.0.1:"},
		{"another host key", "", func(t *testing.T, c *setup, d *sshtest.Daemon) {
			must(t, *c).Close()
			if err := errors.Join(d.Kill(), d.NewHostKey(), d.Start()); err != nil {
				t.Fatal(err)
			}
		}, "reach trust!", "has changed: it was"},
		{"the key is refused", "", func(_ *testing.T, c *setup, _ *sshtest.Daemon) { c.Home = "" }, "reach trust session!", "permission denied"},
		{"forwarding is refused", "AllowTcpForwarding no", nil, "reach trust protocol session!", "it does not forward 127.0.0.1:"},
		{"no address", "", func(_ *testing.T, c *setup, _ *sshtest.Daemon) { c.PublicURL, c.Port = "", 0 }, "reach trust protocol session!", "no public address"},
		{"the address leads elsewhere", "", func(t *testing.T, c *setup, _ *sshtest.Daemon) {
			c.PublicURL = "http://127.0.0.1:" + strconv.Itoa(unusedPort(t))
		}, "reach trust protocol session address round trip!", "cannot be reached from here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := startSSHD(t, c.setting)
			cfg := throughSSHD(t, d, unusedPort(t))
			if c.change != nil {
				c.change(t, &cfg, d)
			}
			asker := tunneltest.Client(t)
			if strings.HasSuffix(c.want, "round trip!") {
				tunneltest.RunOut(t, &cfg.Options, tunneltest.Closed(tunneltest.Answered(asker, 2)))
			}
			tunneltest.WantSteps(t, diagnose(t, cfg, asker), c.want, c.says)
		})
	}
}
