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

// Secret is a webhook's secret, kept as digests to compare deliveries with.
// The zero value is no secret: every delivery is unchecked.
type Secret struct {
	set             bool
	header, inQuery [sha256.Size]byte
}

// ParseSecret reads a secret as it was set on the Hub. An empty text is no
// secret. A text that no webhook can have is an error: the Hub accepts
// printable ASCII only, and a header of blanks arrives empty.
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

// IsSet reports whether there is a secret to compare with.
func (s Secret) IsSet() bool { return s.set }

// Check compares the secret of a delivery, in constant time. It looks at the
// header, and only without one at "secret" in the raw query, where people put
// it whose handlers cannot read headers. Two secrets in the same place are
// wrong even if one of them is right: the Hub sends one.
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
