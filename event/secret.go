package event

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// SecretHeader is the header in which the Hub sends a webhook's secret: the
// secret itself, not a signature made with it (the Hub's docs).
const SecretHeader = "X-Webhook-Secret"

// Secret is a webhook's secret, as digests. The zero value means that there is no
// secret: the verdict of every delivery is VerdictUnchecked.
type Secret struct {
	set             bool
	header, inQuery [sha256.Size]byte
}

// ParseSecret makes a Secret of the text in the webhook's settings. An empty text means
// that there is no secret. A text that a webhook cannot have is an error: the Hub
// accepts printable ASCII only, and a header of spaces arrives empty.
func ParseSecret(text string) (Secret, error) {
	if text == "" {
		return Secret{}, nil
	}
	// Blanks at the ends get lost in a header and stay in a query.
	trimmed := strings.Trim(text, " \t")
	if trimmed == "" {
		return Secret{}, errors.New("the secret consists of blanks")
	}
	for i, r := range text {
		if r < ' ' || r > '~' {
			return Secret{}, fmt.Errorf("the secret is not printable ASCII: character %U at byte %d", r, i)
		}
	}
	return Secret{set: true, header: sha256.Sum256([]byte(trimmed)), inQuery: sha256.Sum256([]byte(text))}, nil
}

// IsSet reports whether s is not the zero value.
func (s Secret) IsSet() bool { return s.set }

// Check compares the secret of a delivery, in constant time. The secret is in the
// header X-Webhook-Secret, or else in the parameter "secret" of the raw query,
// where users put it whose handlers cannot read headers. Two secrets in the same
// place are VerdictWrong even if one is right, because the Hub sends one.
func (s Secret) Check(header http.Header, rawQuery string) Verdict {
	if !s.set {
		return VerdictUnchecked
	}
	sent, want := header[SecretHeader], s.header
	if len(sent) == 0 && rawQuery != "" {
		query, _ := url.ParseQuery(rawQuery) // a broken pair elsewhere does not hide a good one
		sent, want = query["secret"], s.inQuery
	}
	switch len(sent) {
	case 0:
		return VerdictMissing
	case 1:
		// Digests have one length, so the time does not depend on the secret's.
		got := sha256.Sum256([]byte(sent[0]))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			return VerdictOK
		}
	}
	return VerdictWrong
}
