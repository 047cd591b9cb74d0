package dev

import (
	"context"
	"net/http"
	"os"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/session"
)

// version is how the Hub and tunnels know this program.
const version = "dev"

// connect fills in how the session reaches the Hub, and what its webhook watches. The
// function that it returns ends the connections.
func (p *process) connect(ctx context.Context, o *listen.Options, all endpoints, provider string) (release func(), err error) {
	env, err := hub.FromEnv(p.getenv)
	if err != nil {
		return nil, err
	}
	n, err := network.New(network.Config{Getenv: p.getenv})
	if err != nil {
		return nil, err
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
	cfg.Tunnel.Provider, cfg.Tunnel.HubURL = provider, env.Endpoint
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
