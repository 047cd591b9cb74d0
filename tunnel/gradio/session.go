package gradio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/hf-tap/hf-tap/internal/frpwire"
	"github.com/hf-tap/hf-tap/tunnel"
)

const (
	// frpVersion is the version of frp whose protocol this is. Servers compare it with
	// their own.
	frpVersion = "0.61.0"
	// pool is the number of work connections that the server keeps in stock.
	pool = 1
	// writeTime is how long a write may wait for the server. It is longer than the
	// time after which a session is silent, which finds the same trouble.
	writeTime = 30 * time.Second
	// drainTime is how long the connections of a session may last after another
	// session has replaced it.
	drainTime = 30 * time.Second
	// silentTicks is the number of half heartbeats without a byte after which a
	// session is dead.
	silentTicks = 5
)

// session is one login: a control stream, and a stream for each public connection.
type session struct {
	cfg    Config
	place  place
	mux    *yamux.Session
	stream net.Conn // the control stream
	ctl    *frpwire.Control
	runID  string
	url    string
	forked bool      // the server is gradio's fork of frp, which ends sessions
	since  time.Time // the login
	heard  *heardConn
	pass   func(conn net.Conn, gone <-chan struct{})
	slots  chan struct{} // one for each open work connection
	wg     sync.WaitGroup

	once    sync.Once
	over    chan struct{} // closed when the control stream has ended, with err
	err     error
	killed  chan struct{} // closed when the server has sent Kill
	leaving atomic.Bool   // another session takes over: connections may finish
}

// connect opens a session. It passes public connections to pass, which may block
// until gone is closed. If the look-up fails, it tries the place of the last session,
// which is nil if there was none.
func connect(ctx context.Context, cfg Config, last *place, pass func(conn net.Conn, gone <-chan struct{})) (*session, error) {
	ctx, cancel := cfg.Limited(ctx, noAnswer(cfg.Timeout))
	defer cancel()
	p, err := locate(ctx, cfg, last)
	if err != nil {
		return nil, err
	}
	conn, err := dial(ctx, cfg, p)
	if err != nil {
		return nil, err
	}
	heard := &heardConn{Conn: conn}
	mux, err := yamux.Client(heard, &yamux.Config{
		AcceptBacklog: 256, KeepAliveInterval: time.Hour, ConnectionWriteTimeout: writeTime,
		MaxStreamWindowSize: 256 << 10, StreamOpenTimeout: writeTime, StreamCloseTimeout: cfg.drain, Logger: quiet{},
	})
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("set up the session: %w", err)
	}
	s := &session{
		cfg: cfg, place: p, mux: mux, heard: heard, pass: pass, since: time.Now(),
		slots: make(chan struct{}, cfg.maxConns), over: make(chan struct{}), killed: make(chan struct{}),
	}
	stop := context.AfterFunc(ctx, s.hangUp)
	err = s.open()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		err = s.causeOf(err)
		s.recordEnd(err)
		s.close()
		var refused *tunnel.ProviderError
		if !errors.As(err, &refused) {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			err = cfg.ConnectError(Name, p.address, tunnel.StepProtocol, err)
		}
		return nil, err
	}
	s.wg.Go(s.read)
	s.wg.Go(s.keepAlive)
	s.wg.Go(s.refuseStreams)
	return s, nil
}

// open logs in and asks for the address.
func (s *session) open() error {
	var err error
	if s.stream, err = s.mux.Open(); err != nil {
		return err
	}
	now := time.Now().Unix()
	err = frpwire.Write(s.stream, frpwire.TypeLogin, frpwire.Login{
		Version: frpVersion, OS: runtime.GOOS, Arch: runtime.GOARCH, PoolCount: pool,
		Timestamp: now, PrivilegeKey: frpwire.PrivilegeKey(s.cfg.Token, now), RunID: runID(s.cfg.Name),
	})
	if err != nil {
		return err
	}
	typ, body, err := frpwire.Read(s.stream)
	if err != nil {
		return err
	}
	login, err := frpwire.Decode[frpwire.LoginResp](body)
	switch {
	case err != nil:
		return err
	case typ != frpwire.TypeLoginResp:
		return fmt.Errorf("%w: %q in answer to a login", frpwire.ErrMessage, byte(typ))
	case login.Error != "":
		return refusal(login.Error, s.cfg.Token)
	}
	s.runID = login.RunID
	if s.ctl, err = frpwire.NewControl(s.stream, s.cfg.Token); err != nil {
		return err
	}
	err = frpwire.Write(s.ctl, frpwire.TypeNewProxy, frpwire.NewProxy{
		ProxyName: s.cfg.Name, ProxyType: "http", SubDomain: label(s.cfg.Name), UseEncryption: s.encrypts(),
	})
	if err != nil {
		return err
	}
	return s.readAddress()
}

