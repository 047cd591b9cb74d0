package event

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Masked stands where a secret was.
const Masked = "***"

// secretParts are parts of names, of headers and of keys in a query, that say that
// the value is a secret; secretWords are whole words of such names. headerParts and
// queryParts are such parts in one of the two only.
var (
	secretParts = [...]string{"secret", "token", "password", "passwd", "passphrase", "pwd", "credential", "signature", "jwt", "hmac", "apikey"}
	secretWords = [...]string{"pass", "sig", "auth"}
	headerParts = [...]string{"authorization", "authentication", "cookie", "assertion", "api-key", "access-key", "dpop"}
	queryParts  = [...]string{"key", "auth"}
)

// MaskHeader returns the value of a header as it may be shown: [Masked] if the
// name of the header says that it carries a secret. In other values, secrets in
// URLs are masked as by [MaskURL].
func MaskHeader(name, value string) string {
	name = strings.ToLower(name)
	for _, part := range headerParts {
		if strings.Contains(name, part) {
			return Masked
		}
	}
	if namesSecret(name) {
		return Masked
	}
	return MaskURL(value)
}

// MaskURL returns a URL, or a path with its query, as it may be shown: the
// password of its user and the values of query keys that carry secrets are
// masked. All else stays as it was written, also if it is not a valid URL.
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
	for _, part := range queryParts {
		if strings.Contains(key, part) {
			return true
		}
	}
	return namesSecret(key)
}

// namesSecret reports whether a name in small letters is that of a secret.
func namesSecret(name string) bool {
	for _, part := range secretParts {
		if strings.Contains(name, part) {
			return true
		}
	}
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if slices.Contains(secretWords[:], word) {
			return true
		}
	}
	return false
}

// urlIn finds URLs in a text, and what looks like the user and password of one
// without its scheme.
var urlIn = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>` + "`" + `]+|[^\s"'/:@]+:[^\s"'/@]+@[^\s"'/@]`)

// MaskText returns a text that may quote URLs, for example an error, as it may be
// shown. URLs lose their query and the password of their user, those over HTTP
// also the user: a token may stand there. What is masked already stays.
func MaskText(s string) string {
	if !strings.Contains(s, "://") && !strings.Contains(s, "@") {
		return s
	}
	return urlIn.ReplaceAllStringFunc(s, func(u string) string {
		u, behind := strings.TrimRight(u, ",.;:)"), u
		behind = behind[len(u):] // of the sentence
		scheme, rest, ok := strings.Cut(u, "://")
		if !ok {
			user, _, _ := strings.Cut(u, ":")
			if strings.Contains(u, ":"+Masked+"@") {
				return u + behind
			}
			return user + ":" + Masked + u[strings.LastIndexByte(u, '@'):] + behind
		}
		rest, query, _ := strings.Cut(rest, "?")
		authority, path, hasPath := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			user, password, hasPassword := strings.Cut(authority[:at], ":")
			host := authority[at+1:]
			switch {
			case hasPassword && (password == Masked || password == "PASSWORD" || password == "xxxxx"): // a placeholder
			case strings.HasPrefix(strings.ToLower(scheme), "http"):
				authority = host
			case hasPassword:
				authority = user + ":" + Masked + "@" + host
			}
		}
		out := scheme + "://" + authority
		if hasPath {
			out += "/" + path
		}
		if query != "" && strings.Contains(query, "="+Masked) {
			out = MaskURL(out + "?" + query)
		}
		return out + behind
	})
}
