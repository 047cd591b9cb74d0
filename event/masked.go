package event

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// minSecret is how long a secret has to be to be looked for in texts: a shorter
// one would be found in ordinary words.
const minSecret = 6

// Secrets are texts that must not be shown anywhere, also not in the escaped forms of
// URLs and JSON. Those of less than 6 bytes are not looked for. The zero value masks
// nothing.
type Secrets struct {
	forms    []string // as they may be written
	replacer *strings.Replacer
}

// NewSecrets makes Secrets of texts, of which empty ones do not count.
func NewSecrets(texts ...string) Secrets {
	var forms []string
	for _, s := range texts {
		s = strings.TrimSpace(s)
		if len(s) < minSecret || strings.Trim(s, "*") == "" {
			continue
		}
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)} {
			if !slices.Contains(forms, form) {
				forms = append(forms, form)
			}
		}
	}
	return secretsOf(forms)
}

// secretsOf makes Secrets of the forms in which they are written.
func secretsOf(forms []string) Secrets {
	if len(forms) == 0 {
		return Secrets{}
	}
	// Of two that begin alike the longer one is tried first.
	slices.SortStableFunc(forms, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range forms {
		pairs = append(pairs, form, Masked)
	}
	return Secrets{forms, strings.NewReplacer(pairs...)}
}

// in reports whether b contains a secret.
func (s Secrets) in(b []byte) bool {
	return slices.ContainsFunc(s.forms, func(form string) bool { return bytes.Contains(b, []byte(form)) })
}

// Mask returns text with [Masked] in place of the secrets.
func (s Secrets) Mask(text string) string {
	if s.replacer == nil {
		return text
	}
	return s.replacer.Replace(text)
}

// MaskBody returns a body with [Masked] in place of the secrets. A body that is
// JSON stays JSON: only its strings are masked, without keys.
func (s Secrets) MaskBody(body []byte) []byte {
	switch {
	case !s.in(body):
		return body
	case json.Valid(body):
		return s.maskJSON(body)
	}
	return []byte(s.Mask(string(body)))
}

// MaskHeader is [MaskHeader] with the secrets masked, too.
func (s Secrets) MaskHeader(name, value string) string { return s.Mask(MaskHeader(name, value)) }

// maskJSON masks the strings of a JSON text.
func (s Secrets) maskJSON(text []byte) []byte {
	var out []byte
	for rest := text; ; {
		begin := bytes.IndexByte(rest, '"')
		if begin < 0 {
			return append(out, rest...)
		}
		end := begin + 1
		for end < len(rest) && rest[end] != '"' {
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(rest))
		said := string(rest[begin:end])
		if key := bytes.HasPrefix(bytes.TrimLeft(rest[min(end+1, len(rest)):], " \t\r\n"), []byte(":")); !key {
			said = s.replacer.Replace(said)
		}
		out = append(append(out, rest[:begin]...), said...)
		rest = rest[end:]
		if len(rest) > 0 { // the closing quote
			out, rest = append(out, '"'), rest[1:]
		}
	}
}

// Masked returns a copy of e that may be shown or exported. In headers and URLs, each
// secret is replaced by [Masked]. The same text is then also replaced everywhere else
// in the event, for example in a header that a proxy adds, or in an answer that repeats
// its request. The other secrets are replaced in the same way.
func (e *Event) Masked(others ...Secrets) *Event {
	secrets := e.Secrets()
	for _, other := range others {
		secrets = secretsOf(append(slices.Clone(secrets.forms), other.forms...))
	}
	m := *e
	m.Path, m.Header, m.Body = secrets.Mask(MaskURL(e.Path)), secrets.maskHeaders(e.Header), secrets.MaskBody(e.Body)
	m.Targets = slices.Clone(e.Targets)
	for i := range m.Targets {
		m.Targets[i] = MaskURL(m.Targets[i])
	}
	m.Attempts = slices.Clone(e.Attempts)
	for i := range m.Attempts {
		a := &m.Attempts[i]
		a.Target, a.Err = MaskURL(a.Target), secrets.Mask(MaskText(a.Err))
		a.Header, a.Body = secrets.maskHeaders(a.Header), secrets.MaskBody(a.Body)
	}
	return &m
}

func (s Secrets) maskHeaders(h http.Header) http.Header {
	if h == nil {
		return nil
	}
	masked := make(http.Header, len(h))
	for name, values := range h {
		shown := make([]string, len(values))
		for i, value := range values {
			shown[i] = s.MaskHeader(name, value)
		}
		masked[name] = shown
	}
	return masked
}

// Secrets returns what the request of e carries as secrets, so that it can be
// masked where a proxy or a target repeats it: the values of X-Webhook-Secret,
// Authorization and the like, and those in the query.
func (e *Event) Secrets() Secrets {
	var found []string
	for name, values := range e.Header {
		for _, value := range values {
			if MaskHeader(name, value) == Masked && !describes(name) {
				found = append(found, value)
				if _, token, ok := strings.Cut(value, " "); ok && http.CanonicalHeaderKey(name) == "Authorization" {
					found = append(found, token)
				}
			}
		}
	}
	if _, query, ok := strings.Cut(e.Path, "?"); ok {
		for pair := range strings.SplitSeq(query, "&") {
			if key, value, ok := strings.Cut(pair, "="); ok && secretKey(key) {
				found = append(found, value)
				if plain, err := url.QueryUnescape(value); err == nil {
					found = append(found, plain)
				}
			}
		}
	}
	return NewSecrets(found...)
}

// describes reports whether a header whose name is masked says how something is
// done rather than what the secret is.
func describes(name string) bool {
	return strings.Contains(strings.ToLower(name), "type") || strings.Contains(strings.ToLower(name), "algorithm")
}
