package frp

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/hf-tap/hf-tap/internal/frpwire"
)

// workTime is how long a public connection waits for a work connection: longer than a
// test's machine may pause.
const workTime = time.Minute

// control is a session of a client's.
type control struct {
	s      *Server
	runID  string
	stream net.Conn
	ctl    *frpwire.Control
	over   chan struct{}
	work   chan net.Conn
	end    chan struct{} // closed to end it from outside
	once   sync.Once
	secret bool // connections of the public are encrypted by the token
}

// address is a public address: a port, which stays.
type address struct {
	s     *Server
	ln    net.Listener
	owner *control // nil while nobody has it
}

func (s *Server) serveStream(mux *yamux.Session, stream net.Conn) {
	defer stream.Close()
	typ, body, err := frpwire.Read(stream)
	if err != nil {
		return
	}
	switch typ {
	case frpwire.TypeLogin:
		if login, err := frpwire.Decode[frpwire.Login](body); err == nil {
			s.login(mux, stream, login)
		}
	case frpwire.TypeNewWorkConn:
		if msg, err := frpwire.Decode[frpwire.NewWorkConn](body); err == nil {
			s.holdWorkConnection(mux, stream, msg.RunID)
		}
	}
}

// login serves a control stream until it ends.
func (s *Server) login(mux *yamux.Session, stream net.Conn, login frpwire.Login) {
	f := s.fault()
	refuse := func(typ frpwire.Type, w io.Writer, text string) {
		s.count(func(c *Counts) { c.Refused++ })
		if typ == frpwire.TypeLoginResp {
			_ = frpwire.Write(w, typ, frpwire.LoginResp{Version: "0.61.0", Error: text})
		} else {
			_ = frpwire.Write(w, typ, frpwire.NewProxyResp{Error: text})
		}
	}
	switch {
	case f.HangLogin:
		s.count(func(c *Counts) { c.Hung++ })
		_, _ = io.Copy(io.Discard, stream)
		return
	case f.DropAtLogin:
		_ = mux.Close()
		return
	case f.GarbageLogin != nil:
		_ = babble(stream, f.GarbageLogin)
		return
	case f.LoginError != "":
		refuse(frpwire.TypeLoginResp, stream, f.LoginError)
		return
	case login.PrivilegeKey != frpwire.PrivilegeKey(s.cfg.Token, login.Timestamp):
		refuse(frpwire.TypeLoginResp, stream, "token in login doesn't match token from configuration")
		return
	}
	ctl, err := frpwire.NewControl(stream, s.cfg.Token)
	if err != nil {
		return
	}
	c := &control{s: s, runID: login.RunID, stream: stream, ctl: ctl, over: make(chan struct{}), work: make(chan net.Conn, 10), end: make(chan struct{})}
	s.mu.Lock()
	old := s.controls[c.runID]
	s.controls[c.runID] = c
	s.mu.Unlock()
	if old != nil {
		s.count(func(c *Counts) { c.Replaced++ })
		old.stop()
		<-old.over
	}
	s.count(func(c *Counts) { c.Logins++ })
	defer c.leave()
	if frpwire.Write(stream, frpwire.TypeLoginResp, frpwire.LoginResp{Version: "0.61.0", RunID: c.runID}) != nil {
		return
	}
	if f.KillAtLogin {
		c.kill()
	}
	for range login.PoolCount {
		_ = frpwire.Write(ctl, frpwire.TypeReqWorkConn, frpwire.Empty{})
	}
	if f.OpenStreams {
		if extra, err := mux.Open(); err == nil {
			defer extra.Close()
		}
	}
	c.serve(mux, refuse)
}

// serve answers what a client asks for.
func (c *control) serve(mux *yamux.Session, refuse func(frpwire.Type, io.Writer, string)) {
	stopped := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-c.end:
			_ = c.stream.SetReadDeadline(time.Now())
		case <-done:
		}
	}()
	defer func() { close(done); <-stopped }()
	for {
		typ, body, err := frpwire.Read(c.ctl)
		if err != nil {
			return
		}
		f := c.s.fault()
		switch typ {
		case frpwire.TypeNewProxy:
			ask, err := frpwire.Decode[frpwire.NewProxy](body)
			switch {
			case err != nil:
				return
			case f.DropAtProxy:
				_ = mux.Close()
				return
			case f.ProxyError != "":
				refuse(frpwire.TypeNewProxyResp, c.ctl, f.ProxyError)
				continue
			}
			if text := c.assignAddress(ask, f); text != "" {
				refuse(frpwire.TypeNewProxyResp, c.ctl, text)
			}
		case frpwire.TypePing:
			c.s.count(func(c *Counts) { c.Pings++ })
			if !f.Deaf {
				_ = frpwire.Write(c.ctl, frpwire.TypePong, frpwire.Pong{Error: f.PongError})
			}
		}
	}
}

