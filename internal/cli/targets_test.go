package cli_test

import (
	"bufio"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
)

func TestAReplayHasNoHeadersOfTheFirstConnection(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	p := w.start(listenArgs("--forward", a.port)...)
	url := p.ready()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"X-Webhook-Secret": strings.TrimSpace(w.run(0, "secret").stdout.text()), "X-Kept": "1",
		"Proxy-Authorization": "Basic eA==", "Proxy-Connection": "keep-alive", "Keep-Alive": "timeout=5", "Connection": "X-Hop", "X-Hop": "1",
	} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	w.run(0, "events", "replay", "1") // through the live session
	p.signal(os.Interrupt)
	p.ends(0)
	w.run(0, "events", "replay", "1") // by one of its own
	for _, n := range []string{"2", "3"} {
		shown := w.run(0, "events", "show", n, "--json").stdout.text()
		for _, name := range []string{"Proxy-Authorization", "Proxy-Connection", "Keep-Alive", "X-Hop"} {
			if strings.Contains(shown, `"`+name+`"`) {
				t.Errorf("the replay #%s has %s: %s", n, name, shown)
			}
		}
		if !strings.Contains(shown, `["X-Kept","1"]`) {
			t.Errorf("the replay #%s lacks a header: %s", n, shown)
		}
	}
}

// plainProxy is what HTTP_PROXY names until the test ends. It counts what comes.
func (w *world) plainProxy() *atomic.Int64 {
	w.t.Helper()
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		rw.WriteHeader(http.StatusTeapot)
	}))
	w.t.Cleanup(proxy.Close)
	w.env = append(w.env, "HTTP_PROXY="+proxy.URL, "ALL_PROXY="+proxy.URL, "HTTPS_PROXY="+proxy.URL)
	return &asked
}

func TestThisMachineIsReachedWithoutAProxyInEverySpelling(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	asked := w.plainProxy()
	var args []string
	for _, host := range []string{"127.0.0.1", "localhost.", "app.localhost", "0.0.0.0", "127.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"} {
		args = append(args, "--forward", "http://"+host+":"+a.port+"/"+host)
	}
	w.examined("", "", "", []string{"target"}, append([]string{"--tunnel", "loopback"}, args...)...)
	p := w.start(listenArgs(append(args, "--count", "1", "--json")...)...)
	p.ready()
	w.happen("repo.update")
	p.ends(0)
	for _, attempt := range p.events()[0].Attempts {
		if attempt.Status != 200 {
			t.Errorf("%s: %d %s", attempt.Target, attempt.Status, attempt.Error)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests went to the proxy", n)
	}
}

func TestOtherMachinesAreReachedThroughTheProxy(t *testing.T) {
	w := newWorld(t)
	asked := w.plainProxy()
	p := w.start(listenArgs("--forward", "app.example:80", "--count", "1", "--json")...)
	p.ready()
	w.happen("repo.update")
	p.ends(0)
	if e := p.events()[0]; e.Attempts[0].Status != http.StatusTeapot || asked.Load() != 1 {
		t.Errorf("%d requests went to the proxy: %+v", asked.Load(), e)
	}
	if out := w.run(0, "doctor", "--tunnel", "loopback", "--forward", "app.example:80").stdout.text(); !strings.Contains(out, "http://app.example:80 is unverified: the proxy http://127.0.0.1:") {
		t.Errorf("the doctor says %s", out)
	}
}

func TestAnHTTPSTargetMayHaveACertificateOfItsOwn(t *testing.T) {
	w := newWorld(t)
	var got atomic.Int64
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // not what the doctor asks
			got.Add(1)
		}
	}))
	app.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are refused
	app.StartTLS()
	t.Cleanup(app.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: app.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	w.examined("target", "certificate signed by unknown authority", "--ca FILE", nil, "--tunnel", "loopback", "--forward", app.URL)
	w.examined("", "", "", []string{"target"}, "--tunnel", "loopback", "--forward", app.URL, "--ca", ca)
	bare := newApp(t, "127.0.0.1:0")
	w.examined("target", "does not speak TLS", "--forward http://127.0.0.1:"+bare.port, nil, "--tunnel", "loopback", "--forward", "https://127.0.0.1:"+bare.port)
	p := w.start(listenArgs("--forward", app.URL, "--count", "2", "--ca", ca)...)
	p.ready()
	w.happen("repo.update")
	p.wait(p.stdout, " 200 in ")
	w.run(0, "events", "replay", "1")
	p.ends(0)
	w.run(0, "events", "replay", "1", "--ca", ca, "--fail-on-error")
	w.run(4, "events", "replay", "1", "--fail-on-error")
	if got.Load() != 3 {
		t.Errorf("the target got %d events", got.Load())
	}
}

