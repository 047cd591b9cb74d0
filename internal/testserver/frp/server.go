// Package frp is a share server on loopback, for tests. It has what gradio's fork of
// frp adds to frp. It has the look-up, makes an address of each name, ends sessions
// by Kill, and lets a session with the run id of another take its place. An address
// is a port on loopback of its own, which stays when the session ends and answers 404
// then.
//
// It can be made to fail in the ways that a server and the network between
// fail: see Faults, which can be changed at any moment.
package frp

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// Config configures a Server. The zero value is like gradio's.
type Config struct {
	Plain bool   // it speaks without TLS
	Token string // that clients have to know
	Own   bool   // it is frp itself: it gives the name back as it was, and knows no Kill
}

// Faults are ways to fail.
type Faults struct {
	Certificate  Certificate
	RefuseConns  bool   // close connections at once
	HangConns    bool   // accept connections, wait for the client's first byte, and say nothing
	HangLogin    bool   // answer no login
	DropAtLogin  bool   // close the connection in place of an answer to a login
	DropAtProxy  bool   // the same when an address is asked for
	KillAtLogin  bool   // send Kill right after the answer to a login
	GarbageConn  []byte // sent in place of everything, before TLS
	GarbageMux   []byte // sent in place of yamux, after TLS
	GarbageLogin []byte // sent in place of the answer to a login
	LoginError   string // the answer to a login
	ProxyError   string // the answer to a question for an address
	Announce     *string
	Deaf         bool // answer no ping
	PongError    string
	OpenStreams  bool // open streams to the client after the login
	GarbageWork  []byte
	HideClients  bool // do not pass on the addresses of public clients
	LookupStatus int
	LookupBody   *string
	LookupHang   bool
}

// Counts counts what has happened so far.
type Counts struct {
	Lookups  int
	Conns    int // connections of clients, whatever became of them
	Logins   int // that were granted
	Refused  int // logins and addresses that were refused
	Hung     int // clients that wait for an answer that does not come, to their first byte or to a login
	Given    int // addresses that were given, to all clients
	Replaced int // sessions whose place was taken by another with the same run id
	Ended    int // granted logins that have ended
	Pings    int
	Public   int // connections to addresses
}

// Live is how many sessions there are now.
func (c Counts) Live() int { return c.Logins - c.Ended }

// Server is a running server. Its methods may be called from any goroutine.
type Server struct {
	cfg    Config
	ca     *authority
	lookup *http.Server
	url    string
	addr   string
	wg     sync.WaitGroup
	end    chan struct{} // closed by Close

	mu       sync.Mutex
	changed  chan struct{} // closed and made anew at each change
	faults   Faults
	counts   Counts
	ln       net.Listener // nil while stopped
	conns    map[io.Closer]struct{}
	controls map[string]*control // by run id
	names    map[string]*address // by label
	closed   bool
}

// Start starts a server and its look-up on free loopback ports.
func Start(cfg Config) (*Server, error) {
	ca, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("make the server's certificates: %w", err)
	}
	s := &Server{
		cfg: cfg, ca: ca, end: make(chan struct{}), changed: make(chan struct{}),
		conns: map[io.Closer]struct{}{}, controls: map[string]*control{}, names: map[string]*address{},
	}
	clients, err := porttest.Listen()
	if err != nil {
		return nil, err
	}
	s.addr = clients.Addr().String()
	s.listen(clients)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("listen for look-ups: %w", err)
	}
	s.url = "http://" + ln.Addr().String() + "/v3/tunnel-request"
	s.lookup = &http.Server{Handler: http.HandlerFunc(s.answerLookup), ReadHeaderTimeout: 10 * time.Second}
	s.wg.Go(func() { _ = s.lookup.Serve(ln) })
	return s, nil
}

// Addr is where clients connect to, as host:port.
func (s *Server) Addr() string { return s.addr }

// Lookup is the URL that names the server and its authority.
func (s *Server) Lookup() string { return s.url }

// CA is a pool with the server's authority, whose certificate CAPEM is.
func (s *Server) CA() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.ca.cert)
	return pool
}

// CAPEM is the certificate of the server's authority.
func (s *Server) CAPEM() []byte { return slices.Clone(s.ca.pem) }

// Set changes the faults.
func (s *Server) Set(change func(*Faults)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.faults)
}

// Counts returns what has happened so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Wait returns when what has happened fits, or with the error of ctx.
func (s *Server) Wait(ctx context.Context, fits func(Counts) bool) error {
	for {
		s.mu.Lock()
		counts, changed := s.counts, s.changed
		s.mu.Unlock()
		if fits(counts) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w with %+v", ctx.Err(), counts)
		case <-changed:
		}
	}
}

