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

// label is the first part of the address that a name has. Gradio's fork of frp
// computes it so, whatever it is asked for; another server is asked for it.
func label(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])[:18]
}

// runID is what a session is known to the server by. A session with the id of
// another takes that one's place, which is what a new one of the same name
// wants: the server may not know yet that the old one is dead, and would refuse
// its address. (frp 0.61 lets the login wait until it knows, at most for some
// 40 seconds.) It is made of the name, so that it is the same after a crash,
// and cannot be told from the address.
func runID(name string) string {
	sum := sha256.Sum256([]byte("hf-tap run id " + name))
	return hex.EncodeToString(sum[:8])
}

// publicURL reads the address that a server announces, or makes the one that
// it must be. Gradio's fork announces a URL; frp itself announces hosts, with
// the port of its HTTP side, which the public reaches by TLS at the usual
// port. It is only taken without TLS on this machine: what comes through
// carries secrets.
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
		return "", fmt.Errorf("it announces %q, which is no address", cut(first))
	case u.Scheme == "http" && !loopback.Is(u.Hostname()), u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("it announces %q, which is not encrypted", cut(first))
	}
	return u.Scheme + "://" + u.Host, nil
}

// cut bounds a text of the server's that stands in a message.
func cut(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
