package session

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/internal/loopback"
	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/cloudflared"
	"github.com/hf-tap/hf-tap/tunnel/gradio"
	"github.com/hf-tap/hf-tap/tunnel/local"
	"github.com/hf-tap/hf-tap/tunnel/ngrok"
	"github.com/hf-tap/hf-tap/tunnel/ssh"
)

// TunnelConfig is the tunnel to open, and the settings of each provider. Options,
// PublicURL and Port here replace those in the providers' settings: see choices.
type TunnelConfig struct {
	tunnel.Options

	Provider  string // a provider's name, or several with commas between them, which are tried in that order; empty is auto
	HubURL    string // the endpoint of the Hub that will send here, if it is known: loopback is for one on this machine
	PublicURL string // the address of the user's own tunnel, or of an ssh:// server that announces none
	Port      int    // the port to listen on: of this machine's loopback, or of an ssh:// server; 0 for any

	Ngrok       ngrok.Config
	Gradio      gradio.Config
	SSH         ssh.Config
	Cloudflared cloudflared.Config

	visitor *http.Client // of Diagnose
}

// NewTunnelConfig returns the settings that do not depend on which tunnel it is.
func NewTunnelConfig(dir Dir, getenv func(string) string, version string, n *network.Network, transport http.RoundTripper) TunnelConfig {
	c := TunnelConfig{
		Options: tunnel.Options{
			Version: version, Dial: n.DialContext,
			Proxy: func(address string) string {
				if u := n.ProxyFor(address); u != nil {
					return u.Redacted()
				}
				return ""
			},
		},
		Gradio: gradio.Config{HTTP: &http.Client{Transport: transport}},
		SSH:    ssh.Config{KeyFile: dir.SSHKey(), KnownHosts: dir.KnownHosts(), Agent: getenv("SSH_AUTH_SOCK")},
	}
	if roots := n.Roots(); roots != nil {
		c.Ngrok.Roots = append(c.Ngrok.Roots, roots)
	}
	if home := getenv("HOME"); home != "" {
		c.SSH.Home = filepath.Join(home, ".ssh")
	}
	return c
}

// FindNgrok adds ngrok's own settings if a tunnel by ngrok may be opened. If they are
// usable but not correct, it calls tell with what is wrong.
func (c *TunnelConfig) FindNgrok(getenv func(string) string, tell func(format string, args ...any)) error {
	auto := c.Provider == tunnel.Auto && c.PublicURL == "" && !onThisMachine(c.HubURL)
	if !auto && !slices.Contains(strings.Split(c.Provider, ","), ngrok.Name) {
		return nil // how it is set up does not matter
	}
	settings, err := ngrok.FindSettings(getenv, runtime.GOOS)
	if err != nil {
		if settings.TokenFrom == "" {
			return err
		}
		tell("%v: only NGROK_AUTHTOKEN is used", err)
	}
	settings.Apply(&c.Ngrok)
	return nil
}

// choices lists all providers, in the order in which help and hints name them. Auto
// takes the first one that has a reason for it. Each provider needs the shared options,
// because without them it ignores proxies and time limits.
func (c TunnelConfig) choices() []tunnel.Choice {
	c.Ngrok.Options, c.Gradio.Options, c.SSH.Options, c.Cloudflared.Options = c.Options, c.Options, c.Options, c.Options
	c.SSH.PublicURL, c.SSH.Port = c.PublicURL, c.Port
	here := local.Config{URL: c.PublicURL, Port: c.Port, Client: c.visitor}
	bySSH := func(name string) (tunnel.Provider, error) { return ssh.New(name, c.SSH) }

	list := []tunnel.Choice{
		{Name: local.Public, Own: true, Auto: when(c.PublicURL != "", "an address is given"), New: func(string) (tunnel.Provider, error) { return local.NewPublic(here) }},
		{Name: local.Loopback, Own: true, Auto: when(onThisMachine(c.HubURL), "the Hub is on this machine"), New: func(string) (tunnel.Provider, error) { return local.NewLoopback(here), nil }},
		{Name: gradio.Name, Auto: when(c.Ngrok.Token == "", "there is no token for ngrok"), New: func(string) (tunnel.Provider, error) { return gradio.New(c.Gradio) }},
		{Name: ngrok.Name, Auto: when(c.Ngrok.Token != "", "there is a token for it"), New: func(string) (tunnel.Provider, error) { return ngrok.New(c.Ngrok) }},
	}
	for _, name := range ssh.Services() {
		list = append(list, tunnel.Choice{Name: name, New: bySSH})
	}
	return append(list,
		tunnel.Choice{Name: cloudflared.Name, New: func(string) (tunnel.Provider, error) { return cloudflared.New(c.Cloudflared) }},
		tunnel.Choice{Name: ssh.AnyServer, New: bySSH},
	)
}

// when returns a text if it applies, else "".
func when(applies bool, text string) string {
	if !applies {
		return ""
	}
	return text
}

// TunnelProviders returns the names of the providers of third parties, and
// "ssh://[user@]host" for any server.
func TunnelProviders() (names []string) {
	for _, c := range (TunnelConfig{}).choices() {
		if !c.Own {
			names = append(names, c.Name)
		}
	}
	return names
}

// Select selects the providers to try. Settings that contradict them are a
// tunnel.ErrUsage.
func (c TunnelConfig) Select() (tunnel.Selection, error) {
	s, err := tunnel.Choose(c.choices(), c.Provider)
	if err != nil {
		return s, err
	}
	for _, name := range s.Names() {
		switch {
		case name == local.Loopback && c.HubURL != "" && !onThisMachine(c.HubURL):
			return s, fmt.Errorf("%w: %s is not on this machine, so it cannot reach a loopback address", tunnel.ErrUsage, c.HubURL)
		case c.PublicURL != "" && name != local.Public && !ssh.IsServer(name):
			return s, fmt.Errorf("%w: a tunnel by %s has no public URL of the user's", tunnel.ErrUsage, name)
		}
	}
	return s, nil
}

// Diagnose opens the tunnel, sends a request through it and closes it, and returns
// the result of each step until one fails. The client sends the request.
func (c TunnelConfig) Diagnose(ctx context.Context, client *http.Client) []tunnel.Finding {
	c.visitor = client
	s, err := c.Select()
	if err != nil {
		return []tunnel.Finding{{Step: tunnel.FindingTunnel, Err: err}}
	}
	return s.Diagnose(ctx, client, c.Options)
}

// onThisMachine reports whether a URL's host is this machine.
func onThisMachine(s string) bool {
	u, err := url.Parse(s)
	return err == nil && loopback.Is(u.Hostname())
}