// Kill sends Kill to all clients, as gradio's server does after 72 hours.
func (s *Server) Kill() {
	s.mu.Lock()
	controls := slices.Collect(maps.Values(s.controls))
	s.mu.Unlock()
	for _, c := range controls {
		c.kill()
	}
}

// Drop ends all connections of clients.
func (s *Server) Drop() {
	s.mu.Lock()
	open := make([]io.Closer, 0, len(s.conns))
	for c := range s.conns {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

// Stop is what a server that is killed looks like: all connections end, and
// none can be made.
func (s *Server) Stop() {
	s.mu.Lock()
	ln := s.ln
	s.ln = nil
	s.mu.Unlock()
	if ln != nil {
		_ = ln.Close()
	}
	s.Drop()
}

// Resume starts a stopped server again, at the same address.
func (s *Server) Resume() error {
	ln, err := net.Listen("tcp4", s.addr)
	if err != nil {
		return fmt.Errorf("listen for clients: %w", err)
	}
	s.listen(ln)
	return nil
}

func (s *Server) listen(ln net.Listener) {
	s.mu.Lock()
	s.ln = ln
	s.mu.Unlock()
	s.wg.Go(func() { s.accept(ln) })
}

func (s *Server) listensOn(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ln == ln
}

// Close ends everything and waits until nothing of the server runs any more.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.end)
	names := s.names
	s.mu.Unlock()
	s.Stop()
	for _, a := range names {
		_ = a.ln.Close()
	}
	var err error
	if s.lookup != nil {
		err = s.lookup.Close()
	}
	s.Drop()
	s.wg.Wait()
	return err
}

// count changes the counts, and wakes those who wait.
func (s *Server) count(change func(*Counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.counts)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) fault() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// track remembers a connection for Drop. It reports false when the server is closed.
func (s *Server) track(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.conns[c] = struct{}{}
	}
	return !s.closed
}

func (s *Server) forget(c io.Closer) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	_ = c.Close()
}

func (s *Server) answerLookup(w http.ResponseWriter, r *http.Request) {
	s.count(func(c *Counts) { c.Lookups++ })
	f := s.fault()
	if f.LookupHang {
		select {
		case <-r.Context().Done():
		case <-s.end:
		}
		return
	}
	if f.LookupStatus != 0 {
		w.WriteHeader(f.LookupStatus)
	}
	if f.LookupBody != nil {
		_, _ = io.WriteString(w, *f.LookupBody)
		return
	}
	addr, _ := net.ResolveTCPAddr("tcp", s.Addr())
	_ = json.NewEncoder(w).Encode([]map[string]any{{"host": "127.0.0.1", "port": addr.Port, "root_ca": string(s.ca.pem)}})
}

func (s *Server) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		s.count(func(c *Counts) { c.Conns++ })
		if !s.track(conn) {
			_ = conn.Close()
			return
		}
		if !s.listensOn(ln) {
			_ = conn.Close() // Stop may not have seen it
		}
		s.wg.Go(func() {
			defer s.forget(conn)
			_ = s.serve(conn)
		})
	}
}

// serve speaks with a client until the connection ends.
func (s *Server) serve(conn net.Conn) error {
	f := s.fault()
	switch {
	case f.RefuseConns:
		return nil
	case f.HangConns:
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			return err
		}
		s.count(func(c *Counts) { c.Hung++ })
		_, err := io.Copy(io.Discard, conn)
		return err
	case f.GarbageConn != nil:
		return babble(conn, f.GarbageConn)
	}
	var inner net.Conn = conn
	if !s.cfg.Plain {
		r := bufio.NewReader(conn)
		if b, err := r.Peek(1); err != nil {
			return err
		} else if b[0] == 0x17 {
			_, _ = r.Discard(1)
		}
		secured := tls.Server(&readFirst{conn, r}, &tls.Config{Certificates: []tls.Certificate{s.ca.leaves[f.Certificate]}, MinVersion: tls.VersionTLS12})
		if err := secured.Handshake(); err != nil {
			return err
		}
		inner = secured
	}
	if f.GarbageMux != nil {
		return babble(inner, f.GarbageMux)
	}
	cfg := yamux.DefaultConfig()
	cfg.LogOutput = io.Discard
	mux, err := yamux.Server(inner, cfg)
	if err != nil {
		return err
	}
	defer mux.Close()
	var streams sync.WaitGroup
	defer streams.Wait()
	defer mux.Close()
	for {
		stream, err := mux.Accept()
		if err != nil {
			return err
		}
		streams.Go(func() { s.serveStream(mux, stream) })
	}
}

// ErrTaken is what a question for an address that another session has is
// answered with.
var ErrTaken = errors.New("router config conflict")
