package hint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/cloudflared"
	"github.com/hf-tap/hf-tap/tunnel/gradio"
	"github.com/hf-tap/hf-tap/tunnel/ngrok"
	"github.com/hf-tap/hf-tap/tunnel/ssh"
)

func TestEachErrorOfTheHubHasItsHint(t *testing.T) {
	for _, c := range []struct {
		err  error
		hint string
	}{
		{&hub.Error{Status: 400}, "type:name"},
		{&hub.Error{Status: 401}, `run "hf auth login", or set HF_TOKEN to a token that may write webhooks`},
		{&hub.Error{Status: 403}, "user.webhooks.write"},
		{&hub.Error{Status: 404}, "hf-tap webhooks ls"},
		{&hub.Error{Status: 400, Method: http.MethodDelete}, "hf-tap webhooks ls"},
		{&hub.Error{Status: 409}, ""},
		{&hub.Error{Status: 422}, "type:name"},
		{&hub.Error{Status: 429}, "5 minutes"},
		{&hub.Error{Status: 429, RetryAfter: 30 * time.Second}, "try again in 30s"},
		{&hub.Error{Status: 500}, "status.huggingface.co"},
		{hub.ErrNoToken, "hf auth login"},
		{hub.ErrNoToken, "without an account: hf-tap sandbox"},
		{hub.ErrBadToken, "hf auth login"},
		{hub.ErrOffline, "unset HF_HUB_OFFLINE"},
		{hub.ErrInsecure, "https URL"},
		{hub.ErrUnreachable, "HTTPS_PROXY"},
		{hub.ErrBadAnswer, "HF_ENDPOINT"},
		{context.Canceled, ""},
		{errors.New("x"), ""},
		{nil, ""},
	} {
		got := hubHint(c.err)
		if c.err != nil {
			got = hubHint(fmt.Errorf("start: %w", c.err))
		}
		if !strings.Contains(got, c.hint) || (c.hint == "") != (got == "") {
			t.Errorf("%v: hint %q, want %q", c.err, got, c.hint)
		}
	}
}

func TestEachErrorOfATunnelHasItsHint(t *testing.T) {
	changed := &tunnel.HostKeyError{Host: "host.example:22", File: "/state/known_hosts"}
	reach := &tunnel.ConnectError{Provider: ssh.LocalhostRun, Server: "localhost.run:22", Step: tunnel.StepReach, Err: errors.New("refused")}
	for _, c := range []struct {
		err   error
		hints []string
	}{
		{tunnel.ErrNoToken, []string{"NGROK_AUTHTOKEN", "--tunnel gradio"}},
		{ngrok.ErrConfig, []string{"ngrok config check"}},
		{&tunnel.ProgramError{Program: cloudflared.Name}, []string{"install cloudflared"}},
		{ssh.ErrFiles, []string{"remove it"}},
		{tunnel.ErrUnknownProvider, []string{"--tunnel auto", "--public-url", ssh.Pinggy}},
		{tunnel.ErrUsage, []string{"hf-tap listen --help"}},
		{tunnel.ErrNoRoute, []string{"HTTPS_PROXY"}},
		{tunnel.ErrUnverified, []string{"--port"}},
		{&tunnel.WrongAnswerError{Code: "ERR_NGROK_3200"}, []string{"https://ngrok.com/docs/errors/err_ngrok_3200"}},
		{&tunnel.WrongAnswerError{Status: 502}, []string{"leads to the port"}},
		{reach, []string{"HTTPS_PROXY", "port 443"}},
		{&tunnel.ConnectError{Step: tunnel.StepReach, Err: context.DeadlineExceeded}, []string{"firewall"}},
		{&tunnel.ConnectError{Step: tunnel.StepProxy}, []string{"CONNECT"}},
		{&tunnel.ConnectError{Step: tunnel.StepTrust, Err: errors.New("x")}, []string{"--ca FILE"}},
		{&tunnel.ConnectError{Step: tunnel.StepTrust, Err: changed}, []string{changed.Host, changed.File}},
		{&tunnel.ConnectError{Step: tunnel.StepTLS, Provider: ngrok.Name}, []string{"connect_url"}},
		{&tunnel.ConnectError{Step: tunnel.StepTLS, Provider: cloudflared.Name}, []string{"does not use HTTPS_PROXY"}},
		{&tunnel.ConnectError{Step: tunnel.StepProtocol, Provider: ssh.Serveo}, []string{"another tunnel"}},
		{&tunnel.ProviderError{Provider: ngrok.Name, Code: "ERR_NGROK_107"}, []string{"your-authtoken"}},
		{&tunnel.ProviderError{Provider: ngrok.Name, Code: "ERR_NGROK_334"}, []string{"--ngrok-domain"}},
		{&tunnel.ProviderError{Provider: gradio.Name, Code: gradio.NameTaken}, []string{"--new-url"}},
		{&tunnel.ProviderError{Provider: gradio.Name, Code: gradio.BadToken}, []string{"--gradio-server"}},
		{&tunnel.ProviderError{Provider: cloudflared.Name, Code: "429"}, []string{"wait some minutes"}},
		{&tunnel.ProviderError{Provider: ssh.Serveo}, []string{"another tunnel"}},
		{&tunnel.ProviderError{Provider: "ssh://me@host", Message: "permission denied"}, []string{"ssh-add"}},
		{&tunnel.ProviderError{Provider: "ssh://me@host", Message: "it does not forward"}, []string{"AllowTcpForwarding"}},
		{&tunnel.ProviderError{Provider: "ssh://me@host"}, []string{"--public-url"}},
		{&tunnel.ProviderError{Provider: "ssh://me@host", OtherDomain: "tunnels.example"}, []string{"--ssh-domain tunnels.example"}},
		{&tunnel.AllFailedError{Errs: []error{errors.New("x"), tunnel.ErrNoToken}}, []string{"NGROK_AUTHTOKEN"}},
		// The default tunnel's hint names the others, as none is tried by itself.
		{&tunnel.AutoError{Provider: ngrok.Name, Err: tunnel.ErrNoRoute}, []string{"HTTPS_PROXY", gradio.Name, ssh.LocalhostRun, ssh.Serveo, ssh.Pinggy, ssh.SrvUs, ssh.Tuns, cloudflared.Name}},
		{&tunnel.AutoError{Provider: gradio.Name, Err: errors.New("x")}, []string{ngrok.Name, "ssh://"}},
	} {
		got := For(fmt.Errorf("start: %w", c.err))
		for _, want := range c.hints {
			if !strings.Contains(got, want) {
				t.Errorf("%#v: hint %q, want %q", c.err, got, want)
			}
		}
		if in := strings.ReplaceAll(InProgram(got), "cloudflared tunnel --url", ""); strings.Contains(in, "--") {
			t.Errorf("%#v: the hint in a program is %q", c.err, in)
		}
	}
	if hint := tunnelHint(errors.New("x")); hint != "" {
		t.Errorf("another error has the hint %q", hint)
	}
}

