package tunnel

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// steps gives the names of the findings, the failed ones with a mark.
func steps(found []Finding) (names []string) {
	for _, f := range found {
		name := f.Step
		if f.Err != nil {
			name += "!"
		}
		names = append(names, name)
	}
	return names
}

func TestADoctorGoesTheWholeWayAndLeavesNothing(t *testing.T) {
	e := startEdge(t)
	cfg := edgeConfig(e)
	cfg.Provider = Auto
	found := Diagnose(t.Context(), cfg, client(t))
	if got := steps(found); !slices.Equal(got, []string{"tunnel", "reach", "trust", "protocol", "session", "address", "round trip"}) {
		t.Fatalf("found %q: %+v", got, found)
	}
	for _, f := range found {
		if f.Detail == "" || f.Took == 0 && f.Step != "tunnel" && f.Step != "address" {
			t.Errorf("%+v", f)
		}
	}
	if !strings.Contains(found[0].Detail, "ngrok") || !strings.Contains(found[1].Detail, e.Addr()) || !strings.HasPrefix(found[5].Detail, "http://127.0.0.1:") {
		t.Errorf("%+v", found)
	}
	if err := e.Wait(patience(t), func(c ngroktest.Counts) bool { return c.Live() == 0 }); err != nil {
		t.Error(err)
	}
}

func TestADoctorNamesTheStepThatFails(t *testing.T) {
	refused := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("connection refused") }
	for _, c := range []struct {
		name   string
		faults ngroktest.Faults
		change func(*Config)
		want   string
	}{
		{"nobody there", ngroktest.Faults{}, func(c *Config) { c.Dial = refused }, "tunnel reach!"},
		{"proxy", ngroktest.Faults{}, func(c *Config) { c.Dial, c.Proxy = refused, func(string) string { return "p:1" } }, "tunnel proxy!"},
		{"untrusted", ngroktest.Faults{}, func(c *Config) { c.NgrokRoots = nil }, "tunnel reach trust!"},
		{"expired", ngroktest.Faults{Certificate: ngroktest.Expired}, nil, "tunnel reach trust!"},
		{"no TLS", ngroktest.Faults{Garbage: ngroktest.Connect}, nil, "tunnel reach tls!"},
		{"silent", ngroktest.Faults{Hang: ngroktest.Secured}, nil, "tunnel reach trust protocol!"},
		{"another protocol", ngroktest.Faults{Garbage: ngroktest.Secured}, nil, "tunnel reach trust protocol!"},
		{"bad token", ngroktest.Faults{AuthCode: ngroktest.BadToken}, nil, "tunnel reach trust protocol session!"},
		{"online elsewhere", ngroktest.Faults{BindCode: ngroktest.AlreadyOnline}, nil, "tunnel reach trust protocol session!"},
		{"a gateway's page", ngroktest.Faults{Gateway: 502}, nil, "tunnel reach trust protocol session address round trip!"},
		{"no token", ngroktest.Faults{}, func(c *Config) { c.NgrokToken = "" }, "tunnel!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := startEdge(t)
			e.Set(func(f *ngroktest.Faults) { *f = c.faults })
			cfg, asker := edgeConfig(e), client(t)
			switch {
			case c.faults.Hang != 0:
				runOut(t, &cfg, func(ctx context.Context) error {
					return e.Wait(ctx, func(c ngroktest.Counts) bool { return c.Unheard > 0 })
				})
			case c.faults.Gateway != 0:
				runOut(t, &cfg, closed(answered(asker, 2)))
			}
			if c.change != nil {
				c.change(&cfg)
			}
			found := Diagnose(t.Context(), cfg, asker)
			if got := strings.Join(steps(found), " "); got != c.want {
				t.Errorf("found %q, want %q: %+v", got, c.want, found)
			}
			last := found[len(found)-1]
			t.Logf("%v", last.Err)
			if strings.Contains(last.Err.Error(), "diagnose") {
				t.Errorf("%v", last.Err)
			}
			if c := e.Counts(); c.Live() != 0 {
				if err := e.Wait(patience(t), func(c ngroktest.Counts) bool { return c.Live() == 0 }); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestADoctorOfLocalTunnels(t *testing.T) {
	found := Diagnose(t.Context(), Config{HubURL: "http://127.0.0.1:1"}, nil)
	if got := steps(found); !slices.Equal(got, []string{"tunnel", "session", "address", "round trip"}) {
		t.Errorf("loopback: %q", got)
	}
	// A tunnel of the user's own, which leads to a port.
	addr := netip.MustParseAddrPort(porttest.Addr(t))
	port := int(addr.Port())
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr.String()})
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	proxy.Transport = transport
	own := httptest.NewServer(proxy)
	defer own.Close()
	found = Diagnose(t.Context(), Config{HubURL: hubURL, PublicURL: own.URL, Port: port}, client(t))
	if got := steps(found); !slices.Equal(got, []string{"tunnel", "session", "address", "round trip"}) {
		t.Errorf("public with a port: %+v", found)
	}
	if found[2].Unverified {
		t.Errorf("what came back is unverified: %+v", found[2])
	}
}

func TestADoctorCallsNoAddressWellThatItCouldNotGoThrough(t *testing.T) {
	answers := httptest.NewServer(http.NotFoundHandler())
	defer answers.Close()
	nobody := "http://" + porttest.Addr(t)
	for name, c := range map[string]struct {
		url  string
		port string
		want error
	}{
		"nobody is there":                {nobody, "", ErrNoRoute},
		"it does not resolve":            {"https://nosuch.invalid", "", ErrNoRoute},
		"somebody is there":              {answers.URL, "", ErrUnverified},
		"nobody is there, with a port":   {nobody, porttest.Port(t), ErrNoRoute},
		"somebody is there, with a port": {answers.URL, porttest.Port(t), &WrongAnswerError{}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{HubURL: hubURL, PublicURL: c.url, Timeout: 10 * time.Millisecond}
			cfg.Port, _ = strconv.Atoi(c.port)
			visitor := client(t)
			if !onLoopback(c.url) {
				visitor = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
					return nil, &net.DNSError{Err: "no such host", Name: "nosuch.invalid", IsNotFound: true}
				}}}
			}
			found := Diagnose(t.Context(), cfg, visitor)
			for _, f := range found {
				if f.Step == FindingAddress && f.Err == nil && !f.Unverified {
					t.Errorf("the address is called well: %+v", f)
				}
			}
			last := found[len(found)-1]
			var wrong *WrongAnswerError
			if _, wantsWrong := c.want.(*WrongAnswerError); wantsWrong != errors.As(last.Err, &wrong) || !wantsWrong && !errors.Is(last.Err, c.want) {
				t.Errorf("%+v, want %v", last, c.want)
			}
		})
	}
}