// beTheIPv6App is the variable that makes this test's binary an app that listens on
// ::1 only.
const beTheIPv6App = "HF_TAP_TEST_BE_THE_IPV6_APP"

// ipv6App is a target at a port of ::1, where nobody listens on 127.0.0.1.
func ipv6App(t *testing.T) (port string) {
	t.Helper()
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		peertest.Missing(t, "IPv6: "+err.Error())
	}
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	app.Listener.Close()
	app.Listener = ln
	app.Start()
	t.Cleanup(app.Close)
	return port
}

func TestAPortAloneIsFoundAtIPv6Too(t *testing.T) {
	w := newWorld(t)
	port := ipv6App(t)
	w.examined("", "", "", []string{"target"}, "--tunnel", "loopback", "--forward", port)
	if out := w.run(0, "doctor", "--tunnel", "loopback", "--forward", port).stdout.text(); !strings.Contains(out, port+" takes connections at ::1") {
		t.Errorf("the doctor says %s", out)
	}
	p := w.start(listenArgs("--forward", port, "--count", "2", "--json")...)
	p.ready()
	w.happen("repo.update")
	w.happen("repo.update")
	p.ends(0)
	for _, e := range p.events() {
		if len(e.Attempts) != 1 || e.Attempts[0].Status != 200 {
			t.Errorf("recorded as %+v", e)
		}
	}
	// As the app of the session, which is given the port.
	w.env = append(w.env, beTheIPv6App+"=1")
	app := w.start(listenArgs("--count", "1", "--json", "--", os.Args[0])...)
	app.ready()
	w.happen("repo.update")
	app.ends(0)
	if e := app.events()[0]; e.Attempts[0].Status != 200 {
		t.Errorf("recorded as %+v", e)
	}
	// By its former target; a proxy that makes no sense does not matter here.
	w.env = append(w.env, "HTTP_PROXY=:not a proxy:")
	if out := w.run(0, "events", "replay", "1", "--fail-on-error").stdout.text(); !strings.Contains(out, "200 in") {
		t.Errorf("the replay says %s", out)
	}
}

func TestWhatLibrariesPrintGoesToTheLog(t *testing.T) {
	w := newWorld(t)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { ln.Close() })
	serving.Go(func() { // a server that sends a body behind a 204
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				io.WriteString(conn, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello")
				io.Copy(io.Discard, conn)
			})
		}
	})
	p := w.start(listenArgs("--forward", ln.Addr().String())...)
	p.ready()
	w.happen("repo.update")
	p.wait(p.stdout, " 204 in ")
	waitFor(t, w, func() bool {
		log, err := os.ReadFile(filepath.Join(w.state, "hf-tap.log"))
		return err == nil && strings.Contains(string(log), "Unsolicited response received")
	})
	p.signal(os.Interrupt)
	p.ends(0)
	if s := p.stderr.text(); strings.Contains(s, "Unsolicited") {
		t.Errorf("it says %s", s)
	}
}

func TestAnErrorInAnAnswerOf2xxIsMarkedAndSaidOnce(t *testing.T) {
	w := newWorld(t)
	app := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		io.WriteString(rw, `[{"error":"incorrect\u001b[2J secret"},400]`)
	}))
	t.Cleanup(app.Close)
	p := w.start(listenArgs("--forward", app.URL, "--count", "2", "--fail-on-error")...)
	p.ready()
	w.happen("repo.update")
	w.happen("repo.update")
	p.ends(0) // it is no failure
	out := p.stdout.text()
	if n := strings.Count(out, ", ERROR IN BODY: incorrect"); n != 2 {
		t.Errorf("%d rows are marked:\n%s", n, out)
	}
	if n := strings.Count(out, "error in 2xx: it answered 200, and the body is an error: incorrect"); n != 1 || strings.Contains(out, "\x1b") {
		t.Errorf("it is said %d times:\n%q", n, out)
	}
	if s := w.run(0, "events", "ls", "--json", "-n", "1").stdout.text(); !strings.Contains(s, `"body_error":"incorrect`) {
		t.Errorf("the JSON is %s", s)
	}
	if s := w.run(0, "events", "ls").stdout.text(); strings.Count(s, ", ERROR IN BODY: incorrect") != 2 {
		t.Errorf("the list is %s", s)
	}
	if s := w.run(0, "events", "show", "1").stdout.text(); !strings.Contains(s, "\nERROR IN BODY: incorrect") {
		t.Errorf("the event is %s", s)
	}
}
