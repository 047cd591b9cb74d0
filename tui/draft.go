package tui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
)

// draftIntro is the top of the text in the editor.
const draftIntro = `# Event #%d, to be changed and sent. Save and close to send it; leave it as it is to send nothing.
# Lines that begin with # are left out up to the empty line, below which the body stands.
# A value of *** stays what it was. Each @target is a place it goes to; without one, to all that match.
# @secret: right puts the webhook's secret in; @secret: as it stands sends the header below. An event that
# came with a wrong secret or none keeps what it has: it goes to no target.
`

// writeDraft returns an event as a text to edit: its HTTP request, with lines that
// begin with @ for everything else. Secrets are masked, because the text is written to
// a file. JSON gets indents.
func writeDraft(e *event.Event) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, draftIntro, e.N)
	for _, t := range e.Targets {
		fmt.Fprintf(&b, "@target: %s\n", event.MaskURL(t))
	}
	if e.Verdict.Trusted() {
		b.WriteString("@secret: right\n")
	} else {
		b.WriteString("@secret: as it stands\n") // a stranger's event gets no right one
	}
	fmt.Fprintf(&b, "%s %s\n", e.Method, event.MaskURL(e.Path))
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		if name == "Content-Length" {
			continue // an edited body has another length
		}
		for _, value := range e.Header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, event.MaskHeader(name, value))
		}
	}
	b.WriteByte('\n')
	b.Write(indented(e.Body))
	return b.Bytes()
}

// indented is a body as it is edited. JSON gets a line break at the end, as editors add
// it.
func indented(body []byte) []byte {
	if text, ok := present.Indent(body); ok {
		return append(text, '\n')
	}
	return body
}

// readDraft parses the text that came back from the editor. A nil draft is an empty
// text: nothing is sent. An error names the line.
func readDraft(b []byte, of *event.Event) (*Draft, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, nil
	}
	d := &Draft{Of: of.N, Header: http.Header{}, KeepSecret: !of.Verdict.Trusted()}
	seen := map[string]int{}
	rest := b
	for n := 1; len(rest) > 0; n++ {
		var l []byte
		l, rest, _ = bytes.Cut(rest, []byte("\n"))
		s := strings.TrimRight(string(l), "\r")
		if strings.TrimSpace(s) == "" {
			break
		}
		if err := d.parseLine(s, of, seen); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if d.Method == "" {
		return nil, fmt.Errorf("there is no line with the method and the path, like POST %s", event.MaskURL(of.Path))
	}
	d.Body = rest
	if bytes.Equal(rest, indented(of.Body)) {
		d.Body = of.Body // unchanged
	} else if json.Valid(rest) && json.Valid(of.Body) {
		d.Body = bytes.TrimRight(rest, "\r\n")
	}
	return d, nil
}

// parseLine parses a line above the body.
func (d *Draft) parseLine(s string, of *event.Event, seen map[string]int) error {
	switch {
	case strings.HasPrefix(s, "#"):
		return nil
	case strings.HasPrefix(s, "@"):
		key, value, _ := strings.Cut(s[1:], ":")
		value = strings.TrimSpace(value)
		switch {
		case key == "target" && value != "":
			d.Targets = append(d.Targets, unmask(value, of.Targets))
		case key == "secret" && (value == "right" || value == "as it stands"):
			d.KeepSecret = value != "right"
		default:
			return fmt.Errorf("%q is not understood: want @target: URL, @secret: right or @secret: as it stands", s)
		}
		return nil
	case d.Method == "":
		method, path, ok := strings.Cut(s, " ")
		if !ok || !strings.HasPrefix(path, "/") || strings.ToUpper(method) != method {
			return fmt.Errorf("%q is not a request line: want a method and a path, like POST /hook", s)
		}
		d.Method, d.Path = method, unmask(path, []string{of.Path})
		return nil
	}
	name, value, ok := strings.Cut(s, ":")
	if !ok || name == "" || strings.ContainsAny(name, " \t\"") {
		return fmt.Errorf("%q is not a header: want Name: value; an empty line ends the headers", s)
	}
	name, value = http.CanonicalHeaderKey(name), strings.TrimSpace(value)
	if was := of.Header[name]; seen[name] < len(was) && value == event.MaskHeader(name, was[seen[name]]) {
		value = was[seen[name]]
	}
	seen[name]++
	d.Header[name] = append(d.Header[name], value)
	return nil
}

// unmask returns the original of a masked text, if the text was not edited.
func unmask(s string, was []string) string {
	for _, w := range was {
		if event.MaskURL(w) == s {
			return w
		}
	}
	return s
}
