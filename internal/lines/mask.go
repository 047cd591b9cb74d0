package lines

import (
	"sync"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/term"
)

// Mask is the secrets that this process works with: the webhook's secret and the
// Hub's token. Nothing that is printed or logged shows them. A nil Mask is empty.
type Mask struct {
	mu      sync.Mutex
	texts   []string
	secrets event.Secrets
}

// Add adds secrets, which are masked from now on.
func (m *Mask) Add(texts ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.texts = append(m.texts, texts...)
	m.secrets = event.NewSecrets(m.texts...)
}

// Secrets is all that was added so far.
func (m *Mask) Secrets() event.Secrets {
	if m == nil {
		return event.Secrets{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.secrets
}

// Text masks the secrets in a text.
func (m *Mask) Text(s string) string { return m.Secrets().Mask(s) }

// JSON masks the secrets in a JSON text, and makes it printable.
func (m *Mask) JSON(b []byte) string { return string(term.JSON(m.Secrets().MaskBody(b))) }
