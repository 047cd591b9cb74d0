package session

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/cloudflared"
	"github.com/hf-tap/hf-tap/tunnel/gradio"
	"github.com/hf-tap/hf-tap/tunnel/local"
	"github.com/hf-tap/hf-tap/tunnel/ngrok"
	"github.com/hf-tap/hf-tap/tunnel/ssh"
)

func TestTheProvidersOfATunnelConfig(t *testing.T) {
	const hub, here, mine = "https://huggingface.co", "http://127.0.0.1:1", "https://a.example"
	token := ngrok.Config{Token: "t"}
	for _, c := range []struct {
		cfg  TunnelConfig
		want string
		err  error
	}{
		{TunnelConfig{}, gradio.Name, nil},
		{TunnelConfig{HubURL: hub}, gradio.Name, nil},
		{TunnelConfig{HubURL: hub, Ngrok: token}, ngrok.Name, nil},
		{TunnelConfig{HubURL: hub, Ngrok: token, PublicURL: mine}, local.Public, nil},
		{TunnelConfig{HubURL: here, Ngrok: token}, local.Loopback, nil},
		{TunnelConfig{HubURL: "http://localhost:1"}, local.Loopback, nil},
		{TunnelConfig{HubURL: "http://[::1]:1"}, local.Loopback, nil},
		{TunnelConfig{HubURL: "http://127.0.0.1.evil.example"}, gradio.Name, nil},
		{TunnelConfig{HubURL: "http://localhost.evil.example"}, gradio.Name, nil},
		{TunnelConfig{HubURL: here, Ngrok: token, Provider: "ngrok"}, ngrok.Name, nil},
		{TunnelConfig{HubURL: hub, Provider: "gradio"}, gradio.Name, nil},
		{TunnelConfig{HubURL: hub, Provider: "cloudflared"}, cloudflared.Name, nil},
		{TunnelConfig{HubURL: hub, Provider: "serveo, pinggy"}, "serveo pinggy", nil},
		{TunnelConfig{HubURL: hub, Provider: "ngrok,serveo"}, "ngrok serveo", nil}, // that it has no token is found when it is opened
		{TunnelConfig{HubURL: hub, Provider: "ngrok"}, "", tunnel.ErrNoToken},
		{TunnelConfig{HubURL: hub, Provider: "ssh://me@host"}, "ssh://me@host", nil},
		{TunnelConfig{HubURL: hub, Provider: "ssh://me@host", PublicURL: mine}, "ssh://me@host", nil},
		{TunnelConfig{HubURL: hub, Provider: "ssh://me@host", PublicURL: "http://a.example"}, "", tunnel.ErrUsage},
		{TunnelConfig{HubURL: hub, Provider: "loopback"}, "", tunnel.ErrUsage},
		{TunnelConfig{Provider: "loopback"}, local.Loopback, nil},
		{TunnelConfig{Provider: "public"}, "", tunnel.ErrUsage},
		{TunnelConfig{HubURL: hub, Provider: "serveo", PublicURL: mine}, "", tunnel.ErrUsage},
		{TunnelConfig{HubURL: hub, Provider: "serveo,ngrok", Ngrok: token, PublicURL: mine}, "", tunnel.ErrUsage},
		{TunnelConfig{HubURL: hub, Ngrok: ngrok.Config{Token: "t", Domain: "http://a.ngrok.app"}}, "", tunnel.ErrUsage},
		{TunnelConfig{HubURL: hub, Gradio: gradio.Config{Server: "nonsense"}}, "", tunnel.ErrUsage},
		{TunnelConfig{HubURL: hub, Provider: "pigeon"}, "", tunnel.ErrUnknownProvider},
	} {
		s, err := c.cfg.Select()
		if got := strings.Join(s.Names(), " "); !errors.Is(err, c.err) || err == nil && got != c.want {
			t.Errorf("%+v: %q, %v, want %q, %v", c.cfg, got, err, c.want, c.err)
		}
	}
}

func TestHelpNamesEveryProviderOfAThirdParty(t *testing.T) {
	got := TunnelProviders()
	for _, want := range append(ssh.Services(), ngrok.Name, gradio.Name, cloudflared.Name, ssh.AnyServer) {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing from %q", want, got)
		}
	}
	if slices.Contains(got, local.Loopback) || slices.Contains(got, local.Public) {
		t.Errorf("%q", got)
	}
}
