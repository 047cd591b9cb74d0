package tunnel

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

// local is a listener on a loopback port: all there is to the providers
// loopback and public.
type local struct {
	net.Listener
	provider, url string
}

func (l *local) URL() string      { return l.url }
func (l *local) Provider() string { return l.provider }

// openLocal listens on 127.0.0.1, never on "localhost", which may be ::1 for
// one side and 127.0.0.1 for the other.
func openLocal(ctx context.Context, provider, public string, port int) (Tunnel, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen for the tunnel: %w", err)
	}
	if public == "" {
		public = "http://" + ln.Addr().String()
	}
	return &local{ln, provider, public}, nil
}

// publicURL checks the address of a user's own tunnel. Plain http is taken on
// loopback only: the secret stands in a header of each delivery.
func publicURL(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return "", fmt.Errorf("%w: the public URL is missing", ErrUsage)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("%w: %q is no URL like https://host", ErrUsage, s)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%w: the public URL may hold a host and a path, but no user, query or fragment", ErrUsage)
	case u.Scheme == "http" && !onLoopback(s):
		return "", fmt.Errorf("%w: %q is not encrypted, and each delivery carries the secret", ErrUsage, s)
	}
	return strings.TrimRight(s, "/"), nil
}

// onLoopback reports whether a URL's host is this machine itself.
func onLoopback(s string) bool {
	u, err := url.Parse(s)
	return err == nil && loopback.Is(u.Hostname())
}
