package gradio

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	frptest "github.com/hf-tap/hf-tap/internal/testserver/frp"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
)

func keep(t *testing.T, cfg Config) *tunneltest.Kept {
	t.Helper()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	times := tunneltest.Quick()
	times.ProviderRetry = time.Minute // the tunnel logs in again by itself
	return tunneltest.Keep(t, p, tunneltest.Client(t), times)
}

func TestDeliveriesArriveAlsoAfterTheServerWasKilled(t *testing.T) {
	s := start(t, frptest.Config{})
	w := keep(t, looked(s))
	first := w.Status().URL
	w.MustPost(w.Status().URL, 500, "part 1 of")
	w.Until("up", func(s tunnel.Status) bool { return s.State == tunnel.StateUp })
	s.Stop()
	away := w.Until("away", func(s tunnel.Status) bool { return s.State == tunnel.StateAway })
	var connect *tunnel.ConnectError
	if !errors.As(away.Cause, &connect) || away.Provider != Name {
		t.Errorf("%+v", away)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	up := w.Until("up again", func(s tunnel.Status) bool { return s.State == tunnel.StateUp })
	if up.URL != first || up.Provider != Name {
		t.Errorf("%+v, at first %s", up, first)
	}
	w.MustPost(w.Status().URL, 500, "part 2 of")
}

func TestTheEndOfALoginIsNotAnOutage(t *testing.T) {
	s := start(t, frptest.Config{})
	w := keep(t, looked(s))
	first := w.Status().URL
	for made := 2; made < 4; made++ {
		s.Kill()
		if err := s.Wait(tunneltest.Patience(t), func(c frptest.Counts) bool { return c.Given == made }); err != nil {
			t.Fatal(err)
		}
		w.MustPost(w.Status().URL, 20, fmt.Sprint("part ", made, " of"))
	}
	for _, s := range w.Changes() {
		if s.State != tunnel.StateConnecting && (s.State != tunnel.StateUp || s.URL != first) {
			t.Errorf("told %+v", s)
		}
	}
}

func TestEachObstacleIsAConnectError(t *testing.T) {
	html := "<html>sign in</html>"
	for _, c := range []struct {
		name  string
		fault frptest.Faults
		step  tunnel.Step
	}{
		{"the look-up is a page", frptest.Faults{LookupBody: &html}, tunnel.StepProtocol},
		{"it refuses", frptest.Faults{RefuseConns: true}, tunnel.StepTLS},
		{"its certificate has expired", frptest.Faults{Certificate: frptest.Expired}, tunnel.StepTrust},
		{"its certificate is another's", frptest.Faults{Certificate: frptest.OtherName}, tunnel.StepTrust},
		{"it speaks something else", frptest.Faults{GarbageMux: []byte("HTTP/1.1 400\r\n")}, tunnel.StepProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, frptest.Config{})
			s.Set(func(f *frptest.Faults) { *f = c.fault })
			_, err := try(t.Context(), looked(s))
			var connect *tunnel.ConnectError
			if !errors.As(err, &connect) || connect.Step != c.step || connect.Provider != Name || connect.Server == "" {
				t.Fatalf("%v", err)
			}
			if connect.Expired() != (c.fault.Certificate == frptest.Expired) {
				t.Errorf("%v: expired %v", err, connect.Expired())
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			t.Log(err)
		})
	}
	s := start(t, frptest.Config{})
	s.Stop()
	cfg := looked(s)
	cfg.Proxy = func(address string) string { return fmt.Sprintf("proxy for %s", address) }
	var connect *tunnel.ConnectError
	if _, err := try(t.Context(), cfg); !errors.As(err, &connect) || connect.Step != tunnel.StepProxy || connect.Proxy != "proxy for "+s.Addr() {
		t.Errorf("%v", err)
	}
	if _, err := try(t.Context(), Config{Server: "nonsense"}); !errors.Is(err, tunnel.ErrUsage) {
		t.Errorf("%v", err)
	}
}

func TestEachRefusalHasItsCode(t *testing.T) {
	for _, c := range []struct {
		name      string
		text      string
		code      string
		permanent bool
	}{
		{"the name is taken", "router config conflict", NameTaken, false},
		{"the token", "token in login doesn't match geheim", BadToken, true},
		{"no HTTP", "type [http] not supported", Unsupported, true},
		{"something else", "not today", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, frptest.Config{Token: "geheim", Own: true})
			s.Set(func(f *frptest.Faults) { f.ProxyError = c.text })
			cfg := looked(s)
			cfg.Server, cfg.Roots, cfg.Token = s.Addr(), []*x509.CertPool{s.CA()}, "geheim"
			_, err := try(t.Context(), cfg)
			var refused *tunnel.ProviderError
			if !errors.As(err, &refused) || refused.Code != c.code || refused.Permanent != c.permanent || refused.Provider != Name {
				t.Errorf("%#v", err)
			}
			if strings.Contains(err.Error(), "geheim") {
				t.Errorf("the token stands in %q", err)
			}
		})
	}
}

func TestTwoTunnelsAtOnceHaveTwoAddresses(t *testing.T) {
	s := start(t, frptest.Config{})
	cfg := looked(s)
	one := keep(t, cfg)
	cfg.Name = ""
	other := keep(t, cfg)
	if one.Status().URL == other.Status().URL {
		t.Fatal("they have one address")
	}
	one.MustPost(one.Status().URL, 20, "part 4 of")
	other.MustPost(other.Status().URL, 20, "part 5 of")
}

func TestALinkEndsWithAPermanentRefusal(t *testing.T) {
	s := start(t, frptest.Config{})
	tun, err := try(t.Context(), looked(s))
	if err != nil {
		t.Fatal(err)
	}
	defer tun.Close()
	if l := tun.Link(); !l.Up || l.Cause != nil || l.Made != 1 || tun.Provider() != Name {
		t.Errorf("%+v", l)
	}
	s.Set(func(f *frptest.Faults) { f.LoginError = "client version is too old" })
	s.Drop()
	_, err = tun.Accept()
	var refused *tunnel.ProviderError
	if !errors.As(err, &refused) || refused.Code != Unsupported {
		t.Errorf("%v", err)
	}
	if l := tun.Link(); l.Up || !errors.As(l.Cause, &refused) {
		t.Errorf("%+v", l)
	}
}
