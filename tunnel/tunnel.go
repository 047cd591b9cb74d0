// Package tunnel gives the receiver a public address. A Tunnel is a listener
// whose other end the Hub can reach at URL; where its connections come from is
// the provider's business.
//
// Providers in this package: ngrok, through its own SDK; loopback, which is no
// tunnel at all and serves only a Hub on the same machine; and public, for a
// tunnel that the user runs.
//
// Tunnels come and go: networks drop, machines sleep, providers restart. A
// Keeper makes one lasting listener of them, and knows which address leads
// here. No provider's word is taken for that: Verify asks at the address
// itself. Diagnose tells what stands in the way of a tunnel.
package tunnel

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"
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

// Linked is a Tunnel that hangs on a connection to its provider, which may
// drop and come back under the listener's feet. When Accept fails, the tunnel
// has ended for good and another has to be opened.
type Linked interface {
	Tunnel
	// Link tells how the connection is now.
	Link() Link
	// LinkChanged receives after each change of Link; changes that nobody has
	// looked at yet count as one.
	LinkChanged() <-chan struct{}
}

// Link is how a tunnel's connection to its provider is.
type Link struct {
	Up    bool
	Cause error // why it is not up: a *ProviderError or a *ConnectError
	Made  int   // how often it has been made: a higher number is another connection, which may have another address
}

// The names of the providers.
const (
	Auto     = "auto"     // the one that fits
	Loopback = "loopback" // no tunnel: the Hub is on this machine
	Public   = "public"   // the user's own tunnel, by --public-url
	Ngrok    = "ngrok"    // ngrok.com, with a token
)

// Config says which tunnel to open, and how.
type Config struct {
	Provider  string // Auto, Loopback, Public or Ngrok; empty is Auto
	PublicURL string // the address of the user's own tunnel
	Port      int    // the loopback port to listen on, 0 for any
	HubURL    string // the Hub's endpoint: loopback serves only a Hub on loopback

	NgrokToken  string           // without one there is no ngrok
	NgrokDomain string           // a domain of the account, as host or as https URL; empty: ngrok chooses
	NgrokServer string           // host:port of ngrok's server; empty: ngrok's own
	NgrokRoots  []*x509.CertPool // trusted for ngrok's server besides ngrok's own authority

	// Dial connects to a provider's server, through a proxy where there is one;
	// nil: directly. Proxy names the proxy that Dial takes to an address, without
	// its password, "" for none; nil: never one.
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Proxy func(address string) string

	Version string        // of hf-tap, which providers are told
	Log     *slog.Logger  // what providers' libraries have to say; nil: nobody hears it
	Beat    time.Duration // between two signs of life with a provider, 0 for 10 s; after 2.5 of them without an answer the connection is dead
	Within  time.Duration // how long opening may take, and each step of Diagnose at most; 0 for 15 s
}

// Open opens the tunnel that cfg asks for. The tunnel outlives ctx: it ends
// with Close. The error is or wraps one of this package's: Hint tells what to
// do about it.
func Open(ctx context.Context, cfg Config) (Tunnel, error) {
	provider, err := cfg.Choose()
	if err != nil {
		return nil, err
	}
	switch provider {
	case Ngrok:
		return openNgrok(ctx, cfg)
	case Public:
		public, err := publicURL(cfg.PublicURL)
		if err != nil {
			return nil, err
		}
		return openLocal(ctx, provider, public, cfg.Port)
	default:
		return openLocal(ctx, provider, "", cfg.Port)
	}
}

// Choose gives the provider that Open will take: the one that is named, or
// for Auto, in this order: the user's own tunnel if its address is given,
// loopback for a Hub on loopback, ngrok if there is a token. Settings that
// contradict it are an ErrUsage; without any that fits it is ErrNone.
func (cfg Config) Choose() (string, error) {
	provider := cfg.Provider
	if provider == "" || provider == Auto {
		switch {
		case cfg.PublicURL != "":
			provider = Public
		case onLoopback(cfg.HubURL):
			provider = Loopback
		case cfg.NgrokToken != "":
			provider = Ngrok
		default:
			return "", ErrNone
		}
	}
	switch {
	case provider != Loopback && provider != Public && provider != Ngrok:
		return "", fmt.Errorf("%w %q", ErrUnknown, provider)
	case provider == Loopback && !onLoopback(cfg.HubURL):
		return "", fmt.Errorf("%w: %s is not on this machine, so it cannot reach a loopback address", ErrUsage, cfg.HubURL)
	case provider != Public && cfg.PublicURL != "":
		return "", fmt.Errorf("%w: a tunnel by %s has no public URL of the user's", ErrUsage, provider)
	case provider == Ngrok && cfg.NgrokToken == "":
		return "", ErrNoToken
	case provider == Ngrok:
		if _, err := ngrokURL(cfg.NgrokDomain); err != nil {
			return "", err
		}
	}
	return provider, nil
}

// ngrokURL gives the URL to ask ngrok for, "" to let it choose.
func ngrokURL(domain string) (string, error) {
	if domain == "" {
		return "", nil
	}
	host := strings.TrimSuffix(strings.TrimPrefix(domain, "https://"), "/")
	u, err := url.Parse("https://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || u.Port() != "" {
		return "", fmt.Errorf("%w: %q is no domain like name.ngrok.app", ErrUsage, domain)
	}
	return "https://" + host, nil
}
