// Package local has the tunnel providers without a third party. Loopback listens for
// senders on this machine, and Public behind a tunnel that the user runs.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/hf-tap/hf-tap/internal/loopback"
	"github.com/hf-tap/hf-tap/tunnel"
)

// The names of the providers.
const (
	Loopback = "loopback" // no tunnel: the sender is on this machine
	Public   = "public"   // the user's own tunnel at Config.URL
)

// Config says where to listen.
type Config struct {
	URL    string       // the address of the user's own tunnel, for Public
	Port   int          // the port to listen on, on this machine's loopback address; 0 for any
	Client *http.Client // sends a request to URL when Public is diagnosed without a Port; nil: a plain one
}

// NewLoopback returns the provider of a listener for senders on this machine.
func NewLoopback(cfg Config) tunnel.Provider {
	cfg.URL = ""
	return provider{Loopback, cfg}
}

// NewPublic returns the provider of a listener that the user's own tunnel leads
// to. The error is a tunnel.ErrUsage.
func NewPublic(cfg Config) (tunnel.Provider, error) {
	var err error
	if cfg.URL, err = tunnel.PublicURL(cfg.URL); err != nil {
		return nil, err
	}
	return provider{Public, cfg}, nil
}

type provider struct {
	name string
	Config
}

func (p provider) Name() string { return p.name }

// Open listens on 127.0.0.1, never on "localhost", which may be ::1 for one side
// and 127.0.0.1 for the other.
func (p provider) Open(ctx context.Context) (tunnel.Tunnel, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port)))
	if err != nil {
		return nil, fmt.Errorf("listen for the tunnel: %w", err)
	}
	address := p.URL
	if address == "" {
		address = "http://" + ln.Addr().String()
	}
	return listener{ln, p.name, address}, nil
}

// probeTime is how long the user's tunnel may take to answer.
const probeTime = 10 * time.Second

// Diagnose sends a request to the public address if the port that it leads to is
// not known. Nothing of this process can answer there then: the step fails with
// tunnel.ErrUnverified at best.
func (p provider) Diagnose(ctx context.Context) []tunnel.Finding {
	if p.name == Loopback || p.Port != 0 {
		return nil
	}
	client := p.Client
	if client == nil {
		transport := &http.Transport{Proxy: loopback.ProxyFromEnvironment}
		defer transport.CloseIdleConnections()
		client = &http.Client{Transport: transport}
	}
	_, err := tunnel.VerifyOnce(ctx, tunnel.Probe{
		URL: p.URL + "/hf-tap-doctor", Answer: func(string) string { return rand.Text() }, Client: client, Timeout: probeTime,
	})
	var answered *tunnel.WrongAnswerError
	if errors.As(err, &answered) {
		err = fmt.Errorf("%w: %s answers %d, and the port that it leads to is not known", tunnel.ErrUnverified, p.URL, answered.Status)
	}
	return []tunnel.Finding{{Step: tunnel.FindingAddress, Detail: p.URL, Err: err}}
}

// listener is a listener on this machine as a tunnel.
type listener struct {
	net.Listener
	provider, url string
}

func (l listener) URL() string      { return l.url }
func (l listener) Provider() string { return l.provider }
