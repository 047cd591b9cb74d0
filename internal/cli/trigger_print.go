package cli

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/term"
)

// printRequests prints the requests that would be sent, with their secrets masked.
func (f *triggerFlags) printRequests(p *Process, events []*event.Event, d destination) error {
	f.tellNotSent(p)
	for i, e := range events {
		if i > 0 {
			fmt.Fprintln(p.Out)
		}
		h := e.Header.Clone()
		f.secretHeader(h, "the right one")
		text := requestText(e.Method, d.url(f.throughTunnel), h) + "\n" + string(e.Body) + "\n"
		if p.Terminal {
			text = term.Text(text)
		}
		if _, err := fmt.Fprint(p.Out, p.notes.Mask.Text(text)); err != nil {
			return lines.WriteError(err)
		}
	}
	return nil
}

// requestText is the head of a request. Where no address is known, its path is "/".
func requestText(method, url string, h http.Header) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", method, event.MaskURL(cmp.Or(url, "/")))
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, event.MaskHeader(name, value))
		}
	}
	return b.String()
}

// printCurl prints a command for each event. The one for a session goes to its public
// address, because the local address has a key that must not be shown.
func (f *triggerFlags) printCurl(p *Process, events []*event.Event, d destination) error {
	f.tellNotSent(p)
	if len(d.routes) > 1 {
		return usageError(errors.New("--curl sends to one target"), "give --to once")
	}
	for _, e := range events {
		e.Verdict = event.VerdictOK
		if f.wrongSecret {
			e.Verdict = event.VerdictWrong
		}
		f.secretHeader(e.Header, "-") // which curl takes from the environment
		if _, err := fmt.Fprintln(p.Out, event.Curl(e, d.url(true))); err != nil {
			return lines.WriteError(err)
		}
	}
	if !f.untrusted() && p.Getenv("WEBHOOK_SECRET") == "" {
		p.tell("it needs the secret: export WEBHOOK_SECRET=$(hf-tap secret)")
	}
	return nil
}

// tellNotSent says which flags have no effect where nothing is sent.
func (f *triggerFlags) tellNotSent(p *Process) {
	p.tellUnused(f.given, "where nothing is sent", "repeat", "rate", "same-id", "timeout", "fail-on-error", "secret-file", "new-secret")
}
