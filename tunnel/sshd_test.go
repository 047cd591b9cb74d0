//go:build unix

package tunnel

import (
	"runtime"
	"syscall"

	"errors"
	"github.com/hf-tap/hf-tap/internal/process"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
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
func throughSSHD(t testing.TB, d *sshtest.Daemon, port int) Config {
	ours := t.TempDir()
	return Config{
		Provider: d.URL(), HubURL: hubURL, PublicURL: "http://127.0.0.1:" + strconv.Itoa(port), Port: port,
		SSHKeyFile: filepath.Join(ours, "id_ed25519"), KnownHosts: filepath.Join(ours, "known_hosts"), SSHHome: d.Home(),
		Heartbeat: forever, Timeout: time.Minute,
	}
}

func TestAThousandBodiesComeThroughOpenSSH(t *testing.T) {
	for _, setting := range []string{"GatewayPorts no", "GatewayPorts yes", "GatewayPorts clientspecified"} {
		t.Run(setting, func(t *testing.T) {
			s := startSSHD(t, setting)
			tun := openFake(t, throughSSHD(t, s, unusedPort(t)))
			remote := echo(t, tun)
			thousand(t, client(t), tun.URL())
			if host, _, err := net.SplitHostPort(<-remote); err != nil || host != "127.0.0.1" {
				t.Errorf("the client is %q, %v", host, err)
			}
		})
	}
}

func TestAnyPortOfOpenSSHIsToldByItsReply(t *testing.T) {
	s := startSSHD(t)
	cfg := throughSSHD(t, s, 0)
	cfg.PublicURL = "https://tap.example.org"
	tun := openFake(t, cfg)
	echo(t, tun)
	if _, port, err := net.SplitHostPort(tun.Addr().String()); err != nil || port == "0" {
		t.Fatalf("%s, %v", tun.Addr(), err)
	}
	thousand(t, client(t), "http://"+tun.Addr().String())
}

func TestOpenSSHRefuses(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name, setting string
		change        func(*Config)
		want, hint    string
	}{
		{"forwarding", "AllowTcpForwarding no", nil, "it does not forward 127.0.0.1:", "AllowTcpForwarding"},
		{"remote forwarding", "AllowTcpForwarding local", nil, "it does not forward 127.0.0.1:", "AllowTcpForwarding"},
		{"the port", "PermitListen 1", nil, "it does not forward 127.0.0.1:", "PermitListen"},
		{"a port that is taken", "", func(c *Config) { c.Port = taken.Addr().(*net.TCPAddr).Port }, "it does not forward 127.0.0.1:", "--port"},
		{"the key", "", func(c *Config) { c.SSHHome = "" }, "permission denied for ", "ssh-add"},
		{"the user", "DenyUsers *", nil, "permission denied for ", "ssh-add"},
		{"to give an address", "", func(c *Config) { c.PublicURL, c.Port = "", 0 }, "gives them no public address", "--public-url"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startSSHD(t, c.setting)
			cfg := throughSSHD(t, s, unusedPort(t))
			if c.change != nil {
				c.change(&cfg)
			}
			_, err := Open(t.Context(), cfg)
			var refused *ProviderError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTheAgentsKeysLetUsIn(t *testing.T) {
	program, err := exec.LookPath("ssh-agent")
	if err != nil {
		t.Skip("ssh-agent is missing: apt-get install openssh-client")
	}
	s := startSSHD(t)
	dir, err := os.MkdirTemp("", "agent") // the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cfg := throughSSHD(t, s, unusedPort(t))
	cfg.SSHHome, cfg.SSHAgent = "", filepath.Join(dir, "s")
	agent := exec.Command(program, "-D", "-a", cfg.SSHAgent)
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
		cmd.Env = []string{"SSH_AUTH_SOCK=" + cfg.SSHAgent, "PATH=" + os.Getenv("PATH")}
		return cmd.Run()
	}
	ctx := patience(t)
	for err := add(); err != nil; err = add() {
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	openFake(t, cfg)
}

// TestOpenSSHIsKilledAndRestartedUnderAKeeper: what is posted afterwards
// arrives, at the address that the Keeper tells.
func TestOpenSSHIsKilledAndRestartedUnderAKeeper(t *testing.T) {
	s := startSSHD(t)
	w := keepTunnel(t, throughSSHD(t, s, unusedPort(t)), client(t), quick)
	before := w.k.Status().URL
	w.mustPost(before, 500, "before")
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	w.until("away", is(StateAway))
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	now := w.until("up again", is(StateUp))
	if now.URL != before {
		t.Errorf("%s, then %s", before, now.URL)
	}
	w.mustPost(now.URL, 500, "after")
}

func TestADoctorOfAnSSHD(t *testing.T) {
	for _, c := range []struct {
		name, setting    string
		change           func(*testing.T, *Config, *sshtest.Daemon)
		want, says, hint string
	}{
		{"well", "", nil, "tunnel reach trust protocol session address round trip", "", ""},
		{"down", "", func(t *testing.T, _ *Config, d *sshtest.Daemon) {
			if err := d.Kill(); err != nil {
				t.Fatal(err)
			}
		}, "tunnel reach!", "cannot be reached at 127.0.0.1:", "check the network"},
		{"another host key", "", func(t *testing.T, c *Config, d *sshtest.Daemon) {
			openFake(t, *c).Close()
			if err := errors.Join(d.Kill(), d.NewHostKey(), d.Start()); err != nil {
				t.Fatal(err)
			}
		}, "tunnel reach trust!", "another than before", "remove the line of"},
		{"the key is refused", "", func(_ *testing.T, c *Config, _ *sshtest.Daemon) { c.SSHHome = "" }, "tunnel reach trust session!", "permission denied", "ssh-add"},
		{"forwarding is refused", "AllowTcpForwarding no", nil, "tunnel reach trust protocol session!", "it does not forward 127.0.0.1:", "AllowTcpForwarding"},
		{"no address", "", func(_ *testing.T, c *Config, _ *sshtest.Daemon) { c.PublicURL, c.Port = "", 0 }, "tunnel reach trust protocol session!", "no public address", "--public-url"},
		{"the address leads elsewhere", "", func(t *testing.T, c *Config, _ *sshtest.Daemon) {
			c.PublicURL = "http://127.0.0.1:" + strconv.Itoa(unusedPort(t))
		}, "tunnel reach trust protocol session address round trip!", "cannot be reached from here", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := startSSHD(t, c.setting)
			cfg := throughSSHD(t, d, unusedPort(t))
			if c.change != nil {
				c.change(t, &cfg, d)
			}
			asker := client(t)
			if strings.HasSuffix(c.want, "round trip!") {
				runOut(t, &cfg, closed(answered(asker, 2)))
			}
			wantSteps(t, Diagnose(t.Context(), cfg, asker), c.want, c.says, c.hint)
		})
	}
}
