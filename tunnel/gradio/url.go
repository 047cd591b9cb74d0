package gradio

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

// label is the first label of the address that a name has. Gradio's fork of frp
// computes it, whatever the client requests; other servers get it as a request.
func label(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])[:18]
}

// runID returns the id of a session at the server, where a new session replaces the old
// one with the same id. Without that, the server would refuse the address until it knows
// that the old session is dead. (frp 0.61 delays the login until then, for about 40
// seconds.) The id is derived from the name, so that it is the same after a crash. It
// cannot be derived from the address.
func runID(name string) string {
	sum := sha256.Sum256([]byte("hf-tap run id " + name))
	return hex.EncodeToString(sum[:8])
}

// publicURL reads the address that a server announces, or derives it from the name if
// there is none. Gradio's fork announces a URL; frp itself announces hosts with the
// port of its HTTP listener, which clients reach by TLS at the usual port. An address
// without TLS is allowed only on this machine, because deliveries carry secrets.
func publicURL(announced, name, domain string) (string, error) {
	first, _, _ := strings.Cut(announced, ",")
	first = strings.TrimSpace(first)
	if first == "" {
		return "https://" + label(name) + "." + domain, nil
	}
	if !strings.Contains(first, "://") {
		host, _, err := net.SplitHostPort(first)
		if err != nil {
			host = first
		}
		if loopback.Is(host) {
			first = "http://" + first
		} else {
			first = "https://" + host
		}
	}
	u, err := url.Parse(first)
	switch {
	case err != nil || !isHost(u.Hostname()) || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return "", fmt.Errorf("it announces %q, which is not an address", cut(first))
	case u.Scheme == "http" && !loopback.Is(u.Hostname()), u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("it announces %q, which is not encrypted", cut(first))
	}
	return u.Scheme + "://" + u.Host, nil
}

// cut shortens a text of the server for a message.
func cut(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
