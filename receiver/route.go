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

// Route leads the events that match to a target.
type Route struct {
	Match   event.Match // the zero value matches all
	Target  Target
	Default bool // takes only what no other route took; Match is not looked at
	// Path, like "/webhooks/bot", is an address of the target's own, below Config.Path.
	// The route takes what is delivered there and nothing else, and no other route
	// does; Match is not looked at. A target may have further routes.
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
// The text before the first "=" is a match only if ParseMatch accepts it: an "="
// in the target's own path or query needs no quoting.
func ParseRoute(s string) (Route, error) {
	route, text, matchErr := CutRoute(s)
	if len(text) < len(s) {
		target, err := ParseTarget(text)
		if err != nil {
			return Route{}, fmt.Errorf("route %q: %w", shown(s), err)
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
		return Route{}, err // front may be half of a password
	case matchErr != nil && (isMatch || !strings.Contains(front, "/")):
		return Route{}, fmt.Errorf("route %q: %w", shown(s), matchErr) // it was meant as one
	}
	return Route{}, err
}

// CutRoute cuts a match, or "default", and "=" off the front of a route. It returns
// the route without its target, and the text of the target. The text is s if s does
// not begin with a match: noMatch then says why what is in front of its first "="
// is not one; it is nil if there is no "=".
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
			return nil, fmt.Errorf("target %q: %w", shown(s), reason(s, err))
		}
		return u, nil
	case strings.Trim(head, "0123456789") == "" && head != "":
		s = "127.0.0.1:" + s
	case strings.HasPrefix(head, ":"):
		s = "127.0.0.1" + s
	case strings.ContainsAny(head, "=*,@ ") || !strings.Contains(head, ":"):
		return nil, fmt.Errorf("target %q: %s", shown(s), want)
	}
	u, err := url.Parse("http://" + s)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", shown(s), reason(s, err))
	}
	if u.Port() == "" {
		return nil, fmt.Errorf("target %q has no port: %s", shown(s), want)
	}
	return u, nil
}

// ipv6Host returns the address in front of the last colon of a host and a port
// that are typed without brackets, as in "::1:3301"; "" if there is none.
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

// shown is a target that cannot be read, or a route to one, as an error may show
// it. Nobody knows where a password in it begins and ends, so that everything
// before the last "@" is left out.
func shown(s string) string {
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
		return s // there was a password, and it is masked already
	}
	return scheme + "://" + event.Masked + s[at:]
}

// reason takes the address out of an error of url.Parse, which is quoted
// already. What else that error quotes may be a part of a password.
func reason(s string, err error) error {
	if strings.Contains(s, "@") {
		return errors.New("not a URL; in a user name or password, special characters are written as %40, %2F, and so on")
	}
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}

// checkTargetURL says why u cannot be a target.
func checkTargetURL(u *url.URL) error {
	name := shown(u.String())
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
