package network

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

// proxies are those of the environment.
type proxies struct {
	secure *proxy                    // for TLS and raw connections, nil for none
	plain  *proxy                    // for requests to http:// addresses, nil for none
	direct func(address string) bool // whether host:port is reached without any
}

// proxy is one of them.
type proxy struct {
	url  *url.URL // its scheme is one of ports
	from string   // the variable or the file that names it
}

// ports are the schemes of proxies and the ports they have when the URL has
// none; Go's own clients take the same.
var ports = map[string]string{"http": "80", "https": "443", "socks5": "1080"}

// ProxyVariables are the environment variables that name a proxy.
func ProxyVariables() []string {
	return []string{"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}
}

func readProxies(cfg Config) (p proxies, err error) {
	getenv := cfg.Getenv
	if p.secure, err = readProxy(getenv, "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"); err != nil {
		return p, err
	}
	if p.plain, err = readProxy(getenv, "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"); err != nil {
		return p, err
	}
	if cfg.Proxy != "" && p.secure == nil && p.plain == nil {
		u, err := parseProxy(cfg.Proxy)
		if err != nil {
			return p, fmt.Errorf("%s is %q: %w", cfg.ProxyFrom, maskRaw(cfg.Proxy), err)
		}
		p.secure = &proxy{u, cfg.ProxyFrom}
		p.plain = p.secure
	}
	_, list := firstSet(getenv, "no_proxy", "NO_PROXY")
	if list == "" {
		list = cfg.NoProxy
	}
	exempt := exemptions(list)
	p.direct = func(address string) bool { return onThisMachine(address) || exempt(address) }
	return p, nil
}

// exemptions returns whether NO_PROXY exempts host:port from proxies, as Go's own
// clients read it.
func exemptions(list string) func(address string) bool {
	proxyOf := (&httpproxy.Config{HTTPSProxy: "http://proxy.invalid", NoProxy: list}).ProxyFunc()
	return func(address string) bool {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			host, port = address, "443"
		}
		host = strings.TrimSuffix(host, ".")
		proxy, err := proxyOf(&url.URL{Scheme: "https", Host: net.JoinHostPort(host, port)})
		return err == nil && proxy == nil
	}
}

// firstSet returns the name and value of the first variable that is not empty.
func firstSet(getenv func(string) string, names ...string) (name, value string) {
	for _, name := range names {
		if value := strings.TrimSpace(getenv(name)); value != "" {
			return name, value
		}
	}
	return "", ""
}

func readProxy(getenv func(string) string, names ...string) (*proxy, error) {
	from, value := firstSet(getenv, names...)
	if value == "" {
		return nil, nil
	}
	u, err := parseProxy(value)
	if err != nil {
		// Not %q of the value: it may hold a password.
		return nil, fmt.Errorf("%s is %q: %w", from, maskRaw(value), err)
	}
	return &proxy{u, from}, nil
}

// parseProxy reads host:port or a URL. Its errors hold nothing of what it read
// that could be a part of a password; those of net/url do.
func parseProxy(raw string) (*url.URL, error) {
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw // as curl and Go's own clients read it
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("not of the form scheme://user:password@host:port; special characters in the user and the password must be percent-encoded")
	}
	switch u.Scheme {
	case "socks5h", "socks":
		// The first is curl's word for a proxy that looks names up by itself,
		// which is how it is always done here; the second is what GNOME's
		// settings put into ALL_PROXY.
		u.Scheme = "socks5"
	}
	if _, known := ports[u.Scheme]; !known {
		return nil, fmt.Errorf("the scheme %q of a proxy is not one of http, https, socks5, socks5h", u.Scheme)
	}
	if strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		// A "/", "?" or "#" in a password ends the host's part of a URL early.
		return nil, errors.New("special characters in the user and the password must be percent-encoded")
	}
	if u.Hostname() == "" {
		return nil, errors.New("it names no host")
	}
	if strings.ContainsAny(u.Hostname(), " \t\r\n") || strings.Contains(u.Hostname(), ":") && !strings.HasPrefix(u.Host, "[") {
		return nil, errors.New("its host is not one")
	}
	if port := u.Port(); port != "" {
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return nil, errors.New("its port is not a number from 1 to 65535")
		}
	}
	return &url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host}, nil
}

// CheckProxy reports what is wrong with the address of a proxy, without what may be
// a password in it.
func CheckProxy(raw string) error {
	if _, err := parseProxy(raw); err != nil {
		return fmt.Errorf("%q is not a proxy: %w", maskRaw(raw), err)
	}
	return nil
}

// MaskProxy is the address of a proxy as it may be shown, also of one that is not
// valid.
func MaskProxy(raw string) string {
	if u, err := parseProxy(raw); err == nil {
		return Redacted(u)
	}
	return maskRaw(raw)
}

// on returns p, or nil where an address is reached directly or p is nil.
func (p *proxy) on(direct func(address string) bool, address string) *proxy {
	if p == nil || direct(address) {
		return nil
	}
	return p
}

// address is the proxy's host:port.
func (p *proxy) address() string { return Address(p.url) }

// Address is the host:port of a proxy's URL.
func Address(proxy *url.URL) string {
	port := proxy.Port()
	if port == "" {
		port = ports[proxy.Scheme]
	}
	return net.JoinHostPort(proxy.Hostname(), port)
}

func (p *proxy) masked() string { return Redacted(p.url) }

// credentials returns the user and password, and whether there are any.
func (p *proxy) credentials() (user, password string, given bool) {
	if p.url.User == nil {
		return "", "", false
	}
	password, _ = p.url.User.Password()
	return p.url.User.Username(), password, true
}

// Redacted is a proxy's URL for people to see: the password is masked, and so
// is a user without one, which may be a key. It is "" for nil.
func Redacted(u *url.URL) string {
	if u == nil {
		return ""
	}
	shown := *u
	if u.User != nil {
		if password, _ := u.User.Password(); password == "" {
			shown.User = url.User(mask)
		} else {
			shown.User = url.UserPassword(u.User.Username(), mask)
		}
	}
	return shown.String()
}

const mask = "xxxxx" // what net/url puts in place of a password, too

// maskRaw masks what could be a password in a text that is not a proxy's URL.
func maskRaw(raw string) string {
	start := 0
	if i := strings.Index(raw, "://"); i >= 0 {
		start = i + len("://")
	}
	if at := strings.LastIndex(raw, "@"); at >= start {
		return raw[:start] + mask + raw[at:]
	}
	// user:password without a host looks like host:port.
	host, port, found := strings.Cut(raw[start:], ":")
	if found && strings.Trim(port, "0123456789/") != "" {
		return raw[:start] + host + ":" + mask
	}
	return raw
}

// onThisMachine reports whether an address with or without a port means this machine.
func onThisMachine(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	return loopback.Is(host)
}

// withPort adds the port of https to an address that has none.
func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), "443")
}

// has reports whether there is a proxy with this address.
func (p *proxy) has(address string) bool { return p != nil && p.address() == address }
