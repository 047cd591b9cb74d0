//go:build unix

package tunnel

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshd is Debian's OpenSSH server with a configuration of its own on a high
// loopback port, which lets one key in.
type sshd struct {
	t       testing.TB
	dir     string
	program string
	port    int
	user    string
	cmd     *exec.Cmd
	log     *safeBuffer
}

// safeBuffer keeps what a program writes.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// startSSHD starts one. Settings are lines of sshd_config.
func startSSHD(t testing.TB, settings ...string) *sshd {
	t.Helper()
	program, err := exec.LookPath("sshd")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/sshd")
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("sshd is missing: apt-get install openssh-server")
		}
		t.Skip("sshd is missing: apt-get install openssh-server")
	}
	if os.Getuid() == 0 {
		_ = os.MkdirAll("/run/sshd", 0o755) // where it goes without rights, as root only
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &sshd{t: t, dir: t.TempDir(), program: program, user: me.Username, log: &safeBuffer{}, port: unusedPort(t)}
	writeKey(t, s.dir, "host")
	client := writeKey(t, s.dir, "client")
	s.write("authorized", string(ssh.MarshalAuthorizedKey(client.PublicKey())))
	s.write("config", strings.Join(append([]string{
		"ListenAddress 127.0.0.1:" + strconv.Itoa(s.port), "HostKey " + s.dir + "/host", "AuthorizedKeysFile " + s.dir + "/authorized",
		"PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes", "LogLevel VERBOSE",
	}, settings...), "\n")+"\n")
	s.start()
	t.Cleanup(s.kill)
	return s
}

func unusedPort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

func (s *sshd) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// start runs the server, and waits until it listens.
func (s *sshd) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.program, "-D", "-e", "-f", filepath.Join(s.dir, "config"))
	s.cmd.Stderr = s.log
	s.cmd.SysProcAttr = groupAttributes()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ctx := patience(s.t)
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp4", s.addr())
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("sshd does not listen: %s", s.log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// kill ends the server with all its sessions, as a power cut does.
func (s *sshd) kill() {
	if s.cmd == nil {
		return
	}
	group, err := newProcessGroup(s.cmd.Process)
	if err != nil {
		s.t.Error(err)
	}
	sessions := children(s.cmd.Process.Pid)
	group.kill()
	for _, pid := range sessions {
		if p, err := os.FindProcess(pid); err == nil { // each has a group of its own
			_ = p.Kill()
		}
	}
	_ = s.cmd.Wait()
	s.cmd = nil
}

// children gives the processes that a process has started, and those that they
// have.
func children(pid int) (all []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 2 || string(fields[1]) != strconv.Itoa(pid) {
			continue
		}
		if child, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			all = append(append(all, child), children(child)...)
		}
	}
	return all
}

func (s *sshd) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// settings lead to the server, by the user's own key. The public URL stands for
// a web server of the user's, in front of the port there: here it is the port.
func (s *sshd) settings(port int) Config {
	home := filepath.Join(s.dir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		s.t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(s.dir, "client"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("home/id_ed25519", string(key))
	return Config{
		Provider: fmt.Sprintf("ssh://%s@%s", s.user, s.addr()), HubURL: hubURL, PublicURL: "http://127.0.0.1:" + strconv.Itoa(port), Port: port,
		SSHKeyFile: filepath.Join(s.dir, "ours"), KnownHosts: filepath.Join(s.dir, "known_hosts"), SSHHome: home,
		Beat: 5 * time.Second, Within: 10 * time.Second,
	}
}

func TestAThousandBodiesComeThroughOpenSSH(t *testing.T) {
	for _, setting := range []string{"GatewayPorts no", "GatewayPorts yes", "GatewayPorts clientspecified"} {
		t.Run(setting, func(t *testing.T) {
			s := startSSHD(t, setting)
			tun := openFake(t, s.settings(unusedPort(t)))
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
	cfg := s.settings(0)
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
			cfg := s.settings(unusedPort(t))
			if c.change != nil {
				c.change(&cfg)
			}
			_, err := Open(t.Context(), cfg)
			var refused *ProviderError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || !strings.Contains(Hint(err), c.hint) {
				t.Errorf("%v; %s", err, Hint(err))
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
	cfg := s.settings(unusedPort(t))
	cfg.SSHHome, cfg.SSHAgent = "", filepath.Join(dir, "s")
	agent := exec.Command(program, "-D", "-a", cfg.SSHAgent)
	agent.SysProcAttr = groupAttributes()
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = agent.Process.Kill(); _ = agent.Wait() }()
	add := func() error {
		cmd := exec.Command("ssh-add", filepath.Join(s.dir, "client"))
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
	w := keepTunnel(t, s.settings(unusedPort(t)), client(t), quick)
	before := w.k.Status().URL
	w.mustPost(before, 500, "before")
	s.kill()
	w.until("away", is(Away))
	s.start()
	now := w.until("up again", is(Up))
	if now.URL != before {
		t.Errorf("%s, then %s", before, now.URL)
	}
	w.mustPost(now.URL, 500, "after")
}
