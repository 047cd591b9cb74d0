package dev

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/tunnel"
)

// version is how the Hub and tunnels know this program.
const version = "dev"

// connect fills in how the session reaches the Hub, and what its webhook watches. The
// function that it returns ends the connections.
func (p *process) connect(ctx context.Context, o *listen.Options, all endpoints, options Options) (release func(), err error) {
	env, err := hub.FromEnv(p.getenv)
	if err != nil {
		return nil, hint.With(err, "unset HF_ENDPOINT, or set it to a URL like "+hub.DefaultEndpoint)
	}
	n, err := network.New(network.Config{Getenv: p.getenv, CAFile: options.CA})
	switch {
	case err != nil && options.CA != "":
		return nil, hint.With(err, "give dev.Options.CA a file with certificates in PEM form, and check HTTPS_PROXY and HTTP_PROXY")
	case err != nil:
		return nil, hint.With(err, "set HTTPS_PROXY and HTTP_PROXY to URLs like http://proxy:3128, or unset them")
	case options.Port < 0 || options.Port > 65535:
		return nil, hint.With(fmt.Errorf("%d is not a port", options.Port), "give dev.Options.Port a number from 1 to 65535")
	}
	transport := n.Transport()
	defer func() {
		if err != nil {
			transport.CloseIdleConnections()
		}
	}()
	cfg := &o.Session
	cfg.Endpoint, cfg.Public, o.Roots = env.Endpoint, &http.Client{Transport: transport}, n.Roots()
	if env.Loopback() {
		cfg.Receiver.Source = event.SourceSandbox
	}
	if cfg.Dir, err = session.FindDir(p.getenv); err != nil {
		return nil, err
	}
	cfg.Tunnel = session.NewTunnelConfig(cfg.Dir, p.getenv, version, n, transport)
	cfg.Tunnel.Provider, cfg.Tunnel.HubURL = cmp.Or(options.Tunnel, tunnel.Auto), env.Endpoint
	cfg.Tunnel.PublicURL, cfg.Tunnel.Port = options.PublicURL, options.Port
	cfg.Tunnel.Ngrok.Domain, cfg.Tunnel.Gradio.Server, cfg.Tunnel.SSH.Domains = options.NgrokDomain, options.GradioServer, options.SSHDomains
	cfg.NewURL = options.NewURL
	if err = cfg.Tunnel.FindNgrok(p.getenv, o.Notes.Print); err != nil {
		return nil, err
	}
	if _, err = cfg.Tunnel.Select(); err != nil {
		return nil, err
	}
	if cfg.NoWebhook = !all.fed(); cfg.NoWebhook {
		return transport.CloseIdleConnections, nil
	}
	token, err := hub.FindToken(hub.TokenEnv{Getenv: p.getenv, Home: func() (string, error) {
		if dir := p.getenv("HOME"); dir != "" {
			return dir, nil
		}
		return os.UserHomeDir()
	}}, "", nil)
	if err != nil {
		return nil, err
	}
	o.Notes.Mask.Add(token.Value)
	cfg.Hub, err = hub.NewClient(hub.ClientConfig{
		Endpoint: env.Endpoint, Offline: env.Offline, Origin: env.Origin, Token: token.Value, Version: version, Transport: transport,
		OnWarning: func(topic, message string) { o.Notes.Print("the Hub warns of %s: %s", topic, message) },
	})
	if err != nil {
		return nil, err
	}
	cfg.Watches, err = all.watches(func() (hub.Identity, error) { return cfg.Hub.WhoAmI(ctx) })
	return transport.CloseIdleConnections, err
}