// assignAddress assigns an address to a name. It returns why not, or "".
func (c *control) assignAddress(ask frpwire.NewProxy, f Faults) string {
	sum := sha256.Sum256([]byte(ask.ProxyName))
	label := hex.EncodeToString(sum[:])[:18]
	s := c.s
	s.mu.Lock()
	a := s.names[label]
	if a != nil && a.owner != nil {
		s.mu.Unlock()
		return ErrTaken.Error()
	}
	if a == nil {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil || s.closed {
			s.mu.Unlock()
			return "no port"
		}
		a = &address{s: s, ln: ln}
		s.names[label] = a
		s.wg.Go(a.accept)
	}
	a.owner, c.secret = c, ask.UseEncryption
	s.mu.Unlock()
	s.count(func(c *Counts) { c.Given++ })
	resp := frpwire.NewProxyResp{ProxyName: label, RemoteAddr: "http://" + a.ln.Addr().String()}
	if s.cfg.Own {
		resp.ProxyName, resp.RemoteAddr = ask.ProxyName, a.ln.Addr().String()
	}
	if f.Announce != nil {
		resp.RemoteAddr = *f.Announce
	}
	_ = frpwire.Write(c.ctl, frpwire.TypeNewProxyResp, resp)
	return ""
}

// leave takes the control out of use.
func (c *control) leave() {
	s := c.s
	s.mu.Lock()
	if s.controls[c.runID] == c {
		delete(s.controls, c.runID)
	}
	for _, a := range s.names {
		if a.owner == c {
			a.owner = nil
		}
	}
	close(c.over)
	s.mu.Unlock()
	s.count(func(n *Counts) { n.Ended++ })
	for {
		select {
		case conn := <-c.work:
			_ = conn.Close()
		default:
			return
		}
	}
}

func (c *control) stop() { c.once.Do(func() { close(c.end) }) }

// kill may block for as long as the client does not read.
func (c *control) kill() { _ = frpwire.Write(c.ctl, frpwire.TypeKill, frpwire.Empty{}) }

// holdWorkConnection holds a work connection until it has been used.
func (s *Server) holdWorkConnection(mux *yamux.Session, stream net.Conn, runID string) {
	s.mu.Lock()
	c := s.controls[runID]
	s.mu.Unlock()
	if c == nil {
		return
	}
	used := &workStream{Conn: stream, closed: make(chan struct{})}
	select {
	case c.work <- used:
	default:
		return // the pool is full
	}
	select {
	case <-used.closed:
	case <-mux.CloseChan():
	case <-c.over:
		// One that is in use goes on until its public client has enough.
		if used.taken() {
			select {
			case <-used.closed:
			case <-mux.CloseChan():
			}
		}
	}
}

// workStream is a work connection.
type workStream struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
	mu     sync.Mutex
	inUse  bool
}

func (w *workStream) markUsed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inUse = true
}

func (w *workStream) taken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.inUse
}

func (w *workStream) Close() error {
	err := w.Conn.Close()
	w.once.Do(func() { close(w.closed) })
	return err
}

// accept serves the public side of an address.
func (a *address) accept() {
	for {
		conn, err := a.ln.Accept()
		if err != nil {
			return
		}
		if !a.s.track(conn) {
			_ = conn.Close()
			return
		}
		a.s.count(func(c *Counts) { c.Public++ })
		a.s.wg.Go(func() {
			defer a.s.forget(conn)
			a.serve(conn)
		})
	}
}

// serve joins a public connection with a work connection.
func (a *address) serve(conn net.Conn) {
	a.s.mu.Lock()
	c := a.owner
	secret := c != nil && c.secret
	a.s.mu.Unlock()
	var work net.Conn
	if c != nil {
		_ = frpwire.Write(c.ctl, frpwire.TypeReqWorkConn, frpwire.Empty{})
		late := time.NewTimer(workTime)
		defer late.Stop()
		select {
		case work = <-c.work:
		case <-c.over:
		case <-late.C:
		}
	}
	if work == nil {
		// A client that has not sent its request would not read the answer.
		if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.Copy(io.Discard, req.Body)
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 9\r\n\r\nnot found")
		return
	}
	if w, ok := work.(*workStream); ok {
		w.markUsed()
	}
	defer work.Close()
	f := a.s.fault()
	if f.GarbageWork != nil {
		_, _ = work.Write(f.GarbageWork)
		return
	}
	start := frpwire.StartWorkConn{ProxyName: "x"}
	if addr, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil && !f.HideClients {
		start.SrcAddr, start.SrcPort = addr.Addr().String(), addr.Port()
	}
	if frpwire.Write(work, frpwire.TypeStartWorkConn, start) != nil {
		return
	}
	var inner io.ReadWriter = work
	if secret {
		var err error
		if inner, err = frpwire.NewControl(work, a.s.cfg.Token); err != nil {
			return
		}
	}
	var both sync.WaitGroup
	for _, way := range [][2]io.ReadWriter{{inner, conn}, {conn, inner}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = work.Close()
			_ = conn.Close()
		})
	}
	both.Wait()
}
