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

// urlIn finds URLs in a text: what is quoted and holds one, with its blanks; those
// that end with a blank; and what looks like user, password and host of one without
// its scheme.
var urlIn = regexp.MustCompile(`"(?:[^"\\]|\\.)*://(?:[^"\\]|\\.)*"|[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>` + "`" + `]+|[^\s"'/:@]+:[^\s"'/@]+@[^\s"'/@]`)

// MaskText returns a text that may quote URLs, for example an error, as it may be
// shown. URLs lose their query and the password of their user, those over HTTP
// also the user: a token may stand there. What is masked already stays.
func MaskText(s string) string {
	if !strings.Contains(s, "://") && !strings.Contains(s, "@") {
		return s
	}
	return urlIn.ReplaceAllStringFunc(s, func(found string) string {
		u := strings.TrimRight(found, ",.;:)\"")
		return bareURL(u) + found[len(u):]
	})
}

// userEnd returns where the user info of a URL ends, whose scheme is cut off; -1 if
// it has none. A slash in a password that is not escaped does not end it.
func userEnd(rest string) int {
	authority, _, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		return at
	}
	if _, port, ok := strings.Cut(authority, ":"); ok && strings.Trim(port, "0123456789") != "" && !strings.HasPrefix(authority, "[") {
		return strings.LastIndexByte(rest, '@')
	}
	return -1
}

// bareURL is a URL in a text without user info and query.
func bareURL(u string) string {
	scheme, rest, ok := strings.Cut(u, "://")
	if !ok {
		user, rest, _ := strings.Cut(u, ":")
		at := strings.LastIndexByte(rest, '@')
		return user + ":" + Masked + rest[at:]
	}
	rest, query, _ := strings.Cut(rest, "?")
	if at := userEnd(rest); at >= 0 {
		user, password, hasPassword := strings.Cut(rest[:at], ":")
		switch {
		case hasPassword && (password == Masked || password == "PASSWORD" || password == "xxxxx"): // a placeholder
		case strings.HasSuffix(scheme, "ssh") && hasPassword:
			rest = user + ":" + Masked + rest[at:]
		case strings.HasSuffix(scheme, "ssh"):
		default:
			rest = rest[at+1:]
		}
	}
	if strings.Contains(query, "="+Masked) {
		return MaskURL(scheme + "://" + rest + "?" + query)
	}
	if strings.Contains(query, "=VALUE") && MaskURL("?"+query) == strings.ReplaceAll("?"+query, "=VALUE", "="+Masked) {
		return scheme + "://" + rest + "?" + query // a placeholder
	}
	return scheme + "://" + rest
}