func TestChoosing(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
		err  error
	}{
		{Config{HubURL: hubURL, NgrokToken: "t"}, Ngrok, nil},
		{Config{HubURL: hubURL, NgrokToken: "t", PublicURL: "https://a.example"}, Public, nil},
		{Config{HubURL: "http://127.0.0.1:1", NgrokToken: "t"}, Loopback, nil},
		{Config{HubURL: "http://127.0.0.1:1", NgrokToken: "t", Provider: Ngrok}, Ngrok, nil},
		{Config{HubURL: hubURL}, Gradio, nil},
		{Config{HubURL: hubURL, Provider: "gradio"}, Gradio, nil},
		{Config{HubURL: hubURL, Provider: "serveo"}, Serveo, nil},
		{Config{HubURL: hubURL, Provider: "ssh://me@host"}, "ssh://me@host", nil},
		{Config{HubURL: hubURL, Provider: "ssh://me@host", PublicURL: "https://a.example"}, "ssh://me@host", nil},
		{Config{HubURL: hubURL, Provider: "ssh://me@host", PublicURL: "http://a.example"}, "", ErrUsage},
		{Config{HubURL: hubURL, Provider: "serveo", PublicURL: "https://a.example"}, "", ErrUsage},
		{Config{HubURL: hubURL, Provider: "cloudflared"}, Cloudflared, nil},
		{Config{HubURL: hubURL, Provider: "serveo, pinggy"}, Serveo, nil},
		{Config{HubURL: hubURL, Provider: "ngrok,serveo"}, Ngrok, nil}, // that it has no token is found at its turn
		{Config{HubURL: hubURL, Provider: "serveo,pigeon"}, "", ErrUnknownProvider},
		{Config{HubURL: hubURL, Provider: "serveo,"}, "", ErrUnknownProvider},
		{Config{HubURL: hubURL, Provider: "serveo,serveo"}, "", ErrUsage},
		{Config{HubURL: hubURL, Provider: "auto,serveo"}, "", ErrUsage},
		{Config{HubURL: "http://127.0.0.1:1", Provider: "loopback,serveo"}, "", ErrUsage},
		{Config{HubURL: hubURL, Provider: Ngrok}, "", ErrNoToken},
		{Config{HubURL: hubURL, Provider: Ngrok, NgrokToken: "t", PublicURL: "https://a.example"}, "", ErrUsage},
		{Config{HubURL: hubURL, Provider: Ngrok, NgrokToken: "t", NgrokDomain: "https://a.ngrok.app/"}, Ngrok, nil},
		{Config{HubURL: hubURL, Provider: Ngrok, NgrokToken: "t", NgrokDomain: "http://a.ngrok.app"}, "", ErrUsage},
		{Config{HubURL: hubURL, Provider: Ngrok, NgrokToken: "t", NgrokDomain: "a.ngrok.app/path"}, "", ErrUsage},
		{Config{HubURL: hubURL, Provider: Ngrok, NgrokToken: "t", NgrokDomain: "a.ngrok.app:80"}, "", ErrUsage},
		{Config{HubURL: hubURL, Provider: "pigeon"}, "", ErrUnknownProvider},
	} {
		got, err := c.cfg.Choose()
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%+v: %q, %v", c.cfg, got, err)
		}
	}
}