// readAddress waits for the answer to NewProxy. Requests for work connections come
// before it, as many as the pool has. A Kill may come, too. It ends the session once
// another one has replaced it, and the address is valid until then.
func (s *session) readAddress() error {
	for {
		typ, body, err := frpwire.Read(s.ctl)
		if err != nil {
			return err
		}
		if typ == frpwire.TypeReqWorkConn || typ == frpwire.TypeKill {
			if err := s.handle(typ, body); err != nil {
				return err
			}
			continue
		}
		if typ != frpwire.TypeNewProxyResp {
			return fmt.Errorf("%w: %q in answer to the request for an address", frpwire.ErrMessage, byte(typ))
		}
		proxy, err := frpwire.Decode[frpwire.NewProxyResp](body)
		if err != nil {
			return err
		}
		if proxy.Error != "" {
			return refusal(proxy.Error, s.cfg.Token)
		}
		s.forked = proxy.ProxyName != s.cfg.Name
		s.url, err = publicURL(proxy.RemoteAddr, s.cfg.Name, s.place.domain)
		return err
	}
}

// read handles the messages of the control stream.
func (s *session) read() {
	for {
		typ, body, err := frpwire.Read(s.ctl)
		if err != nil {
			s.recordEnd(s.causeOf(err))
			break
		}
		if err := s.handle(typ, body); err != nil {
			s.recordEnd(err)
			break
		}
	}
	if !s.leaving.Load() {
		s.hangUp()
	}
}

func (s *session) handle(typ frpwire.Type, body []byte) error {
	switch typ {
	case frpwire.TypeReqWorkConn:
		s.addWork()
	case frpwire.TypePong:
		pong, err := frpwire.Decode[frpwire.Pong](body)
		if err != nil {
			return err
		}
		if pong.Error != "" {
			return refusal(pong.Error, s.cfg.Token)
		}
	case frpwire.TypeKill:
		select {
		case <-s.killed:
		default:
			close(s.killed)
		}
	}
	return nil
}

// keepAlive sends pings, and ends the session if no byte arrives for too long. Any
// byte counts, because an answer may wait behind a large body. keepAlive counts ticks
// and does not measure time: after the process was suspended, two ticks at most come
// at once, and what had arrived is read before the next.
func (s *session) keepAlive() {
	ticks, stop := s.cfg.Clock.Ticker(s.cfg.Heartbeat / 2)
	defer stop()
	pings := make(chan struct{}, 1)
	defer close(pings)
	s.wg.Go(func() { s.sendPings(pings) })
	for tick, silent := 1, 0; ; tick++ {
		select {
		case <-s.over:
			return
		case <-ticks:
		}
		if silent++; s.heard.heard() {
			silent = 0
		}
		if silent == silentTicks {
			s.recordEnd(fmt.Errorf("%w for %s", errSilent, s.cfg.Heartbeat*silentTicks/2))
			s.hangUp()
			return
		}
		if tick%2 == 0 {
			select {
			case pings <- struct{}{}:
			default: // the last ping is not written yet
			}
		}
	}
}

// sendPings sends a ping for each value that it receives. The write may block.
func (s *session) sendPings(pings <-chan struct{}) {
	for range pings {
		now := time.Now().Unix()
		if err := frpwire.Write(s.ctl, frpwire.TypePing, frpwire.Ping{Timestamp: now, PrivilegeKey: frpwire.PrivilegeKey(s.cfg.Token, now)}); err != nil {
			return // read finds the reason
		}
	}
}

// refuseStreams ends a session whose server opens streams. None does, and the
// streams would accumulate.
func (s *session) refuseStreams() {
	if _, err := s.mux.Accept(); err == nil {
		s.recordEnd(errors.New("the server opens streams of its own"))
		s.hangUp()
	}
}

// causeOf returns the reason for the end of the whole session, if it has one, and
// otherwise err, with which a stream ended.
func (s *session) causeOf(err error) error {
	select {
	case <-s.mux.CloseChan():
		if _, cause := s.mux.Accept(); cause != nil && !errors.Is(cause, yamux.ErrSessionShutdown) {
			return cause
		}
	default:
	}
	return err
}

// recordEnd records that the control stream has ended, and why.
func (s *session) recordEnd(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.over)
	})
}

// hangUp closes the connection, which ends the mux. Closing the mux itself takes long
// if there are many streams: their readers in yamux 0.1.2 spin until the goroutine
// runs that can stop them.
func (s *session) hangUp() { _ = s.heard.Close() }

// close ends the session, and waits for its goroutines.
func (s *session) close() {
	s.recordEnd(net.ErrClosed)
	s.hangUp()
	<-s.mux.CloseChan()
	_ = s.mux.Close() // waits for its goroutines
	s.wg.Wait()
}

// drain waits until the open connections have ended, and closes the session.
func (s *session) drain(cut <-chan struct{}) {
	late := time.NewTimer(s.cfg.drain)
	defer late.Stop()
	s.recordEnd(net.ErrClosed)
	_ = s.stream.Close()
	for range cap(s.slots) { // when drain has all slots, no connection is open
		select {
		case s.slots <- struct{}{}:
			continue
		case <-late.C:
		case <-s.mux.CloseChan():
		case <-cut:
		}
		break
	}
	s.close()
}

// heardConn is a connection that knows whether a byte was read.
type heardConn struct {
	net.Conn
	news atomic.Bool
}

func (c *heardConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.news.Store(true)
	}
	return n, err
}

// heard reports whether a byte was read since the last call.
func (c *heardConn) heard() bool { return c.news.Swap(false) }

// quiet is a logger for yamux that drops everything: what matters is an error, too.
type quiet struct{}

func (quiet) Print(...any)          {}
func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
