package event

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/internal/headers"
)

// Curl returns the command that sends e to a URL as it came, for a POSIX shell: it runs
// as it is and contains no secret. The webhook's secret is taken from $WEBHOOK_SECRET
// wherever it stands; one that was wrong stays wrong, and other secrets are left out,
// or masked where something repeats them. A body that is not text, or is long, comes
// from printf: no word of a shell can hold every byte, and an argument of a program has
// a limit.
func Curl(e *Event, url string) string {
	var b strings.Builder
	sh := shell{secret: e.webhookSecret(), others: e.Secrets()}
	text := isText(string(e.Body)) && len(e.Body) <= maxArgument
	switch {
	case text:
	case isText(string(e.Body)):
		fmt.Fprintf(&b, "printf %%s %s |\n", sh.word(string(e.Body)))
	default:
		fmt.Fprintf(&b, "printf %s |\n", sh.octal(string(e.Body)))
	}
	fmt.Fprintf(&b, "curl -sS -X %s %s", sh.word(e.Method), sh.word(MaskURL(url)))
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		for _, value := range e.Header[name] {
			switch {
			case leftOut(name):
			case http.CanonicalHeaderKey(name) == SecretHeader && e.Verdict == VerdictWrong: // it stays wrong
				b.WriteString(" \\\n  -H 'X-Webhook-Secret: " + Masked + "'")
			case http.CanonicalHeaderKey(name) == SecretHeader:
				b.WriteString(" \\\n  -H \"X-Webhook-Secret: $WEBHOOK_SECRET\"")
			case MaskHeader(name, value) == Masked:
			case value == "":
				fmt.Fprintf(&b, " \\\n  -H %s", sh.word(name+";")) // curl's syntax for an empty header
			default:
				fmt.Fprintf(&b, " \\\n  -H %s", sh.word(name+": "+MaskHeader(name, value)))
			}
		}
	}
	if len(e.Body) > 0 {
		// --data-raw would add a Content-Type only where there is none.
		if e.Header.Get("Content-Type") == "" {
			b.WriteString(" \\\n  -H 'Content-Type:'")
		}
		data := " \\\n  --data-binary @-"
		if text {
			data = " \\\n  --data-raw " + sh.word(string(e.Body))
		}
		b.WriteString(data)
	}
	return b.String()
}

// maxArgument is the largest body that is an argument of curl, in bytes. Linux takes
// 128 KiB; printf is a part of the shell and has no such limit.
const maxArgument = 96 << 10

// webhookSecret returns the secret that e was sent with. It is "" if e had none, or one
// so short that it could be ordinary text.
func (e *Event) webhookSecret() string {
	if secret := strings.TrimSpace(e.Header.Get(SecretHeader)); len(secret) >= minSecret {
		return secret
	}
	return ""
}

// leftOut reports whether curl writes the header itself: a second one, or one with the
// length of another body, would be wrong.
func leftOut(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return headers.OfConnection(name) || name == "Accept-Encoding" || name == LeftOutHeader || strings.HasPrefix(name, "X-Forwarded-")
}

// shell writes texts for a shell, without the secrets of an event.
type shell struct {
	secret string  // what $WEBHOOK_SECRET stands for; empty: nothing
	others Secrets // that are masked
}

// parts splits s at each copy of the webhook's secret, and masks other secrets.
func (sh shell) parts(s string) []string {
	parts := []string{s}
	if sh.secret != "" {
		parts = strings.Split(s, sh.secret)
	}
	for i := range parts {
		parts[i] = sh.others.Mask(parts[i])
	}
	return parts
}

// word quotes s so that a shell takes it as one word, and a terminal that the word
// is pasted into obeys nothing in it.
func (sh shell) word(s string) string {
	words := sh.parts(s)
	for i, part := range words {
		if part == "" && len(words) > 1 {
			continue
		}
		words[i] = quoted(part)
	}
	return strings.Join(words, `"$WEBHOOK_SECRET"`)
}

func quoted(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r))
	}) < 0 {
		return s
	}
	if !isText(s) {
		return `"$(printf '` + octal(s) + `')"`
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// octal returns the arguments with which printf writes s.
func (sh shell) octal(s string) string {
	parts := sh.parts(s)
	for i, part := range parts {
		parts[i] = octal(part)
	}
	return "'" + strings.Join(parts, "%s") + "'" + strings.Repeat(` "$WEBHOOK_SECRET"`, len(parts)-1)
}

// isText reports whether a terminal would show s as it is and obey nothing in
// it, but for its newlines.
func isText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return r != '\n' && (unicode.IsControl(r) || r == 0x2028 || r == 0x2029 || unicode.Is(unicode.Cf, r) && !joiner(r))
	}) < 0
}

// joiner reports whether r is one of the formats that emoji and scripts are written
// with.
func joiner(r rune) bool { return r == 0x200c || r == 0x200d || r >= 0xe0020 && r <= 0xe007f }

// octal writes s in the form in which printf reads it.
func octal(s string) string {
	var out strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '%':
			out.WriteString("%%")
		case c < 0x20 || c >= 0x7f || c == '\'' || c == '\\':
			fmt.Fprintf(&out, `\%03o`, c)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}
