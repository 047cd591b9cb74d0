package tunnel_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/tunnel"
)

// fake is a provider without a network: it listens on this machine, or fails.
type fake struct {
	name   string
	err    error
	opened *[]string // the names of the providers that were opened
}

func (f fake) Name() string                              { return f.name }
func (f fake) Diagnose(context.Context) []tunnel.Finding { return nil }
func (f fake) Open(ctx context.Context) (tunnel.Tunnel, error) {
	*f.opened = append(*f.opened, f.name)
	if f.err != nil {
		return nil, f.err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	return fakeTunnel{ln, f.name}, err
}

type fakeTunnel struct {
	net.Listener
	name string
}

func (f fakeTunnel) URL() string      { return "http://" + f.Addr().String() }
func (f fakeTunnel) Provider() string { return f.name }

var (
	errDown    = errors.New("it is down")
	errNoToken = errors.New("it needs a token")
)

// choices are the providers own, which is the user's; a, which fails; b and c, which
// work; token, which cannot be made; invalid, whose settings are invalid; any://…,
// which stands for many; and the one that auto takes.
func choices(auto string) (list []tunnel.Choice, opened *[]string) {
	opened = new([]string)
	for _, name := range []string{"own", "a", "b", "c", "token", "invalid", "any://host"} {
		c := tunnel.Choice{Name: name, Own: name == "own", New: func(name string) (tunnel.Provider, error) {
			switch name {
			case "a":
				return fake{name, errDown, opened}, nil
			case "token":
				return nil, errNoToken
			case "invalid":
				return nil, tunnel.ErrUsage
			}
			return fake{name, nil, opened}, nil
		}}
		if name == auto {
			c.Auto = "it fits"
		}
		list = append(list, c)
	}
	return list, opened
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		names string
		want  string
		err   error
	}{
		{"", "b", nil},
		{"auto", "b", nil},
		{"own", "own", nil},
		{"c", "c", nil},
		{"a, c", "a c", nil},
		{"token,c", "token c", nil}, // that it has no token is found when it is opened
		{"token", "", errNoToken},
		{"any://one", "any://one", nil},
		{"any://one,any://two", "any://one any://two", nil},
		{"other://one", "", tunnel.ErrUnknownProvider},
		{"pigeon", "", tunnel.ErrUnknownProvider},
		{"a,pigeon", "", tunnel.ErrUnknownProvider},
		{"a,", "", tunnel.ErrUnknownProvider},
		{"a,a", "", tunnel.ErrUsage},
		{"auto,a", "", tunnel.ErrUsage},
		{"own,a", "", tunnel.ErrUsage},
		{"invalid", "", tunnel.ErrUsage},
		{"a,invalid", "", tunnel.ErrUsage},
	} {
		list, _ := choices("b")
		s, err := tunnel.Choose(list, c.names)
		if got := strings.Join(s.Names(), " "); !errors.Is(err, c.err) || err == nil && got != c.want {
			t.Errorf("%q: %q, %v, want %q, %v", c.names, got, err, c.want, c.err)
		}
	}
}

func TestSeveralAreTriedInTheirOrderAndThenOnlyTheOneThatWorks(t *testing.T) {
	list, opened := choices("")
	s, err := tunnel.Choose(list, "token,a,b,c")
	if err != nil {
		t.Fatal(err)
	}
	open := s.Opener()
	for range 2 {
		tun, err := open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tun.Close()
	}
	if want := []string{"a", "b", "b"}; !slices.Equal(*opened, want) {
		t.Errorf("opened %q, want %q", *opened, want)
	}
}

func TestAllFailedErrorHasEachError(t *testing.T) {
	list, _ := choices("")
	s, err := tunnel.Choose(list, "token,a")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Open(t.Context())
	var all *tunnel.AllFailedError
	if !errors.As(err, &all) || !slices.Equal(all.Providers, []string{"token", "a"}) || !errors.Is(err, errNoToken) || !errors.Is(err, errDown) {
		t.Errorf("%v", err)
	}
	if want := "token: it needs a token; a: it is down"; !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%q does not end with %q", err, want)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	list, opened := choices("")
	s, err := tunnel.Choose(list, "a,b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(ctx); !errors.Is(err, context.Canceled) || len(*opened) != 1 {
		t.Errorf("%v after %q", err, *opened)
	}
}

// TestAutoTriesNoOtherProvider: third parties are used only if the user names them.
func TestAutoTriesNoOtherProvider(t *testing.T) {
	list, opened := choices("a")
	s, err := tunnel.Choose(list, tunnel.Auto)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Open(t.Context())
	var auto *tunnel.AutoError
	if !errors.As(err, &auto) || auto.Provider != "a" || !errors.Is(err, errDown) || len(*opened) != 1 {
		t.Errorf("%v after %q", err, *opened)
	}
}
