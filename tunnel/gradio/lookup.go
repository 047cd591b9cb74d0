package gradio

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/internal/loopback"
	"github.com/hf-tap/hf-tap/internal/neterror"
	"github.com/hf-tap/hf-tap/tunnel"
)

// maxLookup is the longest answer of the look-up, in bytes. A certificate has about
// 2 KB.
const maxLookup = 1 << 20

// place is the address of a server, and how to connect to it.
type place struct {
	host, address string
	roots         []*x509.CertPool // none: without TLS
	domain        string           // in which it gives addresses, if it does not announce one
}

// locate finds the server, or returns its last place if the look-up fails.
func locate(ctx context.Context, cfg Config, last *place) (place, error) {
	if last == nil {
		return find(ctx, cfg)
	}
	half, cancel := cfg.Clock.WithTimeout(ctx, cfg.Timeout/2, noAnswer(cfg.Timeout/2))
	defer cancel()
	p, err := find(half, cfg)
	if err != nil && ctx.Err() == nil {
		return *last, nil
	}
	return p, err
}

// usableRoots returns the roots that are not nil.
func (p place) usableRoots() []*x509.CertPool {
	return slices.DeleteFunc(slices.Clone(p.roots), func(pool *x509.CertPool) bool { return pool == nil })
}

// find looks up the server, unless Config has one.
func find(ctx context.Context, cfg Config) (place, error) {
	if cfg.Server != "" {
		host, _, err := net.SplitHostPort(cfg.Server)
		if err != nil {
			return place{}, err // New has checked it
		}
		return place{host, cfg.Server, cfg.Roots, host}, nil
	}
	u, err := url.Parse(cfg.Lookup)
	if err != nil {
		return place{}, err // New has checked it
	}
	at := func(step tunnel.Step, err error) error {
		return cfg.ConnectError(Name, hostPort(u), step, fmt.Errorf("look up the server: %w", neterror.Plain(err)))
	}
	client := cfg.HTTP
	if client == nil {
		transport := &http.Transport{Proxy: loopback.ProxyFromEnvironment}
		defer transport.CloseIdleConnections()
		client = &http.Client{Transport: transport}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.Lookup, nil)
	if err != nil {
		return place{}, at(tunnel.StepProtocol, err)
	}
	req.Header.Set("User-Agent", "hf-tap/"+cfg.Version)
	resp, err := client.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // without the URL
		}
		otherwise := tunnel.StepProtocol
		if ctx.Err() != nil {
			otherwise = tunnel.StepReach
		}
		return place{}, at(stepOf(err, otherwise), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxLookup+1))
	switch final := resp.Request.URL; {
	case final.Scheme != "https" && !loopback.Is(final.Hostname()):
		// An attacker who can change the answer can name another authority.
		return place{}, at(tunnel.StepTrust, fmt.Errorf("it leads to %s, which is not encrypted", final.Redacted()))
	case err != nil:
		return place{}, at(tunnel.StepProtocol, err)
	case resp.StatusCode != http.StatusOK:
		return place{}, at(tunnel.StepProtocol, fmt.Errorf("the answer is %s", resp.Status))
	}
	p, err := parseLookup(body)
	if err != nil {
		return place{}, at(tunnel.StepProtocol, err)
	}
	p.roots = append(p.roots, cfg.Roots...)
	return p, nil
}

// parseLookup reads the answer of a look-up: a list whose first element is the
// server. In earlier versions the port was a string.
func parseLookup(body []byte) (place, error) {
	if len(body) > maxLookup {
		return place{}, fmt.Errorf("the answer has more than %d bytes", maxLookup)
	}
	if start := bytes.TrimSpace(body); len(start) == 0 {
		return place{}, errors.New("the answer is empty")
	} else if start[0] == '<' {
		return place{}, errors.New("the answer is a web page, not a list of servers")
	}
	var servers []struct {
		Host   string          `json:"host"`
		Port   json.RawMessage `json:"port"`
		RootCA string          `json:"root_ca"`
	}
	if err := json.Unmarshal(body, &servers); err != nil {
		return place{}, fmt.Errorf("the answer is not a list of servers: %w", err)
	}
	if len(servers) == 0 {
		return place{}, errors.New("there is no server at the moment")
	}
	s := servers[0]
	port, err := strconv.ParseUint(strings.Trim(string(s.Port), `"`), 10, 16)
	if !isHost(s.Host) || err != nil || port == 0 {
		return place{}, errors.New("the answer names no host and port")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(s.RootCA)) {
		return place{}, errors.New("the answer has no certificate to know the server by")
	}
	return place{s.Host, net.JoinHostPort(s.Host, strconv.FormatUint(port, 10)), []*x509.CertPool{roots}, "gradio.live"}, nil
}

// isHost reports whether a text is a host name or an IP address.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	return true
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}
