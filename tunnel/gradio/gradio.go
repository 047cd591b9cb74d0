// Package gradio opens tunnels by gradio.live, which needs no account, or by a
// server of the same kind: gradio's fork of frp, or frp itself from 0.44 on.
//
// It looks up the share server, logs in, asks for one public HTTP address, and
// accepts the connections to it. The protocol, from the outside: TCP; a byte and
// TLS, with the authority that the look-up names; yamux; frp's messages (see
// internal/frpwire) on the first stream, encrypted once more; another stream for
// each public connection, opened when the server asks for it.
//
// A tunnel logs in again by itself after each drop, and when gradio's server ends
// a login, which it does after three days. The address depends on Config.Name and
// stays the same. The tunnel ends with Close, or when the server's refusal is
// permanent.
package gradio

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hf-tap/hf-tap/tunnel"
)

// Name is the provider's name.
const Name = "gradio"

// Config is a share server, and the address to ask it for.
type Config struct {
	tunnel.Options

	// Name decides the address: the same name has the same address. Anyone who knows
	// the name can take over the address. Two processes must not use one name at a
	// time. Empty: a random name for each tunnel.
	Name string

	Server string           // host:port of the user's own share server or frp server; empty: the one that Lookup returns
	Token  string           // the token of the user's own server; gradio's needs none
	Roots  []*x509.CertPool // trusted for the server in addition to the authority of the look-up; none: the user's own server is used without TLS
	Lookup string           // the URL that returns the server; empty: DefaultLookup
	HTTP   *http.Client     // for Lookup; nil: a plain client

	// Ending is called an hour before gradio's server ends a login and the tunnel logs
	// in again, from a goroutine that Close waits for. May be nil.
	Ending func(ends time.Time)

	// The tests have other values.
	life, warn time.Duration // of a login at gradio's server, and before its end
	drain      time.Duration // see drainTime
	maxConns   int           // at a time, those in stock among them
}

// DefaultLookup is the URL at which gradio names the server that gives addresses
// under gradio.live, and the authority of its certificate.
const DefaultLookup = "https://api.gradio.app/v3/tunnel-request"

func (c Config) withDefaults() Config {
	c.Options = c.WithDefaults()
	c.Lookup = cmp.Or(c.Lookup, DefaultLookup)
	c.life = cmp.Or(c.life, 72*time.Hour)
	c.warn = cmp.Or(c.warn, time.Hour)
	c.drain = cmp.Or(c.drain, drainTime)
	c.maxConns = cmp.Or(c.maxConns, 1024)
	if c.Ending == nil {
		c.Ending = func(time.Time) {}
	}
	return c
}

// New returns the provider. The error is a tunnel.ErrUsage, for an invalid Server
// or Lookup.
func New(cfg Config) (tunnel.Provider, error) {
	cfg = cfg.withDefaults()
	if host, _, err := net.SplitHostPort(cfg.Server); cfg.Server != "" && (err != nil || host == "") {
		return nil, fmt.Errorf("%w: %q is not an address like host:7000", tunnel.ErrUsage, cfg.Server)
	}
	if u, err := url.Parse(cfg.Lookup); err != nil || u.Host == "" {
		return nil, fmt.Errorf("%w: %q is not a URL to look the server up at", tunnel.ErrUsage, cfg.Lookup)
	}
	return provider{cfg}, nil
}

type provider struct{ cfg Config }

func (p provider) Name() string { return Name }

// Open logs in.
func (p provider) Open(ctx context.Context) (tunnel.Tunnel, error) {
	cfg := p.cfg
	if cfg.Name == "" {
		cfg.Name = rand.Text()
	}
	t, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Diagnose has no steps: an error of Open says which one failed.
func (p provider) Diagnose(context.Context) []tunnel.Finding { return nil }
