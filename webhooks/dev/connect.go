package dev

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"runtime"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/gradio"
	"github.com/hf-tap/hf-tap/tunnel/ngrok"
	"github.com/hf-tap/hf-tap/tunnel/ssh"
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
	if cfg.Tunnel, err = p.tunnel(provider, cfg.Dir, env, n, transport); err != nil {
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

// tunnel is the configuration of the tunnel, with ngrok's own settings.
func (p *process) tunnel(provider string, dir session.Dir, env hub.Env, n *network.Network, transport http.RoundTripper) (session.TunnelConfig, error) {
	cfg := session.TunnelConfig{
		Options: tunnel.Options{
			Version: version, Dial: n.DialContext,
			Proxy: func(address string) string {
				if u := n.ProxyFor(address); u != nil {
					return u.Redacted()
				}
				return ""
			},
		},
		Provider: provider, HubURL: env.Endpoint,
		Gradio: gradio.Config{HTTP: &http.Client{Transport: transport}},
		SSH:    ssh.Config{KeyFile: dir.SSHKey(), KnownHosts: dir.KnownHosts(), Agent: p.getenv("SSH_AUTH_SOCK")},
	}
	if roots := n.Roots(); roots != nil {
		cfg.Ngrok.Roots = append(cfg.Ngrok.Roots, roots)
	}
	if home := p.getenv("HOME"); home != "" {
		cfg.SSH.Home = filepath.Join(home, ".ssh")
	}
	settings, err := ngrok.FindSettings(p.getenv, runtime.GOOS)
	if err != nil && settings.TokenFrom == "" && !env.Loopback() {
		return cfg, err
	}
	settings.Apply(&cfg.Ngrok)
	return cfg, nil
}
