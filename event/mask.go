package event

import (
	"net/url"
	"strings"
)

// Masked stands where a secret was.
const Masked = "***"

// MaskHeader gives the value of a header as it may be shown: Masked when the
// header carries a secret, else the value.
func MaskHeader(name, value string) string {
	name = strings.ToLower(name)
	for _, part := range []string{"secret", "token", "authorization", "cookie", "password", "api-key", "apikey"} {
		if strings.Contains(name, part) {
			return Masked
		}
	}
	return value
}

// MaskURL gives a URL, or a path with its query, as it may be shown: the
// password of its user and the values of query keys that carry secrets are
// masked. All else stays as it was written, also where it is no valid URL.
func MaskURL(s string) string {
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		authority := rest
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			authority = rest[:end]
		}
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			user, _, hasPassword := strings.Cut(authority[:at], ":")
			if hasPassword {
				user += ":" + Masked
			}
			s = scheme + "://" + user + rest[at:]
		}
	}
	base, query, ok := strings.Cut(s, "?")
	if !ok {
		return s
	}
	query, fragment, hasFragment := strings.Cut(query, "#")
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		key, _, hasValue := strings.Cut(pair, "=")
		if hasValue && secretKey(key) {
			pairs[i] = key + "=" + Masked
		}
	}
	s = base + "?" + strings.Join(pairs, "&")
	if hasFragment {
		s += "#" + fragment
	}
	return s
}

// secretKey reports whether a query key carries a secret, however it is
// spelled and escaped.
func secretKey(key string) bool {
	if plain, err := url.QueryUnescape(key); err == nil {
		key = plain
	}
	key = strings.ToLower(key)
	for _, part := range []string{"secret", "token", "password", "key", "auth", "signature"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}
