package cli

import (
	"fmt"
	"strings"
	"sync"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/term"
)

// hidden is the secrets that this process works with: the webhook's secret and the
// Hub's token. Nothing that is printed or logged shows them.
type hidden struct {
	mu      sync.Mutex
	texts   []string
	secrets event.Secrets
}

func (h *hidden) add(texts ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.texts = append(h.texts, texts...)
	h.secrets = event.NewSecrets(h.texts...)
}

func (h *hidden) current() event.Secrets {
	if h == nil {
		return event.Secrets{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.secrets
}

// mask masks the secrets in a text.
func (h *hidden) mask(s string) string { return h.current().Mask(s) }

// maskJSON masks the secrets in a JSON text, and makes it printable.
func (h *hidden) maskJSON(b []byte) string { return string(term.JSON(h.current().MaskBody(b))) }

// hide keeps secrets out of what is printed and logged from now on.
func (p *Process) hide(texts ...string) {
	if p.hidden == nil {
		p.hidden = &hidden{}
	}
	p.hidden.add(texts...)
}

// shown is a value as a line for people may show it. It stays one line whatever the
// value is, or a name with a line end would forge a line of ours.
func (p *Process) shown(v any) any {
	switch v := v.(type) {
	case string:
		return term.Line(p.hidden.mask(v))
	case error:
		return term.Line(p.hidden.mask(oneLine(v)))
	case fmt.Stringer:
		return term.Line(p.hidden.mask(v.String()))
	}
	return v
}

// tell prints a line for people. Its values are made safe for the terminal.
func (p *Process) tell(format string, args ...any) {
	safe := make([]any, len(args))
	for i, arg := range args {
		safe[i] = p.shown(arg)
	}
	fmt.Fprintln(p.Err, term.Line(fmt.Sprintf(format, safe...)))
}

// oneLine is an error on one line, as it may be shown; joined ones stand on lines of
// their own.
func oneLine(err error) string { return event.MaskText(strings.ReplaceAll(err.Error(), "\n", "; ")) }
