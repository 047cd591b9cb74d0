package receiver

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// Route is a match and the target of the events that match.
type Route struct {
	Match   event.Match // the zero value matches all
	Target  Target
	Default bool // gets the events that no other route gets; Match is ignored
	// Path is an address of the target's own below Config.Path, for example
	// "/webhooks/bot". The route gets the deliveries to this path and no others, and no
	// other route gets them; Match is ignored. A target may have further routes.
	Path string
}

// ParseRoute reads a target (see [ParseTarget]), or a match (see
// [event.ParseMatch]) or "default", "=" and a target.
//
//	7860
//	discussion.*=3000/bot
//	model:me/*,repo.*=http://app:8000/hook?v=2
//	default=8000
//
// The text before the first "=" is a match only if ParseMatch accepts it. An "=" in
// the path or query of the target needs no quoting.
func ParseRoute(s string) (Route, error) {
	route, text, matchErr := CutRoute(s)
	if len(text) < len(s) {
		target, err := ParseTarget(text)
		if err != nil {
			return Route{}, fmt.Errorf("route %q: %w", masked(s), err)
		}
		route.Target = target
		return route, nil
	}
	front, rest, _ := strings.Cut(s, "=")
	target, err := ParseTarget(s)
	isMatch := strings.ContainsAny(front, "*,")
	switch {
	case err == nil:
		return Route{Target: target}, nil
	case matchErr != nil && !isMatch && strings.Contains(rest, "@"):
		return Route{}, err // front may be a part of a password
	case matchErr != nil && (isMatch || !strings.Contains(front, "/")):
		return Route{}, fmt.Errorf("route %q: %w", masked(s), matchErr) // it was probably meant as a match
	}
	return Route{}, err
}

// CutRoute splits a route into its match, or "default", and the text of its target.
// The returned route has no target. If s does not begin with a match, target is s, and
// noMatch says why the text before the first "=" is not a match; it is nil if there is
// no "=".
func CutRoute(s string) (route Route, target string, noMatch error) {
	front, rest, found := strings.Cut(s, "=")
	switch {
	case !found || strings.Contains(front, "?"): // "?" begins a query, and is in no match
		return Route{}, s, nil
	case front == "default":
		return Route{Default: true}, rest, nil
	}
	match, err := event.ParseMatch(front)
	if err != nil {
		return Route{}, s, err
	}
	return Route{Match: match}, rest, nil
}

// ParseTarget reads a port, a port and a path, "host:port" with or without a
// path, or a URL. The default host is 127.0.0.1, the default scheme http. The
// error is a [*HiddenError] for the recorded name of a target that has a secret.
func ParseTarget(s string) (*HTTPTarget, error) {
	u, err := parseTargetURL(s)
	if err != nil {
		return nil, err
	}
	return NewHTTPTarget(u)
}

func parseTargetURL(s string) (*url.URL, error) {
	const want = "want a port, host:port/path or a URL"
	if s == "" {
		return nil, fmt.Errorf("no target: %s", want)
	}
	head := s
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		head = s[:i]
	}
	if host := ipv6Host(head); host != "" {
		s = "[" + host + "]" + s[len(host):]
		head = "[" + host + "]" + head[len(host):]
	}
	switch {
	case strings.HasPrefix(s[len(head):], "//") && strings.HasSuffix(head, ":"):
		u, err := url.Parse(s)
		if err != nil {
			return nil, fmt.Errorf("target %q: %w", masked(s), parseReason(s, err))
		}
		return u, nil
	case strings.Trim(head, "0123456789") == "" && head != "":
		s = "127.0.0.1:" + s
	case strings.HasPrefix(head, ":"):
		s = "127.0.0.1" + s
	case strings.ContainsAny(head, "=*,@ ") || !strings.Contains(head, ":"):
		return nil, fmt.Errorf("target %q: %s", masked(s), want)
	}
	u, err := url.Parse("http://" + s)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", masked(s), parseReason(s, err))
	}
	if u.Port() == "" {
		return nil, fmt.Errorf("target %q has no port: %s", masked(s), want)
	}
	return u, nil
}

// ipv6Host returns the address of an IPv6 host and a port that are typed without
// brackets, for example "::1:3301". It returns "" for anything else.
func ipv6Host(hostPort string) string {
	i := strings.LastIndexByte(hostPort, ':')
	if i < 0 || strings.Trim(hostPort[i+1:], "0123456789") != "" {
		return ""
	}
	addr, err := netip.ParseAddr(hostPort[:i])
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return ""
	}
	return hostPort[:i]
}

// masked returns an invalid target, or a route to one, without its secrets, for an
// error. It is unknown where a password in it begins and ends: everything before the
// last "@" is masked.
func masked(s string) string {
	s = event.MaskURL(s)
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return s
	}
	scheme, rest, ok := strings.Cut(s[:at], "://")
	if !ok {
		return event.Masked + s[at:]
	}
	if user, password, _ := strings.Cut(rest, ":"); password == event.Masked && !strings.ContainsAny(user, "/?#@") {
		return s // the password is masked already
	}
	return scheme + "://" + event.Masked + s[at:]
}

// parseReason returns an error of url.Parse without the URL, which is in the message
// already. The rest of that error may quote a part of a password.
func parseReason(s string, err error) error {
	if strings.Contains(s, "@") {
		return errors.New("not a URL; in a user name or password, special characters are written as %40, %2F, and so on")
	}
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}

// checkTargetURL returns why u is not valid as a target.
func checkTargetURL(u *url.URL) error {
	name := masked(u.String())
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("target %q has the scheme %q: want http or https", name, u.Scheme)
	case u.Opaque != "" || u.Hostname() == "":
		return fmt.Errorf("target %q has no host", name)
	case u.Port() == "":
		return nil
	}
	if port, err := strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
		return fmt.Errorf("target %q has the port %q: want 1 to 65535", name, u.Port())
	}
	return nil
}
