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

// Curl gives the command that sends e to a URL as it came, for a POSIX shell:
// it runs as it is and tells no secret. The webhook's secret is taken from
// $WEBHOOK_SECRET; one that was wrong stays wrong, and other secrets are left
// out. A body that is not text comes from printf, since no word of a shell can hold
// every byte.
func Curl(e *Event, url string) string {
	var b strings.Builder
	text := isText(string(e.Body))
	if !text {
		fmt.Fprintf(&b, "printf %s |\n", octal(e.Body))
	}
	fmt.Fprintf(&b, "curl -sS -X %s %s", shellWord(e.Method), shellWord(MaskURL(url)))
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		for _, value := range e.Header[name] {
			switch {
			case leftOut(name):
			case http.CanonicalHeaderKey(name) == "X-Webhook-Secret" && e.Verdict == VerdictWrong: // it stays wrong
				b.WriteString(" \\\n  -H 'X-Webhook-Secret: " + Masked + "'")
			case http.CanonicalHeaderKey(name) == "X-Webhook-Secret":
				b.WriteString(" \\\n  -H \"X-Webhook-Secret: $WEBHOOK_SECRET\"")
			case MaskHeader(name, value) != value:
			case value == "":
				fmt.Fprintf(&b, " \\\n  -H %s", shellWord(name+";")) // curl's way to say that it is there and empty
			default:
				fmt.Fprintf(&b, " \\\n  -H %s", shellWord(name+": "+value))
			}
		}
	}
	if len(e.Body) > 0 {
		// --data-raw would add a Content-Type only where there is none.
		if e.Header.Get("Content-Type") == "" {
			b.WriteString(" \\\n  -H 'Content-Type:'")
		}
		data := " \\\n  --data-raw " + shellWord(string(e.Body))
		if !text {
			data = " \\\n  --data-binary @-"
		}
		b.WriteString(data)
	}
	return b.String()
}

// leftOut reports whether curl makes the header itself: a second one, or one
// with the length of another body, would be wrong.
func leftOut(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return headers.OfConnection(name) || name == "Accept-Encoding" || name == LeftOutHeader || strings.HasPrefix(name, "X-Forwarded-")
}

// shellWord quotes s so that a shell takes it as one word, and a terminal that
// the word is pasted into obeys nothing in it.
func shellWord(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r))
	}) < 0 {
		return s
	}
	if !isText(s) {
		return `"$(printf ` + octal([]byte(s)) + `)"`
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// isText reports whether a terminal would show s as it is and obey nothing in
// it, but for its newlines.
func isText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 || r == 0x2029)
	}) < 0
}

// octal gives the format with which printf writes b.
func octal(b []byte) string {
	var out strings.Builder
	out.WriteByte('\'')
	for _, c := range b {
		switch {
		case c == '%':
			out.WriteString("%%")
		case c < 0x20 || c >= 0x7f || c == '\'' || c == '\\':
			fmt.Fprintf(&out, `\%03o`, c)
		default:
			out.WriteByte(c)
		}
	}
	return out.String() + "'"
}
