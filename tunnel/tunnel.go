// Package tunnel opens listeners that have a public address. [Open] returns a
// [Tunnel]: requests to its URL arrive at its Accept, and an http.Server serves
// it like any other net.Listener.
//
// # Providers
//
// Config.Provider is one of these names, or several with commas between them,
// which are tried in that order:
//
//	auto             public with a Config.PublicURL, loopback for a Hub on loopback, ngrok with a token, else gradio
//	ngrok            ngrok.com, with its own SDK; it needs a token
//	gradio           gradio.live, without an account
//	localhost.run, serveo, pinggy, srv.us, tuns.sh
//	                 services that forward ports over SSH
//	ssh://user@host  any server that forwards ports over SSH
//	cloudflared      the program of that name, which must be installed
//	public           a tunnel that the user runs; Config.PublicURL is its address
//	loopback         no tunnel: a listener for senders on this machine
//
// [Providers] lists those that can be named, and [Config.Choose] returns the one
// that Open tries first.
//
// # Lasting listeners
//
// A tunnel ends when the network drops, the machine sleeps or the provider
// restarts, and its address may change with it. [OpenKeeper] returns a [Keeper]:
// one listener that lasts, with a new tunnel behind it after each loss.
// [Keeper.Status] has the present address, and whether requests to it arrive.
//
// [Verify] checks that by a request to the public address. [Diagnose] goes
// through the connection to a provider step by step, to show which one fails.
//
// # Errors
//
// The errors have no advice in them, because callers differ in what their users
// can change. A provider's refusal is a [*ProviderError], a failed connection to
// it a [*ConnectError], which wraps a [*HostKeyError] where an SSH server's key
// has changed. A public address that leads elsewhere is a [*WrongAnswerError].
// The Err variables are about the configuration.
package tunnel

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Tunnel is a listener with a public address.
type Tunnel interface {
	net.Listener
	// URL is the public address, without a slash at its end: what is asked of
	// URL + "/path" arrives at the listener as "/path".
	URL() string
	// Provider is the name of the provider, as in Config.Provider.
	Provider() string
}

// ReconnectingTunnel is a Tunnel that connects to its provider again when the
// connection drops, while its listener stays open. A [Keeper] looks for this
// interface. When Accept fails, the tunnel has ended and cannot come back.
type ReconnectingTunnel interface {
	Tunnel
	// Link returns the present state of the connection.
	Link() Link
	// LinkChanged receives a value after Link has changed. Several changes before
	// the receive are one value.
	LinkChanged() <-chan struct{}
}

// Link is the state of a tunnel's connection to its provider.
type Link struct {
	Up    bool
	Cause error // why it is not up: a *ProviderError or a *ConnectError
	Made  int   // the number of connections so far; each new one may have another address
}

// The names of the providers.
const (
	Auto     = "auto"     // the one that fits: see Config.Choose
	Loopback = "loopback" // no tunnel: the sender is on this machine
	Public   = "public"   // the user's own tunnel at Config.PublicURL
	Ngrok    = "ngrok"    // ngrok.com, with a token

	// By SSH, without an account. "ssh://[user@]host[:port]" is a provider, too:
	// a server of the user's own.
	LocalhostRun = "localhost.run"
	Serveo       = "serveo"
	Pinggy       = "pinggy"
	SrvUs        = "srv.us"
	Tuns         = "tuns.sh"

	Cloudflared = "cloudflared" // the program of that name, where it is installed
)

// Config says which tunnel to open, and how.
type Config struct {
	Provider  string // a provider's name, or several with commas between them, which are tried in that order; empty is Auto
	PublicURL string // the address of the user's own tunnel (Public), or of an ssh:// server that announces none
	Port      int    // the port to listen on: of this machine's loopback (Loopback, Public), or of an ssh:// server; 0 for any
	HubURL    string // the endpoint of the Hub that will send here, if it is known: Auto takes Loopback for one on loopback, and Loopback refuses any other

	NgrokToken  string           // without one there is no ngrok
	NgrokDomain string           // a domain of the account, as host or as https URL; empty: ngrok chooses
	NgrokServer string           // host:port of ngrok's server; empty: ngrok's own
	NgrokRoots  []*x509.CertPool // trusted for ngrok's server in addition to ngrok's own authority

	SSHKeyFile string            // a file with the private key for SSH, created if it does not exist; empty: a new key each time
	KnownHosts string            // a file for the host keys of SSH servers; required by all providers that use SSH
	SSHName    string            // the name to request from tuns.sh, and from sish at ssh://…; empty: one derived from the key
	SSHHome    string            // the user's folder of SSH keys, for ssh://… only; empty: they are not used
	SSHAgent   string            // the socket of the user's SSH agent, for ssh://… only; empty: it is not used
	SSHDomains []string          // further domains in which a server at ssh://… may announce addresses, in addition to its own
	SSHServers map[string]string // by provider, the host:port to connect to instead of the provider's own

	Cloudflared string // the program; empty: cloudflared in PATH

	GradioName   string               // decides the address; two processes must not use one name at a time; empty: a random one
	GradioServer string               // host:port of the user's own share server or frp server; empty: the one that GradioLookup returns
	GradioToken  string               // the token of the user's own server; gradio's needs none
	GradioRoots  *x509.CertPool       // trusted for the server in addition to the authority of the look-up; nil: the user's own server is used without TLS
	GradioLookup string               // the URL that returns the server; empty: gradio's own
	GradioEnding func(ends time.Time) // called from another goroutine, an hour before gradio ends a login and the tunnel logs in again; may be nil
	HTTP         *http.Client         // for GradioLookup; nil: a plain client

	// Dial connects to a provider's server, through a proxy if there is one; nil:
	// directly. Proxy returns the proxy that Dial uses for an address, without its
	// password, or "" for none; nil: there is no proxy.
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Proxy func(address string) string

	Version   string        // of hf-tap, sent to providers
	Log       *slog.Logger  // gets the messages of providers' libraries; nil: they are dropped
	Heartbeat time.Duration // between two heartbeats, 10 s by default; a connection without an answer for 2.5 of them is dead
	Timeout   time.Duration // the limit for Open, and for each step of Diagnose; 15 s by default

	// Tests let time pass by events.
	testTimeout func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
	testTicker  func(d time.Duration) (ticks <-chan time.Time, stop func())
}

// openTime is how long opening may take, if Config does not say.
const openTime = 15 * time.Second

// within is how long opening may take.
func (c Config) within() time.Duration { return cmp.Or(c.Timeout, openTime) }

// timeout ends a context when a time has passed.
func (c Config) timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if c.testTimeout != nil {
		return c.testTimeout(ctx, d)
	}
	return context.WithTimeout(ctx, d)
}

// ticker gives ticks until it is stopped.
func (c Config) ticker(d time.Duration) (ticks <-chan time.Time, stop func()) {
	if c.testTicker != nil {
		return c.testTicker(d)
	}
	t := time.NewTicker(d)
	return t.C, t.Stop
}

// ngrokURL gives the URL to ask ngrok for, "" to let it choose.
func ngrokURL(domain string) (string, error) {
	if domain == "" {
		return "", nil
	}
	host := strings.TrimSuffix(strings.TrimPrefix(domain, "https://"), "/")
	u, err := url.Parse("https://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || u.Port() != "" {
		return "", fmt.Errorf("%w: %q is not a domain like name.ngrok.app", ErrUsage, domain)
	}
	return "https://" + host, nil
}
