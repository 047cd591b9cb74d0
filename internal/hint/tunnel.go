package hint

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/cloudflared"
	"github.com/hf-tap/hf-tap/tunnel/gradio"
	"github.com/hf-tap/hf-tap/tunnel/ngrok"
	"github.com/hf-tap/hf-tap/tunnel/ssh"
)

// tunnelHint returns what a user can do about an error of a tunnel, "" if nothing
// is known to help.
func tunnelHint(err error) string {
	var auto *tunnel.AutoError
	var all *tunnel.AllFailedError
	switch {
	case errors.As(err, &auto):
		others := "or take another by name: --tunnel " + strings.Join(without(session.TunnelProviders(), auto.Provider), ", ")
		if hint := tunnelHint(auto.Err); hint != "" {
			return hint + "; " + others
		}
		return others
	case errors.As(err, &all):
		for _, err := range all.Errs {
			if hint := tunnelHint(err); hint != "" {
				return hint
			}
		}
		return ""
	}
	return oneTunnelHint(err)
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return n == name })
}

func oneTunnelHint(err error) string {
	var provider *tunnel.ProviderError
	var connect *tunnel.ConnectError
	var wrong *tunnel.WrongAnswerError
	var program *tunnel.ProgramError
	switch {
	case errors.As(err, &provider):
		return providerHint(provider)
	case errors.As(err, &connect):
		return connectHint(connect)
	case errors.Is(err, tunnel.ErrNoToken):
		return "make a free token at https://dashboard.ngrok.com/get-started/your-authtoken and set NGROK_AUTHTOKEN to it, " +
			"or use a tunnel that needs no account: --tunnel gradio"
	case errors.Is(err, ngrok.ErrConfig):
		return "correct the file; ngrok shows what is wrong: ngrok config check"
	case errors.As(err, &program):
		return "install " + program.Program + ", or use another tunnel: --tunnel " + strings.Join(without(session.TunnelProviders(), program.Program), ", ")
	case errors.Is(err, ssh.ErrFiles):
		return "correct the file, or remove it: it is created again, but then each server counts as new: its key is trusted, and it assigns a new name"
	case errors.Is(err, tunnel.ErrUnknownProvider):
		return "use --tunnel auto, your own tunnel by --public-url https://…, or --tunnel " + strings.Join(session.TunnelProviders(), ", ")
	case errors.Is(err, tunnel.ErrUsage):
		return "see \"hf-tap listen --help\" on --tunnel, --public-url, --gradio-server, --ssh-domain and --ngrok-domain"
	case errors.Is(err, tunnel.ErrNoRoute):
		return "the Hub may reach it all the same; to be sure, let this machine reach it, too, or set HTTPS_PROXY if there is a proxy"
	case errors.Is(err, tunnel.ErrUnverified):
		return "name the port that your tunnel leads to: --port 4567"
	case errors.As(err, &wrong) && wrong.Code != "":
		return "see https://ngrok.com/docs/errors/" + strings.ToLower(wrong.Code)
	case errors.As(err, &wrong):
		return "check that your tunnel is up and leads to the port that is printed, then start again"
	}
	return ""
}

// providerHint returns what a user can do about a provider's refusal.
func providerHint(e *tunnel.ProviderError) string {
	switch {
	case ssh.IsProvider(e.Provider):
		return sshHint(e)
	case e.Provider == ngrok.Name:
		return ngrokHint(e)
	case e.Provider == gradio.Name:
		return gradioHint(e)
	case e.Provider == cloudflared.Name && e.Code == "429":
		return "Cloudflare limits the number of new addresses: wait some minutes, or use another tunnel: --tunnel " + strings.Join(without(session.TunnelProviders(), cloudflared.Name), ", ")
	case e.Provider == cloudflared.Name:
		return "read its own output: cloudflared tunnel --url http://127.0.0.1:8000"
	}
	return "try again, or use another tunnel: --tunnel " + strings.Join(without(session.TunnelProviders(), e.Provider), ", ")
}

