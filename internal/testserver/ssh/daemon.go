//go:build unix

package ssh

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
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
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// ErrMissing says that this machine has no sshd.
var ErrMissing = errors.New("sshd is missing: apt-get install openssh-server")

// startTime is how long sshd has to listen.
const startTime = 30 * time.Second

// Daemon is OpenSSH's server on a loopback port. Its own configuration accepts one
// key.
type Daemon struct {
	dir     string
	program string
	port    int
	user    string
	log     daemonLog

	cmd  *exec.Cmd // nil while it does not run
	over chan struct{}
}

// StartDaemon starts one, which keeps its files in a folder of the test's.
// Settings are lines of sshd_config. The error wraps ErrMissing where there is
// none.
func StartDaemon(dir string, settings ...string) (*Daemon, error) {
	program, err := exec.LookPath("sshd")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/sshd")
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrMissing, err)
	}
	if os.Getuid() == 0 {
		_ = os.MkdirAll("/run/sshd", 0o755) // where it goes without rights, as root only
	}
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("whose sshd it is: %w", err)
	}
	d := &Daemon{dir: dir, program: program, user: me.Username, log: daemonLog{changed: make(chan struct{})}}
	for range 3 {
		if err = d.prepare(settings); err != nil {
			return nil, err
		}
		if err = d.Start(); err == nil || !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	return d, err
}

// prepare makes keys and the configuration.
func (d *Daemon) prepare(settings []string) (err error) {
	if d.port, err = FreePort(); err != nil {
		return err
	}
	if err := os.MkdirAll(d.Home(), 0o700); err != nil {
		return fmt.Errorf("prepare sshd: %w", err)
	}
	if err := d.NewHostKey(); err != nil {
		return err
	}
	client, err := d.writeKey(filepath.Join("home", "id_ed25519"))
	if err != nil {
		return err
	}
	config := append([]string{
		"ListenAddress 127.0.0.1:" + strconv.Itoa(d.port), "HostKey " + d.dir + "/host", "AuthorizedKeysFile " + d.dir + "/authorized",
		"PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes", "LogLevel VERBOSE",
	}, settings...)
	return errors.Join(
		os.WriteFile(filepath.Join(d.dir, "authorized"), ssh.MarshalAuthorizedKey(client), 0o600),
		os.WriteFile(d.config(), []byte(strings.Join(config, "\n")+"\n"), 0o600))
}

func (d *Daemon) config() string { return filepath.Join(d.dir, "config") }

// writeKey makes a key, and gives its public half.
func (d *Daemon) writeKey(name string) (ssh.PublicKey, error) {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, "sshtest")
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if err := os.WriteFile(filepath.Join(d.dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, fmt.Errorf("keep a key: %w", err)
	}
	return ssh.NewPublicKey(public)
}

// NewHostKey gives it another host key, which it shows after the next Start.
func (d *Daemon) NewHostKey() error {
	_, err := d.writeKey("host")
	return err
}

// Addr is where it listens, as host:port. It stays.
func (d *Daemon) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.port)) }

// URL is the server as --tunnel takes it: ssh://user@host:port.
func (d *Daemon) URL() string { return "ssh://" + d.user + "@" + d.Addr() }

// Home is a folder with the one key that is let in, id_ed25519, as ~/.ssh has
// it.
func (d *Daemon) Home() string { return filepath.Join(d.dir, "home") }

// Log is what it wrote so far.
func (d *Daemon) Log() string {
	said, _ := d.log.now()
	return said
}

// Start runs it, where and as it was before, and returns when it listens.
func (d *Daemon) Start() error {
	cmd := exec.Command(d.program, "-D", "-e", "-f", d.config())
	cmd.Stderr = &d.log
	cmd.SysProcAttr = ownGroup()
	cmd.WaitDelay = 5 * time.Second // for what a killed server's sessions still hold
	before := len(d.Log())
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start sshd: %w", err)
	}
	d.cmd, d.over = cmd, make(chan struct{})
	go func(over chan struct{}) {
		defer close(over) // Kill waits for it
		_ = cmd.Wait()
	}(d.over)
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	// Its own word, and not that somebody answers at the port: another program
	// may have it.
	for {
		said, more := d.log.now()
		if strings.Contains(said[before:], "Server listening on 127.0.0.1 port "+strconv.Itoa(d.port)) {
			return nil
		}
		select {
		case <-more:
			continue
		case <-d.over:
			d.cmd = nil
		case <-ctx.Done():
			_ = d.Kill()
		}
		return fmt.Errorf("sshd does not listen: %s", d.Log()[before:])
	}
}

// Kill ends the server with all its sessions, as a power cut does, and waits
// for their end. Without a running server it does nothing.
func (d *Daemon) Kill() error {
	if d.cmd == nil {
		return nil
	}
	pid := d.cmd.Process.Pid
	_ = unix.Kill(pid, unix.SIGSTOP) // keeps it from starting more of them
	sessions := children(pid)
	err := unix.Kill(-pid, unix.SIGKILL)
	for _, session := range sessions {
		_ = unix.Kill(session, unix.SIGKILL) // each has a group of its own
	}
	<-d.over
	d.cmd = nil
	if err != nil {
		return fmt.Errorf("kill sshd: %w", err)
	}
	return nil
}

// Sessions is how many processes serve clients now.
func (d *Daemon) Sessions() int {
	if d.cmd == nil {
		return 0
	}
	return len(children(d.cmd.Process.Pid))
}

// children returns the processes that a process has started, and those that they
// have.
func children(pid int) []int {
	family := []int{pid}
	parents := parents()
	for i := 0; i < len(family); i++ {
		for child, parent := range parents {
			if parent == family[i] {
				family = append(family, child)
			}
		}
	}
	return family[1:]
}

// parents returns each process's parent: from /proc, or where there is none, by
// ps.
func parents() map[int]int {
	all := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil || len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			all[child] = parent
		}
	}
	if len(all) > 0 {
		return all
	}
	listed, _ := exec.Command("ps", "-axo", "pid=,ppid=").Output() // without it, none is known
	for line := range strings.Lines(string(listed)) {
		var child, parent int
		if _, err := fmt.Sscan(line, &child, &parent); err == nil {
			all[child] = parent
		}
	}
	return all
}

// daemonLog keeps what a program writes.
type daemonLog struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed and made anew at each write
}

// Write keeps p.
func (l *daemonLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.buf.Write(p)
}

// now returns what was written so far, and what is closed when there is more.
func (l *daemonLog) now() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String(), l.changed
}
