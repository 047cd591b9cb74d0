package gradio

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/frpwire"
	frptest "github.com/hf-tap/hf-tap/internal/testserver/frp"
	"github.com/hf-tap/hf-tap/tunnel"
)

func TestThereAreNeverTooManyConnections(t *testing.T) {
	s := start(t, frptest.Config{})
	cfg, clock := moved(looked(s))
	cfg.maxConns = 3
	c := must(t, cfg)
	var taken []net.Conn
	for range 30 { // nobody is answered
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	for range 3 {
		conn, err := c.Accept()
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, conn)
	}
	if err := s.Wait(patience(t), func(c frptest.Counts) bool { return c.Public == 30 }); err != nil {
		t.Error(err)
	}
	clock.beat(t, s) // meanwhile too many would come
	// A fourth comes when one has gone, and closing one twice makes room once.
	_ = taken[0].Close()
	_ = taken[0].Close()
	late, err := net.Dial("tcp", strings.TrimPrefix(c.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if conn, err := c.Accept(); err != nil {
		t.Error(err)
	} else {
		_ = conn.Close()
	}
}

func TestASlotIsFreedOnceForEachConnection(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	made := 0
	c := &workConn{Conn: here, bytes: here, closed: func() { made++ }}
	_, _ = c.Close(), c.Close()
	if made != 1 {
		t.Errorf("room was made %d times", made)
	}
}

func TestOnlyAStartStartsAWorkConnection(t *testing.T) {
	for typ, want := range map[frpwire.Type]error{frpwire.TypeStartWorkConn: nil, frpwire.TypePong: frpwire.ErrMessage} {
		here, there := net.Pipe()
		go func() { _ = frpwire.Write(there, typ, frpwire.Empty{}) }()
		if _, err := new(session).started(here); !errors.Is(err, want) {
			t.Errorf("%q: %v", byte(typ), err)
		}
		_, _ = here.Close(), there.Close()
	}
}

func TestRemoteAddrIsThePublicClients(t *testing.T) {
	s := start(t, frptest.Config{})
	c := must(t, looked(s))
	from, err := net.Dial("tcp", strings.TrimPrefix(c.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	conn, err := c.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if conn.RemoteAddr().String() != from.LocalAddr().String() {
		t.Errorf("%s came as %s", from.LocalAddr(), conn.RemoteAddr())
	}
}

func TestASessionEndsWithUnacceptedConnections(t *testing.T) {
	s := start(t, frptest.Config{})
	cfg, clock := moved(looked(s))
	c := must(t, cfg)
	for range 5 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if err := s.Wait(patience(t), func(c frptest.Counts) bool { return c.Public == 5 }); err != nil {
		t.Fatal(err)
	}
	clock.beat(t, s) // meanwhile too many would come
	s.Drop()
	until(t, c, func(s tunnel.Link) bool { return s.Up && s.Made == 2 })
}

func TestAWorkConnectionThatStartsWrongIsDropped(t *testing.T) {
	s := start(t, frptest.Config{})
	c := must(t, looked(s))
	serve(t, c, http.HandlerFunc(echo))
	s.Set(func(f *frptest.Faults) { f.GarbageWork = []byte("garbage") })
	if _, got, err := post(public(t), c.URL(), []byte("x")); err == nil && string(got) == "x" {
		t.Error("it came through")
	}
	s.Set(func(f *frptest.Faults) { f.GarbageWork, f.HideClients = nil, true })
	resp, got, err := post(public(t), c.URL(), []byte("x"))
	if err != nil || string(got) != "x" {
		t.Fatalf("%q, %v", got, err)
	}
	// Who it is, is not known: the server's address stands there.
	if resp.Header.Get("From") != s.Addr() {
		t.Errorf("from %s", resp.Header.Get("From"))
	}
}
