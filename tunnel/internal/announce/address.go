// Package announce finds the public addresses that servers and programs print. What
// they print is hostile until it is checked.
package announce

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// notTunnels are the labels in a domain of a service that lead to the service itself.
var notTunnels = []string{"www", "dashboard", "admin", "console", "api", "docs", "login"}

// ElsewhereError is an address below none of the domains that a server may
// announce addresses in.
type ElsewhereError struct{ address, host string }

// Error quotes the address.
func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("announced %q, which is not an address of its tunnels", e.address)
}

// Domain is the domain that would have to be allowed, or "" if the address is not
// in a domain that somebody owns.
func (e *ElsewhereError) Domain() string {
	_, domain, _ := strings.Cut(e.host, ".")
	if _, err := publicsuffix.EffectiveTLDPlusOne(domain); err != nil || net.ParseIP(e.host) != nil {
		return ""
	}
	return domain
}

// Address checks an announced address and returns it without a slash at its end.
// It must be https, with a host below one of the domains, because the webhook's
// secret goes there. Another port than 443 is allowed with anyPort only.
func Address(address string, domains []string, anyPort bool) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return "", fmt.Errorf("announced %q, which is not an address", address)
	case u.Scheme != "https":
		return "", fmt.Errorf("announced only %q, which is not encrypted", address)
	case u.User != nil || u.Port() != "" && !anyPort || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || !IsHostName(u.Hostname()):
		return "", fmt.Errorf("announced %q, which is not a plain address", address)
	}
	host := strings.ToLower(u.Hostname())
	for _, domain := range domains {
		if below, ok := strings.CutSuffix(host, "."+domain); ok && below != "" && !slices.Contains(notTunnels, below) {
			if port := u.Port(); port != "" && port != "443" {
				host += ":" + port
			}
			return "https://" + host, nil
		}
	}
	return "", &ElsewhereError{address, host}
}

var hostName = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?))+$`)

// IsHostName reports whether a text is the name of a host in a domain.
func IsHostName(s string) bool { return hostName.MatchString(s) }