func TestEveryCauseThatIsKnownHasAHint(t *testing.T) {
	for _, err := range []error{
		history.ErrDamaged, history.ErrOld, history.ErrReplaced, history.ErrNewer, history.ErrFull, history.ErrUnwritable, fs.ErrPermission, session.ErrNoHome, session.ErrBadSecret,
		syscall.ENOSPC, syscall.EROFS, syscall.ENOTDIR, hub.ErrUnauthorized, hub.ErrForbidden, hub.ErrRateLimited, hub.ErrOffline, hub.ErrUnreachable, hub.ErrNoToken, &session.TokenError{},
	} {
		if next := For(fmt.Errorf("while doing so: %w", err)); next == "" || strings.Contains(next, "\n") {
			t.Errorf("%v: the hint is %q", err, next)
		}
	}
}

func TestAProxyOfAFileIsLookedForThere(t *testing.T) {
	const from = "/home/me/.config/hf-tap/config.toml:3"
	dead := &network.ProxyError{Proxy: "http://proxy:1", From: from, Err: errors.New("connection refused")}
	closed := &network.ProxyError{Proxy: "http://proxy:1", From: from, Status: 407, Err: network.ErrPasswordNeeded}
	for want, err := range map[string]error{
		"check " + from + ",": fmt.Errorf("%w: %w", hub.ErrUnreachable, dead),
		"at " + from + `: proxy = "http://user:password@proxy:3128"`: fmt.Errorf("%w: %w", hub.ErrUnreachable, closed),
		"check " + from + ", its user":                               &tunnel.ConnectError{Provider: "ngrok", Step: tunnel.StepProxy, Err: dead},
	} {
		if got := For(err); !strings.Contains(got, want) {
			t.Errorf("the hint is %q, want %q", got, want)
		}
	}
}

func TestHintsInAProgramAreGo(t *testing.T) {
	for from, want := range map[string]string{
		"leave --port out to take a free one":                    `leave dev.Options.Port out to take a free one`,
		"use --tunnel auto, or --tunnel gradio, pinggy":          `use dev.Options{Tunnel: "auto"}, or dev.Options{Tunnel: "gradio"}, pinggy`,
		"give the address: --public-url https://… --port 4567":   `give the address: dev.Options{PublicURL: "https://…", Port: 4567}`,
		"allow it: --ssh-domain tunnels.example":                 `allow it: dev.Options{SSHDomains: []string{"tunnels.example"}}`,
		"the authority: --ca FILE":                               `the authority: dev.Options{CA: "FILE"}`,
		"see cloudflared tunnel --url http://127.0.0.1:8000":     `see cloudflared tunnel --url http://127.0.0.1:8000`,
		"hf-tap events replay --failed":                          `hf-tap events replay --failed`,
		"let one be made: hf-tap secret --new-secret; --new-url": `let one be made: hf-tap secret --new-secret; dev.Options.NewURL`,
	} {
		if got := InProgram(from); got != want {
			t.Errorf("%q is %q in a program, want %q", from, got, want)
		}
	}
}
