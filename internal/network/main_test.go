package network_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/internal/network"
)

// system is a CA that this process takes for one of the system's, on Linux.
var system authority

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "network")
	if err != nil {
		panic(err)
	}
	system = makeAuthority(filepath.Join(dir, "system.pem"))
	os.Setenv("SSL_CERT_FILE", system.file)
	os.Setenv("SSL_CERT_DIR", filepath.Join(dir, "none"))
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		os.RemoveAll(dir)
		os.Exit(status)
	}))
}

// patience is how long a test waits for what has to happen before it gives up.
const patience = time.Minute

// serve runs handle for each connection to a loopback port until the test ends,
// and returns the port's address. A connection is closed when handle returns.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			wg.Go(func() {
				handle(conn)
				conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for conn := range open {
			conn.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// echo is a server that sends back in capitals what it gets, up to its end.
func echo(t *testing.T) string {
	return serve(t, func(conn net.Conn) {
		b, _ := io.ReadAll(conn)
		conn.Write([]byte(strings.ToUpper(string(b))))
	})
}

// asked collects what a proxy was asked for.
type asked struct {
	mu    sync.Mutex
	lines []string
}

func (a *asked) add(line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lines = append(a.lines, line)
}

func (a *asked) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.lines, "; ")
}

// connectProxy is a proxy for CONNECT and for requests to http:// addresses: it
// leads all to target. With a password, "user:password", it wants that one.
type connectProxy struct {
	target   string
	password string
	greeting string // sent in one packet with the answer
	asked    asked
}

func (p *connectProxy) handle(conn net.Conn) {
	r := bufio.NewReader(conn)
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	p.asked.add(req.Method + " " + req.RequestURI)
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.password))
	if p.password != "" && req.Header.Get("Proxy-Authorization") != want {
		io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"corp\"\r\nContent-Length: 0\r\n\r\n")
		return
	}
	if req.Method != http.MethodConnect {
		p.pass(conn, req)
		return
	}
	out, err := net.Dial("tcp", p.target)
	if err != nil {
		io.WriteString(conn, "HTTP/1.1 502 nobody there\r\n\r\n")
		return
	}
	defer out.Close()
	io.WriteString(conn, "HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n"+p.greeting)
	join(conn, out)
}

// join carries bytes both ways until both are done.
func join(a, b net.Conn) {
	var wg sync.WaitGroup
	carry := func(to, from net.Conn) func() {
		return func() {
			io.Copy(to, from)
			to.(interface{ CloseWrite() error }).CloseWrite()
		}
	}
	wg.Go(carry(a, b))
	wg.Go(carry(b, a))
	wg.Wait()
}

// pass hands a request for an http:// address on, and its answer back.
func (p *connectProxy) pass(conn net.Conn, req *http.Request) {
	req.URL.Host, req.RequestURI, req.Close = p.target, "", true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		io.WriteString(conn, "HTTP/1.1 502 nobody there\r\nContent-Length: 0\r\n\r\n")
		return
	}
	defer resp.Body.Close()
	resp.Close = true
	resp.Write(conn)
}

// environment makes Config.Getenv of NAME=value.
func environment(pairs ...string) func(string) string {
	values := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	return func(name string) string { return values[name] }
}

func open(t *testing.T, pairs ...string) *network.Network {
	t.Helper()
	n, err := network.New(network.Config{Getenv: environment(pairs...)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// says sends text over a new connection to address and gives what comes back.
func says(t *testing.T, n *network.Network, address, text string) string {
	t.Helper()
	conn, err := n.DialContext(within(t), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fails dials and gives the error that has to come.
func fails(t *testing.T, n *network.Network, address string) error {
	t.Helper()
	conn, err := n.DialContext(within(t), "tcp", address)
	if err == nil {
		conn.Close()
		t.Fatalf("connected to %s", address)
	}
	return err
}
