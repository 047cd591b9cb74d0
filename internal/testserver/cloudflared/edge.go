// Package cloudflared is Cloudflare and its program cloudflared, for tests
// on loopback. The program is the test's own binary, started once more: it
// takes the flags of the real one, serves the metrics that it does, and behaves
// as the test wants it to. The other end is an Edge in the test, which gives
// each program that connects a name, and brings visitors of that name to it.
//
// A test whose binary acts as the program calls Main before anything else.
package cloudflared

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/hashicorp/yamux"
)

// Program is a program that has connected to an edge, as it describes itself.
type Program struct {
	PID     int    // of the process
	Local   string // the URL that it leads to
	Metrics string // host:port of its metrics
	Name    string // the host that the edge has given it
}

// Edge is Cloudflare's end. Its methods may be called from any goroutine.
type Edge struct {
	ln net.Listener
	wg sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{} // closed and made anew at each change
	refuse   bool
	taking   int // how many more programs find their metrics port in use
	taken    []net.Listener
	programs []Program // all that came, in their order
	sessions map[string]*yamux.Session
	conns    map[net.Conn]struct{}
}

// Start starts an edge on a free loopback port.
func Start() (*Edge, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for cloudflared: %w", err)
	}
	e := &Edge{ln: ln, changed: make(chan struct{}), sessions: map[string]*yamux.Session{}, conns: map[net.Conn]struct{}{}}
	e.wg.Go(e.accept)
	return e, nil
}

// Env is the environment for the process that starts the program. It selects the
// program's behaviour, and names the edge.
func (e *Edge) Env(how Behaviour) []string {
	return []string{behaviourEnv + "=" + string(how), edgeEnv + "=" + e.ln.Addr().String()}
}

// Programs are all that have connected so far, also those that have ended.
func (e *Edge) Programs() []Program {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Program(nil), e.programs...)
}

// Wait waits until so many have connected, and gives the last of them.
func (e *Edge) Wait(ctx context.Context, times int) (Program, error) {
	for {
		e.mu.Lock()
		come, changed := e.programs, e.changed
		e.mu.Unlock()
		if len(come) >= times {
			return come[times-1], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Program{}, fmt.Errorf("%d programs have connected, and not %d: %w", len(come), times, ctx.Err())
		}
	}
}

// Refuse ends all connections, and refuses others until it is called again with
// false. Programs go on trying.
func (e *Edge) Refuse(refuse bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuse = refuse
	if refuse {
		e.drop()
	}
}

// TakePorts takes the metrics' ports of the next programs that connect, which
// have not yet listened there, until Close.
func (e *Edge) TakePorts(programs int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.taking = programs
}

// occupyPortLocked listens on the port of a program that must find it in use.
func (e *Edge) occupyPortLocked(metrics string) {
	if e.taking == 0 {
		return
	}
	e.taking--
	if ln, err := net.Listen("tcp4", metrics); err == nil {
		e.taken = append(e.taken, ln)
	}
}

// drop ends all connections. The caller holds mu.
func (e *Edge) drop() {
	for c := range e.conns {
		_ = c.Close()
	}
}

// Close ends all connections, and waits until nothing of the edge runs any more.
func (e *Edge) Close() error {
	e.mu.Lock()
	e.refuse = true
	e.drop()
	for _, ln := range e.taken {
		_ = ln.Close()
	}
	e.mu.Unlock()
	err := e.ln.Close()
	e.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Dial opens a connection to the program that has the name in address, which is
// host:port. It fails when none has it.
func (e *Edge) Dial(_ context.Context, _, address string) (net.Conn, error) {
	name, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	session := e.sessions[name]
	e.mu.Unlock()
	if session == nil {
		return nil, fmt.Errorf("%s is nobody's", name)
	}
	return session.Open()
}

// Exit has a program end by itself, with words of Cloudflare's.
func (p Program) Exit(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.Metrics+"/exit", http.NoBody)
	if err != nil {
		return fmt.Errorf("end cloudflared: %w", err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return fmt.Errorf("end cloudflared: %w", err)
	}
	return resp.Body.Close()
}

// Kill ends a program as a power cut does.
func (p Program) Kill() error {
	process, err := os.FindProcess(p.PID)
	if err != nil {
		return fmt.Errorf("kill cloudflared: %w", err)
	}
	return process.Kill()
}

func (e *Edge) accept() {
	for {
		conn, err := e.ln.Accept()
		if err != nil {
			return
		}
		e.mu.Lock()
		refused := e.refuse
		if !refused {
			e.conns[conn] = struct{}{}
		}
		e.mu.Unlock()
		if refused {
			_ = conn.Close()
			continue
		}
		e.wg.Go(func() {
			defer func() {
				_ = conn.Close()
				e.mu.Lock()
				defer e.mu.Unlock()
				delete(e.conns, conn)
			}()
			e.serve(conn)
		})
	}
}

// update changes something under the lock, and wakes those who wait.
func (e *Edge) update(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
	close(e.changed)
	e.changed = make(chan struct{})
}

// hello is the first message of a program, and the answer to it, with the name filled
// in.
type hello struct {
	PID     int
	Local   string
	Metrics string
	Name    string // that it had before, if it comes back
}

// serve takes a program in, until its connection ends.
func (e *Edge) serve(conn net.Conn) {
	session, err := yamux.Client(conn, muxConfig())
	if err != nil {
		return
	}
	defer session.Close()
	stream, err := session.Accept()
	if err != nil {
		return
	}
	defer stream.Close()
	var h hello
	if err := json.NewDecoder(stream).Decode(&h); err != nil {
		return
	}
	e.update(func() {
		if h.Name == "" {
			h.Name = fmt.Sprintf("four-words-of-it-%d.trycloudflare.com", len(e.programs)+1)
			e.programs = append(e.programs, Program(h))
			e.occupyPortLocked(h.Metrics)
		}
		e.sessions[h.Name] = session
	})
	defer e.update(func() {
		if e.sessions[h.Name] == session {
			delete(e.sessions, h.Name)
		}
	})
	if err := json.NewEncoder(stream).Encode(h); err != nil {
		return
	}
	<-session.CloseChan()
}

func muxConfig() *yamux.Config {
	cfg := yamux.DefaultConfig()
	cfg.LogOutput = io.Discard
	return cfg
}
