package cli_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	cloudflaredtest "github.com/hf-tap/hf-tap/internal/testserver/cloudflared"
	edgetest "github.com/hf-tap/hf-tap/internal/testserver/edge"
	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
)

// outside is a proxy that knows the world: which name leads to which address on
// this machine. What it does not know, it refuses.
type outside struct {
	t     *testing.T
	ln    net.Listener
	leads func(name string) string // host:port to host:port, "" for nobody
	wg    sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

// reachThrough makes the machine reach the world by a proxy until the test ends.
func (w *world) reachThrough(leads func(string) string) {
	w.t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	o := &outside{t: w.t, ln: ln, leads: leads}
	o.wg.Go(o.accept)
	w.t.Cleanup(func() {
		_ = ln.Close()
		o.mu.Lock()
		for _, c := range o.conns {
			_ = c.Close()
		}
		o.mu.Unlock()
		o.wg.Wait()
	})
	w.env = append(w.env, "HTTPS_PROXY=http://"+ln.Addr().String())
}

func (o *outside) accept() {
	for {
		conn, err := o.ln.Accept()
		if err != nil {
			return
		}
		o.mu.Lock()
		o.conns = append(o.conns, conn)
		o.mu.Unlock()
		o.wg.Go(func() {
			defer conn.Close()
			o.serve(conn)
		})
	}
}

func (o *outside) serve(conn net.Conn) {
	from := bufio.NewReader(conn)
	req, err := http.ReadRequest(from)
	if err != nil {
		return
	}
	to := o.leads(req.Host)
	if req.Method != http.MethodConnect || to == "" {
		_, _ = io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		return
	}
	there, err := net.Dial("tcp4", to)
	if err != nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	var copying sync.WaitGroup
	for _, way := range []func(){func() { _, _ = io.Copy(there, from) }, func() { _, _ = io.Copy(conn, there) }} {
		copying.Go(func() {
			way()
			_ = there.Close()
			_ = conn.Close()
		})
	}
	copying.Wait()
}

// publicEdge starts the public end of a service.
func publicEdge(t *testing.T, dial edgetest.Dial) (e *edgetest.Edge, ca string) {
	t.Helper()
	e, err := edgetest.Start("127.0.0.1:0", dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	ca = filepath.Join(t.TempDir(), "edge.pem")
	if err := os.WriteFile(ca, e.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return e, ca
}

// examined runs the doctor, and checks what it says: which check failed, "" for
// none, in which words, and what to do about it. The checks that have to be well
// are named.
func (w *world) examined(failed, says, hint string, well []string, args ...string) {
	w.t.Helper()
	code := 0
	if failed != "" {
		code = 1
	}
	p := w.run(code, append([]string{"doctor", "--json"}, args...)...)
	var found []struct{ Check, Status, Detail, Hint string }
	if err := json.Unmarshal([]byte(p.stdout.text()), &found); err != nil {
		w.t.Fatalf("%v: %s", err, p.stdout.text())
	}
	is, last := map[string]string{}, found[len(found)-1]
	for _, f := range found {
		is[f.Check] = f.Status
	}
	for _, check := range well {
		if is[check] != "ok" {
			w.t.Errorf("%s is %q", check, is[check])
		}
	}
	if failed != "" && (last.Check != failed || last.Status != "failed" || !strings.Contains(last.Detail, says) || !strings.Contains(last.Hint, hint)) {
		w.t.Errorf("%s %s: %q; to do: %q", last.Check, last.Status, last.Detail, last.Hint)
	}
	if w.t.Failed() {
		w.t.Log(p.stdout.text())
	}
	if n := w.CallCount("POST /api/settings/webhooks"); n != 0 {
		w.t.Errorf("%d webhooks were made", n)
	}
}

func TestDoctorOfAServiceBySSHBehindAProxy(t *testing.T) {
	words := sshtest.Words("localhost.run")
	for name, c := range map[string]struct {
		faults     sshtest.Faults
		closed     bool // the proxy lets nobody through to port 22
		failed     string
		says, hint string
		well       []string
	}{
		"well":              {sshtest.Faults{Announce: words}, false, "", "", "", []string{"tunnel", "proxy", "trust", "protocol", "session", "address", "round trip"}},
		"closed port":       {sshtest.Faults{Announce: words}, true, "proxy", "localhost.run:22", "a tunnel that works on port 443: --tunnel ngrok, pinggy, serveo", []string{"tunnel"}},
		"key is refused":    {sshtest.Faults{Refuse: true}, false, "session", "permission denied", "closed to guests", []string{"trust"}},
		"no announcement":   {sshtest.Faults{EndAfter: true}, false, "session", "it ended the session", "another tunnel: --tunnel", []string{"protocol"}},
		"words instead":     {sshtest.Faults{EndAfter: true, Announce: func(string) string { return "no more tunnels today\n" }}, false, "session", "no more tunnels today", "another tunnel: --tunnel", []string{"protocol"}},
		"another's address": {sshtest.Faults{EndAfter: true, Announce: sshtest.Words("serveo")}, false, "session", "refuses: Forwarding HTTP traffic", "another tunnel: --tunnel", []string{"protocol"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s, err := sshtest.StartService(c.faults)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			e, ca := publicEdge(t, s.Dial)
			w.reachThrough(func(name string) string {
				switch {
				case name == "localhost.run:22" && !c.closed:
					return s.Addr()
				case strings.HasSuffix(name, ".lhr.life:443"):
					return e.Addr()
				}
				return ""
			})
			w.examined(c.failed, c.says, c.hint, c.well, "--tunnel", "localhost.run", "--ca", ca)
			if err := s.Idle(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDoctorOfCloudflared(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a link to this binary under the program's name")
	}
	for _, c := range []struct {
		how        cloudflaredtest.Behaviour
		failed     string
		says, hint string
		well       []string
	}{
		{cloudflaredtest.Well, "", "", "", []string{"tunnel", "program", "session", "address", "round trip"}},
		{cloudflaredtest.Limited, "session", "429 Too Many Requests", "wait some minutes", []string{"program"}},
		{cloudflaredtest.Unready, "session", "no address and connection within", "a firewall may block it", []string{"program"}},
		{"missing", "program", "cloudflared is not installed", "install cloudflared", []string{"tunnel"}},
	} {
		t.Run(string(c.how), func(t *testing.T) {
			t.Parallel() // one waits for its time to run out
			w := newWorld(t)
			cloudflare, err := cloudflaredtest.Start()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := cloudflare.Close(); err != nil {
					t.Error(err)
				}
			})
			e, ca := publicEdge(t, cloudflare.Dial)
			w.reachThrough(func(name string) string {
				if strings.HasSuffix(name, ".trycloudflare.com:443") {
					return e.Addr()
				}
				return ""
			})
			bin := t.TempDir()
			if c.how != "missing" {
				self, err := os.Executable()
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(self, filepath.Join(bin, "cloudflared")); err != nil {
					t.Fatal(err)
				}
			}
			w.env = append(append(w.env, "PATH="+bin), cloudflare.Env(c.how)...) // of two, the last one counts
			w.examined(c.failed, c.says, c.hint, c.well, "--tunnel", "cloudflared", "--ca", ca)
		})
	}
}
