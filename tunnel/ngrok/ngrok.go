// Package ngrok opens tunnels by ngrok.com, with ngrok's own SDK. It needs the
// token of an ngrok account; [FindSettings] finds what ngrok's own program uses.
package ngrok

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"

	"github.com/hf-tap/hf-tap/tunnel"
)

// Name is the provider's name.
const Name = "ngrok"

// Config is an ngrok account, and how to reach ngrok.
type Config struct {
	tunnel.Options

	Token  string           // required
	Domain string           // a domain of the account, as host or as https URL; empty: ngrok chooses
	Server string           // host:port of ngrok's server; empty: ngrok's own
	Roots  []*x509.CertPool // trusted for the server in addition to ngrok's own authority
}

// New returns the provider. The error is tunnel.ErrNoToken, or tunnel.ErrUsage
// for an invalid Domain.
func New(cfg Config) (tunnel.Provider, error) {
	address, err := addressOf(cfg.Domain)
	if err != nil {
		return nil, err
	}
	if cfg.Token == "" {
		return nil, fmt.Errorf("ngrok %w", tunnel.ErrNoToken)
	}
	cfg.Options = cfg.WithDefaults()
	return provider{cfg, address}, nil
}

type provider struct {
	Config
	address string // the URL to ask for; empty: ngrok chooses
}

func (p provider) Name() string { return Name }

// Open connects to ngrok and binds an address there.
func (p provider) Open(ctx context.Context) (tunnel.Tunnel, error) {
	t, err := open(ctx, p.Config, p.address)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Diagnose connects to ngrok's server, up to its protocol.
func (p provider) Diagnose(ctx context.Context) []tunnel.Finding {
	reached, latency, err := probe(ctx, p.Config)
	return tunnel.Steps(err,
		p.Reached(newDialer(p.Config).server, reached.connected),
		tunnel.Finding{Step: string(tunnel.StepTrust), Detail: "the certificate is trusted", Took: reached.secured},
		tunnel.Finding{Step: string(tunnel.StepProtocol), Detail: "the server speaks ngrok's protocol", Took: latency})
}

// addressOf returns the URL to ask ngrok for, or "" to let it choose.
func addressOf(domain string) (string, error) {
	if domain == "" {
		return "", nil
	}
	host := strings.TrimSuffix(strings.TrimPrefix(domain, "https://"), "/")
	u, err := url.Parse("https://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || u.Port() != "" {
		return "", fmt.Errorf("%w: %q is not a domain like name.ngrok.app", tunnel.ErrUsage, domain)
	}
	return "https://" + host, nil
}
