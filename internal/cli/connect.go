package cli

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/nearest"
	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/gradio"
	"github.com/hf-tap/hf-tap/tunnel/local"
	"github.com/hf-tap/hf-tap/tunnel/ngrok"
	"github.com/hf-tap/hf-tap/tunnel/ssh"
	"github.com/spf13/pflag"
)

// accountFlags are the flags for the user's token and the connection to the Hub.
type accountFlags struct {
	token string
	ca    string
}

func (f *accountFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.token, "token", "", "use this stored token, or - for standard input")
	fs.StringVar(&f.ca, "ca", "", "also trust the certificates in this PEM file")
	configurable(fs, "token", "ca")
}

// network opens all connections to other machines, through the proxies of the
// environment and with the roots of --ca.
func (f *accountFlags) network(p *Process) (*network.Network, error) {
	cfg := network.Config{Getenv: p.Getenv, CAFile: f.ca}
	if proxy, ok := p.fromFile("proxy"); ok {
		cfg.Proxy, cfg.ProxyFrom = proxy, p.settings["proxy"].Origin.String()
	}
	cfg.NoProxy, _ = p.fromFile("no_proxy")
	n, err := network.New(cfg)
	switch {
	case err == nil:
		return n, nil
	case f.ca != "" && (errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission)):
		return nil, usageError(p.blamed("ca", err), "give "+p.named("ca")+" a file that can be read")
	case f.ca != "":
		return nil, usageError(p.blamed("ca", err), "give "+p.named("ca")+" certificates in PEM form, and check HTTPS_PROXY and HTTP_PROXY")
	}
	return nil, usageError(err, "set HTTPS_PROXY and HTTP_PROXY to URLs like http://proxy:3128, or unset them")
}

// hubEnv reads the settings of the Hub's client from the environment.
func (p *Process) hubEnv() (hub.Env, error) {
	env, err := hub.FromEnv(p.Getenv)
	if err != nil {
		return env, usageError(err, "unset HF_ENDPOINT, or set it to "+endpointMeant(p.Getenv("HF_ENDPOINT")))
	}
	return env, nil
}

// endpointMeant returns a probable correction of HF_ENDPOINT, or else the Hub's own
// endpoint.
func endpointMeant(s string) string {
	s = strings.Trim(strings.TrimSpace(s), "\"'`")
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.Host == "" || !strings.Contains(u.Host, ".") && u.Port() == "" {
		return hub.DefaultEndpoint
	}
	front, _, _ := strings.Cut(u.Path+"/", "/api/")
	for _, path := range []string{front, ""} {
		if meant, err := hub.ParseEndpoint(u.Scheme + "://" + u.Host + path); err == nil {
			return meant
		}
	}
	return hub.DefaultEndpoint
}

// tokenEnv is the environment and the home folder, in which tokens are looked for.
func (p *Process) tokenEnv() hub.TokenEnv {
	home := func() (string, error) {
		if dir := p.Getenv("HOME"); dir != "" {
			return dir, nil
		}
		return os.UserHomeDir()
	}
	return hub.TokenEnv{Getenv: p.Getenv, Home: home}
}

// client makes the Hub's client with the token that the flags or the environment name.
func (f *accountFlags) client(p *Process, env hub.Env, transport http.RoundTripper) (*hub.Client, hub.Token, error) {
	token, err := hub.FindToken(p.tokenEnv(), f.token, p.In)
	if err != nil {
		return nil, token, p.blamed("token", err)
	}
	p.hide(token.Value)
	client, err := hub.NewClient(hub.ClientConfig{
		Endpoint: env.Endpoint, Offline: env.Offline, Origin: env.Origin, Token: token.Value, Version: p.Version, Transport: transport,
		OnWarning: func(topic, message string) { p.tell("warning from the Hub about %s: %s", topic, message) },
	})
	return client, token, err
}

// tunnelFlags are the flags that choose and configure the tunnel.
type tunnelFlags struct {
	provider    string
	publicURL   string
	port        int
	ngrokDomain string
	gradio      string
	sshDomains  []string
	newURL      bool

	set *pflag.FlagSet
}

