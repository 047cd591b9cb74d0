package tunnel

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

// PublicURL checks the address of a tunnel that the user runs, and returns it
// without a slash at its end. Plain http is allowed on loopback only, because the
// secret is in a header of each delivery. The error is an [ErrUsage].
func PublicURL(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return "", fmt.Errorf("%w: the public URL is missing", ErrUsage)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("%w: %q is not a URL like https://host", ErrUsage, s)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%w: the public URL may hold a host and a path, but no user, query or fragment", ErrUsage)
	case u.Scheme == "http" && !loopback.Is(u.Hostname()):
		return "", fmt.Errorf("%w: %q is not encrypted, and each delivery carries the secret", ErrUsage, s)
	}
	return strings.TrimRight(s, "/"), nil
}
