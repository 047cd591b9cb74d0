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
	// frpVersion is whose protocol this is. Servers compare it with their own.
	frpVersion = "0.61.0"
	// pool is how many work connections the server has in stock.
	pool = 1
	// writeTime is how long the server may take no bytes. It is longer than
	// what makes a session silent, which also tells of it.
	writeTime = 30 * time.Second
	// drainTime is how long the connections of a session that has been renewed
	// may take to end.
	drainTime = 30 * time.Second
	// silentTicks is how many halves of a beat without a byte make a session
	// dead.
	silentTicks = 5
)

// session is one login: a control stream, and a stream for each connection of
// the public.
type session struct {
	cfg    Config
	place  place
	mux    *yamux.Session
	stream net.Conn // the control stream
	ctl    *frpwire.Control
	runID  string
	url    string
	forked bool      // it is gradio's fork of frp, which ends sessions
	since  time.Time // the login
	heard  *heardConn
	hand   func(conn net.Conn, gone <-chan struct{})
	slots  chan struct{} // one for each work connection there is
	wg     sync.WaitGroup

	once    sync.Once
	over    chan struct{} // closed when the control stream has ended, with err
	err     error
	killed  chan struct{} // closed when the server has sent Kill
	leaving atomic.Bool   // another session takes over: connections may finish
}

// connect makes a session. The connections of the public are given to hand,
// which may block until gone is closed.
// Where the last session was, nil if there was none, is gone to again when the
// look-up fails.
func connect(ctx context.Context, cfg Config, last *place, hand func(conn net.Conn, gone <-chan struct{})) (*session, error) {
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
		cfg: cfg, place: p, mux: mux, heard: heard, hand: hand, since: time.Now(),
		slots: make(chan struct{}, cfg.maxConns), over: make(chan struct{}), killed: make(chan struct{}),
	}
	stop := context.AfterFunc(ctx, s.hangUp)
	err = s.open()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		err = s.because(err)
		s.end(err)
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
	s.wg.Go(s.beat)
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
	return s.address()
}

// address waits for the answer to NewProxy. Before it, requests for work
// connections come, as many as the pool has. A Kill may come, too: it ends the
// session when there is another, and until then the address is worth having.
func (s *session) address() error {
	for {
		typ, body, err := frpwire.Read(s.ctl)
		if err != nil {
			return err
		}
		if typ == frpwire.TypeReqWorkConn || typ == frpwire.TypeKill {
			if err := s.take(typ, body); err != nil {
				return err
			}
			continue
		}
		if typ != frpwire.TypeNewProxyResp {
			return fmt.Errorf("%w: %q in answer to the question for an address", frpwire.ErrMessage, byte(typ))
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

// read takes what comes by the control stream.
func (s *session) read() {
	for {
		typ, body, err := frpwire.Read(s.ctl)
		if err != nil {
			s.end(s.because(err))
			break
		}
		if err := s.take(typ, body); err != nil {
			s.end(err)
			break
		}
	}
	if !s.leaving.Load() {
		s.hangUp()
	}
}

func (s *session) take(typ frpwire.Type, body []byte) error {
	switch typ {
	case frpwire.TypeReqWorkConn:
		s.work()
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

// beat asks for signs of life, and ends the session when none comes. Any byte
// is one: an answer may be stuck behind a large body. It counts ticks and does
// not measure time: when the process was suspended, however long, two ticks at
// most come at once, and what had arrived is read before the next.
func (s *session) beat() {
	ticks, stop := s.cfg.Clock.Ticker(s.cfg.Heartbeat / 2)
	defer stop()
	asking := make(chan struct{}, 1)
	defer close(asking)
	s.wg.Go(func() { s.ask(asking) })
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
			s.end(fmt.Errorf("%w for %s", errSilent, s.cfg.Heartbeat*silentTicks/2))
			s.hangUp()
			return
		}
		if tick%2 == 0 {
			select {
			case asking <- struct{}{}:
			default: // the last question is not written yet
			}
		}
	}
}

// ask sends a question for each value that it receives. To write it may block.
func (s *session) ask(asking <-chan struct{}) {
	for range asking {
		now := time.Now().Unix()
		if err := frpwire.Write(s.ctl, frpwire.TypePing, frpwire.Ping{Timestamp: now, PrivilegeKey: frpwire.PrivilegeKey(s.cfg.Token, now)}); err != nil {
			return // the reader tells why
		}
	}
}

// refuseStreams ends a session whose server opens streams, which none does:
// they would pile up.
func (s *session) refuseStreams() {
	if _, err := s.mux.Accept(); err == nil {
		s.end(errors.New("the server opens streams of its own"))
		s.hangUp()
	}
}

// because gives a better reason for a stream's end than the stream has, if
// the whole session ended for one.
func (s *session) because(err error) error {
	select {
	case <-s.mux.CloseChan():
		if _, cause := s.mux.Accept(); cause != nil && !errors.Is(cause, yamux.ErrSessionShutdown) {
			return cause
		}
	default:
	}
	return err
}

// end notes that the control stream has ended, and why.
func (s *session) end(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.over)
	})
}

// hangUp ends the connection, and with it the mux. To close the mux itself
// would take long where there are many streams: their readers, of yamux 0.1.2,
// run in circles until the one goroutine has had its turn that can stop them.
func (s *session) hangUp() { _ = s.heard.Close() }

// close ends everything, and waits for it.
func (s *session) close() {
	s.end(net.ErrClosed)
	s.hangUp()
	<-s.mux.CloseChan()
	_ = s.mux.Close() // waits for what is left of it
	s.wg.Wait()
}

// drain lets the connections that there are come to their end, and closes the
// session.
func (s *session) drain(cut <-chan struct{}) {
	late := time.NewTimer(s.cfg.drain)
	defer late.Stop()
	s.end(net.ErrClosed)
	_ = s.stream.Close()
	for range cap(s.slots) { // all slots are ours when no connection is left
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

// heardConn knows whether something was read.
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

// heard reports whether something was read since it was called last.
func (c *heardConn) heard() bool { return c.news.Swap(false) }

// quiet is yamux's logger. What matters comes as an error.
type quiet struct{}

func (quiet) Print(...any)          {}
func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
