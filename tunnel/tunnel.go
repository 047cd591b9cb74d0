// Package tunnel gives the receiver a public address. A Tunnel is a listener
// whose other end the Hub can reach at URL; where its connections come from is
// the provider's business.
//
// Providers in this package: loopback, which is no tunnel at all and serves
// only a Hub on the same machine, and public, for a tunnel that the user runs.
// Verify tells whether an address really leads back here: no provider's word
// is taken for that.
package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Tunnel is a listener with a public address.
type Tunnel interface {
	net.Listener
	// URL is the public address, without a slash at its end: what is asked of
	// URL + "/path" arrives at the listener as "/path".
	URL() string
	// Provider is the name that --tunnel takes.
	Provider() string
}

// The names of the providers.
const (
	Auto     = "auto"     // the one that fits
	Loopback = "loopback" // no tunnel: the Hub is on this machine
	Public   = "public"   // the user's own tunnel, by --public-url
)

// Config says which tunnel to open.
type Config struct {
	Provider  string // Auto, Loopback or Public; empty is Auto
	PublicURL string // the address of the user's own tunnel
	Port      int    // the loopback port to listen on, 0 for any
	HubURL    string // the Hub's endpoint: loopback serves only a Hub on loopback
}

// ErrNone says that no tunnel fits: the Hub is elsewhere and the user named
// none.
var ErrNone = errors.New("no tunnel to reach this machine by")

// ErrUnknown says that there is no provider of the name.
var ErrUnknown = errors.New("unknown tunnel")

// ErrUsage says that the settings of a tunnel contradict each other or the
// Hub's place.
var ErrUsage = errors.New("this tunnel cannot be used so")

// Open opens the tunnel that cfg asks for. The error says which provider
// failed.
func Open(ctx context.Context, cfg Config) (Tunnel, error) {
	provider := cfg.Provider
	if provider == "" || provider == Auto {
		switch {
		case cfg.PublicURL != "":
			provider = Public
		case onLoopback(cfg.HubURL):
			provider = Loopback
		default:
			return nil, ErrNone
		}
	}
	switch provider {
	case Loopback:
		if !onLoopback(cfg.HubURL) {
			return nil, fmt.Errorf("%w: %s is not on this machine, so it cannot reach a loopback address", ErrUsage, cfg.HubURL)
		}
		if cfg.PublicURL != "" {
			return nil, fmt.Errorf("%w: a loopback tunnel has no public URL", ErrUsage)
		}
		return openLocal(ctx, provider, "", cfg.Port)
	case Public:
		public, err := publicURL(cfg.PublicURL)
		if err != nil {
			return nil, err
		}
		return openLocal(ctx, provider, public, cfg.Port)
	}
	return nil, fmt.Errorf("%w %q", ErrUnknown, provider)
}

// local is a listener on a loopback port: all there is to both providers here.
type local struct {
	net.Listener
	provider, url string
}

func (l *local) URL() string      { return l.url }
func (l *local) Provider() string { return l.provider }

// openLocal listens on 127.0.0.1, never on "localhost", which may be ::1 for
// one side and 127.0.0.1 for the other.
func openLocal(ctx context.Context, provider, public string, port int) (Tunnel, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen for the tunnel: %w", err)
	}
	if public == "" {
		public = "http://" + ln.Addr().String()
	}
	return &local{ln, provider, public}, nil
}

// publicURL checks the address of a user's own tunnel. Plain http is taken on
// loopback only: the secret stands in a header of each delivery.
func publicURL(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return "", fmt.Errorf("%w: the public URL is missing", ErrUsage)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("%w: %q is no URL like https://host", ErrUsage, s)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%w: the public URL may hold a host and a path, but no user, query or fragment", ErrUsage)
	case u.Scheme == "http" && !onLoopback(s):
		return "", fmt.Errorf("%w: %q is not encrypted, and each delivery carries the secret", ErrUsage, s)
	}
	return strings.TrimRight(s, "/"), nil
}

// onLoopback reports whether a URL's host is this machine itself.
func onLoopback(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	host := u.Hostname()
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}