// ngrokHint knows the codes that ngrok documents at https://ngrok.com/docs/errors.
func ngrokHint(e *tunnel.ProviderError) string {
	switch e.Code {
	case "ERR_NGROK_4018", "ERR_NGROK_105", "ERR_NGROK_106", "ERR_NGROK_107":
		return "copy the token from https://dashboard.ngrok.com/get-started/your-authtoken into NGROK_AUTHTOKEN, or run \"ngrok config add-authtoken …\""
	case "ERR_NGROK_108":
		return "end another session of this account: see https://dashboard.ngrok.com/agents"
	case "ERR_NGROK_120":
		return "use a newer hf-tap: ngrok no longer supports this one"
	case "ERR_NGROK_334":
		return "stop the endpoint with this address at https://dashboard.ngrok.com/endpoints, or use another: --ngrok-domain"
	case "ERR_NGROK_9037":
		return "give --ngrok-domain a domain of your account: see https://dashboard.ngrok.com/domains"
	}
	if e.Code != "" {
		return "see https://ngrok.com/docs/errors/" + strings.ToLower(e.Code)
	}
	return ""
}

func gradioHint(e *tunnel.ProviderError) string {
	switch e.Code {
	case gradio.NameTaken:
		return "another session may still have the address: wait a minute, or use a new one: --new-url"
	case gradio.BadToken:
		return "check the token of your own server, or leave out --gradio-server"
	}
	return "try again, or use another tunnel: --tunnel " + strings.Join(without(session.TunnelProviders(), gradio.Name), ", ")
}

func sshHint(e *tunnel.ProviderError) string {
	own := ssh.IsServer(e.Provider)
	switch {
	case own && strings.HasPrefix(e.Message, "permission denied"):
		return "check the user in " + e.Provider + ", and that the server takes a key of your agent or ~/.ssh; a key with a passphrase must be in the agent: ssh-add"
	case own && strings.HasPrefix(e.Message, "it does not forward"):
		return "the server has to allow it (AllowTcpForwarding, PermitListen), and the port has to be free there: --port"
	case own && e.OtherDomain != "":
		return "if that domain is your server's, allow it: --ssh-domain " + e.OtherDomain
	case own:
		return "give the address that leads to the server's port: --public-url https://… --port 4567"
	}
	return "the service may be full or closed to guests: try again, or use another tunnel: --tunnel " + strings.Join(without(session.TunnelProviders(), e.Provider), ", ")
}

func connectHint(e *tunnel.ConnectError) string {
	switch e.Step {
	case tunnel.StepReach:
		return reachHint(e)
	case tunnel.StepProxy:
		from := "HTTPS_PROXY"
		if proxy := (*network.ProxyError)(nil); errors.As(e.Err, &proxy) {
			from = proxy.From
		}
		return "check " + from + ", its user and password, and that the proxy allows CONNECT to that port, or leave the host to NO_PROXY" + elsewhere(e)
	case tunnel.StepTrust:
		var changed *tunnel.HostKeyError
		if errors.As(e.Err, &changed) {
			return "the connection may be intercepted: ask the server's administrator; if its key was changed, remove the line of " + changed.Host + " from " + changed.File
		}
		if e.Expired() {
			return "check the clock of this machine"
		}
		return "if your network intercepts TLS, name the certificate of its authority: --ca FILE"
	case tunnel.StepTLS, tunnel.StepProtocol:
		if ssh.IsProvider(e.Provider) {
			return "try again; if a proxy or firewall answers in its place, check HTTPS_PROXY, or use another tunnel: --tunnel " + strings.Join(without(session.TunnelProviders(), e.Provider), ", ")
		}
		if e.Provider == cloudflared.Name {
			return "cloudflared does not use HTTPS_PROXY, and a firewall may block it; to test: cloudflared tunnel --url http://127.0.0.1:8000"
		}
		hint := "a proxy or firewall may answer in its place: check HTTPS_PROXY"
		if e.Provider == ngrok.Name {
			hint += ", and connect_url in ngrok's configuration"
		}
		return hint
	}
	return ""
}

// openPort is the port that networks leave open, and who works on it.
const openPort = "443"

func reachHint(e *tunnel.ConnectError) string {
	hint := "check the network, and set HTTPS_PROXY if there is a proxy, or use --public-url https://…"
	if errors.Is(e.Err, context.DeadlineExceeded) {
		hint = "a firewall may drop connections to that port: set HTTPS_PROXY if there is a proxy, or use --public-url https://…"
	}
	return hint + elsewhere(e)
}

// elsewhere names the tunnels that work where the port of this one may be
// closed.
func elsewhere(e *tunnel.ConnectError) string {
	if _, port, err := net.SplitHostPort(e.Server); err == nil && port != openPort {
		return ", or use a tunnel that works on port " + openPort + ": --tunnel " + strings.Join([]string{ngrok.Name, ssh.Pinggy, ssh.Serveo}, ", ")
	}
	return ""
}