func (f *tunnelFlags) register(fs *pflag.FlagSet) {
	f.set = fs
	fs.StringVar(&f.provider, "tunnel", tunnel.Auto, "tunnel name, or several: a,b")
	fs.StringVar(&f.publicURL, "public-url", "", "address of a tunnel that you run yourself")
	fs.IntVar(&f.port, "port", 0, "its port on 127.0.0.1 (default a free one)")
	fs.StringVar(&f.gradio, "gradio-server", "", "your own share server instead of gradio.live")
	fs.StringArrayVar(&f.sshDomains, "ssh-domain", nil, "domain of your ssh:// server; repeatable")
	fs.StringVar(&f.ngrokDomain, "ngrok-domain", "", "a domain of your ngrok account")
	configurable(fs, "tunnel", "public-url", "port", "gradio-server", "ssh-domain", "ngrok-domain")
}

// misplaced is the usage error of a typed flag for another tunnel than those that would
// be opened. Without the error, the flag would be ignored silently.
func (f *tunnelFlags) misplaced(p *Process, env hub.Env) error {
	settings, _ := ngrok.FindSettings(p.Getenv, runtime.GOOS) // opening an ngrok tunnel reports its error
	cfg := session.TunnelConfig{Provider: f.provider, PublicURL: f.publicURL, Port: f.port, HubURL: env.Endpoint, Ngrok: ngrok.Config{Token: settings.Token}}
	selected, err := cfg.Select()
	if err != nil {
		return nil // reported when the tunnel is opened
	}
	order := selected.Names()
	own := func(provider string) bool {
		return provider == local.Public || provider == local.Loopback || ssh.IsServer(provider)
	}
	for _, flag := range []struct {
		name   string
		counts func(provider string) bool
		hint   string
	}{
		{"ngrok-domain", func(name string) bool { return name == ngrok.Name }, "add --tunnel ngrok, and set NGROK_AUTHTOKEN to your account's token"},
		{"gradio-server", func(name string) bool { return name == gradio.Name }, "add --tunnel gradio, or leave out --gradio-server"},
		{"new-url", func(name string) bool { return name == gradio.Name }, "add --tunnel gradio, or leave out --new-url"},
		{"ssh-domain", func(name string) bool { return ssh.IsServer(name) && f.publicURL == "" }, "add --tunnel ssh://[user@]host, or leave out --ssh-domain"},
		{"port", own, "name the address of the tunnel that leads there: --public-url https://… --port " + strconv.Itoa(f.port)},
	} {
		if f.set.Changed(flag.name) && !slices.ContainsFunc(order, flag.counts) {
			return usageError(fmt.Errorf("--%s has no effect on the tunnel %s", flag.name, strings.Join(order, ",")), flag.hint)
		}
	}
	return nil
}

// config is the tunnel's configuration from the flags and ngrok's own settings.
func (f *tunnelFlags) config(p *Process, dir session.Dir, env hub.Env, n *network.Network, transport http.RoundTripper) (session.TunnelConfig, error) {
	cfg := session.NewTunnelConfig(dir, p.Getenv, p.Version, n, transport)
	cfg.Provider, cfg.PublicURL, cfg.Port, cfg.HubURL = f.provider, f.publicURL, f.port, env.Endpoint
	cfg.Ngrok.Domain, cfg.Gradio.Server, cfg.SSH.Domains = f.ngrokDomain, f.gradio, f.sshDomains
	if host, port, err := net.SplitHostPort(f.gradio); f.gradio != "" && (err != nil || host == "" || port == "" || strings.ContainsAny(f.gradio, "/?@ ")) {
		return cfg, usageError(errors.New("invalid --gradio-server: want host:port"), "hf-tap listen --gradio-server share.example.com:7000")
	}
	return cfg, cfg.FindNgrok(p.Getenv, p.tell)
}

// check reports what is wrong with the settings of a tunnel before it is opened.
func (f *tunnelFlags) check(cfg session.TunnelConfig) error {
	if f.port < 0 || f.port > 65535 {
		return usageError(fmt.Errorf("%d is not a valid port", f.port), "use --port with a number from 1 to 65535")
	}
	_, err := cfg.Select()
	if !errors.Is(err, tunnel.ErrUnknownProvider) {
		return err
	}
	names := append([]string{tunnel.Auto, local.Loopback, local.Public}, session.TunnelProviders()...)
	for name := range strings.SplitSeq(f.provider, ",") {
		name = strings.TrimSpace(name)
		near := nearest.Word(strings.ToLower(name), names)
		if near != "" && near != name && !strings.Contains(near, "://") {
			return usageError(err, "did you mean --tunnel "+strings.Replace(f.provider, name, near, 1)+"?")
		}
	}
	return err
}
