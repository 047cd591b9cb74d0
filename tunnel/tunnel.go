// Package tunnel makes a listener with a public address. [Open] opens the [Tunnel]
// that a [Config] asks for: what is sent to its URL arrives at its Accept.
//
// Its providers are ngrok, by its own SDK; gradio.live, whose protocol package
// frp speaks; services that forward ports by SSH, and every server that does;
// cloudflared, the program; "loopback", which is no tunnel and serves only a Hub
// on the same machine; and "public", for a tunnel that the user runs.
// [Providers] lists them, [Config.Choose] returns the one that Open takes.
//
// Tunnels come and go: networks drop, machines sleep, providers restart.
// [OpenKeeper] makes one lasting listener of them, a [Keeper], and Keeper.Status
// is its public address and whether requests arrive. That is measured: [Verify]
// posts a nonce to the address itself. [Diagnose] finds the step at which the way
// to a tunnel ends.
//
// Errors are data for a message of the caller's: [*ProviderError], [*ConnectError],
// [*HostKeyError], [*WrongAnswerError], and the Err variables for what was
// configured.
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
	// Provider is the name that --tunnel takes.
	Provider() string
}

// ReconnectingTunnel is a Tunnel that hangs on a connection to its provider, which may
// drop and come back under the listener's feet. When Accept fails, the tunnel
// has ended for good and another has to be opened.
type ReconnectingTunnel interface {
	Tunnel
	// Link tells how the connection is now.
	Link() Link
	// LinkChanged receives after each change of Link; changes that nobody has
	// looked at yet count as one.
	LinkChanged() <-chan struct{}
}

// Link is how a tunnel's connection to its provider is.
type Link struct {
	Up    bool
	Cause error // why it is not up: a *ProviderError or a *ConnectError
	Made  int   // how often it has been made: a higher number is another connection, which may have another address
}

// The names of the providers.
const (
	Auto     = "auto"     // the one that fits
	Loopback = "loopback" // no tunnel: the Hub is on this machine
	Public   = "public"   // the user's own tunnel, by --public-url
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
	Provider  string // a provider's name, or some with commas between them, to be tried in that order; empty is Auto
	PublicURL string // the address of the user's own tunnel, or of a server at ssh://… that announces none
	Port      int    // the loopback port to listen on, here or at a server at ssh://…, 0 for any
	HubURL    string // the Hub's endpoint: loopback serves only a Hub on loopback

	NgrokToken  string           // without one there is no ngrok
	NgrokDomain string           // a domain of the account, as host or as https URL; empty: ngrok chooses
	NgrokServer string           // host:port of ngrok's server; empty: ngrok's own
	NgrokRoots  []*x509.CertPool // trusted for ngrok's server besides ngrok's own authority

	SSHKeyFile string            // the key of hf-tap's own, made if it is not there; empty: another each time
	KnownHosts string            // the file of hf-tap's own with the servers' keys; needed for all that go by SSH
	SSHName    string            // the name to ask tuns.sh, and sish at ssh://…, for; empty: one made of the key
	SSHHome    string            // the user's folder of SSH keys, for ssh://… only; empty: they are not used
	SSHAgent   string            // the socket of the user's SSH agent, for ssh://… only; empty: it is not asked
	SSHDomains []string          // further domains that a server at ssh://… may announce addresses in; the one that it is registered under may be, always
	SSHServers map[string]string // host:port to connect to instead of a provider's own, by provider

	Cloudflared string // the program; empty: cloudflared in PATH

	GradioName   string               // kept by the caller, who holds it by a lock: the same name has the same address; empty: a fresh one
	GradioServer string               // host:port of a share server, or an frp server, of the user's own; empty: the one that the look-up names
	GradioToken  string               // of the user's own server; gradio's has none
	GradioRoots  *x509.CertPool       // trusted for the server besides the look-up's authority; the user's own server is spoken to without TLS if it is nil
	GradioLookup string               // the URL to look the server up at; empty: gradio's own
	GradioEnding func(ends time.Time) // called an hour before gradio ends a login, after which there is another, from another goroutine; may be nil
	HTTP         *http.Client         // for that look-up; nil: a plain one

	// Dial connects to a provider's server, through a proxy where there is one;
	// nil: directly. Proxy names the proxy that Dial takes to an address, without
	// its password, "" for none; nil: never one.
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Proxy func(address string) string

	Version   string        // of hf-tap, which providers are told
	Log       *slog.Logger  // what providers' libraries have to say; nil: nobody hears it
	Heartbeat time.Duration // between two signs of life with a provider, 0 for 10 s; after 2.5 of them without an answer the connection is dead
	Timeout   time.Duration // how long opening may take, and each step of Diagnose at most; 0 for 15 s

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
		return "", fmt.Errorf("%w: %q is no domain like name.ngrok.app", ErrUsage, domain)
	}
	return "https://" + host, nil
}
