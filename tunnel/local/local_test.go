package local

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLoopbackIsAtItsOwnAddress(t *testing.T) {
	tun := tunneltest.Open(t, NewLoopback(Config{}), nil)
	if tun.Provider() != Loopback || tun.URL() != "http://"+tun.Addr().String() || !tun.Addr().(*net.TCPAddr).IP.IsLoopback() {
		t.Errorf("%s at %s, listening on %s", tun.Provider(), tun.URL(), tun.Addr())
	}
}

func TestPublicIsAtTheUsersAddressAndListensOnLoopback(t *testing.T) {
	p, err := NewPublic(Config{URL: "https://me.example/tap/"})
	tun := tunneltest.Open(t, p, err)
	if tun.URL() != "https://me.example/tap" || tun.Provider() != Public || !tun.Addr().(*net.TCPAddr).IP.IsLoopback() {
		t.Errorf("%s at %s, listening on %s", tun.Provider(), tun.URL(), tun.Addr())
	}
	for _, invalid := range []string{"", "me.example", "ftp://me.example", "http://me.example", "https://u:p@me.example", "https://me.example/?a=1", "https://", "::"} {
		if _, err := NewPublic(Config{URL: invalid}); !errors.Is(err, tunnel.ErrUsage) {
			t.Errorf("%q: %v", invalid, err)
		}
	}
}

func TestAPortInUseIsAnErrorThatNamesIt(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = NewLoopback(Config{Port: taken.Addr().(*net.TCPAddr).Port}).Open(t.Context())
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

func TestDiagnoseGoesThroughTheTunnel(t *testing.T) {
	found := tunneltest.Diagnose(t, NewLoopback(Config{}), nil, nil, tunnel.Options{})
	if got := tunneltest.Steps(found); got != "session address round trip" {
		t.Errorf("loopback: %q", got)
	}
	// A tunnel of the user's own, which leads to a port.
	addr := netip.MustParseAddrPort(porttest.Addr(t))
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr.String()})
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	proxy.Transport = transport
	own := httptest.NewServer(proxy)
	defer own.Close()
	p, err := NewPublic(Config{URL: own.URL, Port: int(addr.Port())})
	found = tunneltest.Diagnose(t, p, err, tunneltest.Client(t), tunnel.Options{})
	if got := tunneltest.Steps(found); got != "session address round trip" {
		t.Errorf("public with a port: %+v", found)
	}
	if found[1].Unverified {
		t.Errorf("what came back is unverified: %+v", found[1])
	}
}

func TestDiagnoseVerifiesNoAddressThatItCouldNotGoThrough(t *testing.T) {
	answers := httptest.NewServer(http.NotFoundHandler())
	defer answers.Close()
	nobody := "http://" + porttest.Addr(t)
	for name, c := range map[string]struct {
		url  string
		port string
		want error
	}{
		"no server":                 {nobody, "", tunnel.ErrNoRoute},
		"no such name":              {"https://nosuch.invalid", "", tunnel.ErrNoRoute},
		"another server":            {answers.URL, "", tunnel.ErrUnverified},
		"no server, with a port":    {nobody, porttest.Port(t), tunnel.ErrNoRoute},
		"another server and a port": {answers.URL, porttest.Port(t), &tunnel.WrongAnswerError{}},
	} {
		t.Run(name, func(t *testing.T) {
			visitor := tunneltest.Client(t)
			if strings.HasSuffix(c.url, ".invalid") {
				visitor = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
					return nil, &net.DNSError{Err: "no such host", Name: "nosuch.invalid", IsNotFound: true}
				}}}
			}
			cfg := Config{URL: c.url, Client: visitor}
			cfg.Port, _ = strconv.Atoi(c.port)
			p, err := NewPublic(cfg)
			opts := tunnel.Options{}
			if c.port != "" {
				tunneltest.RunOut(t, &opts, tunneltest.Closed(tunneltest.Answered(visitor, 2)))
			}
			found := tunneltest.Diagnose(t, p, err, visitor, opts)
			for _, f := range found {
				if f.Step == tunnel.FindingAddress && f.Err == nil && !f.Unverified {
					t.Errorf("the address is verified: %+v", f)
				}
			}
			last := found[len(found)-1]
			var wrong *tunnel.WrongAnswerError
			if _, wantsWrong := c.want.(*tunnel.WrongAnswerError); wantsWrong != errors.As(last.Err, &wrong) || !wantsWrong && !errors.Is(last.Err, c.want) {
				t.Errorf("%+v, want %v", last, c.want)
			}
		})
	}
}
