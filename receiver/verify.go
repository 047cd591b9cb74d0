package receiver

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// secretHeader is where the Hub puts a webhook's secret: the secret itself, no
// signature made with it (the Hub's docs).
const secretHeader = "X-Webhook-Secret"

// secret knows what a secret looks like in each of the two places where it can
// stand. Blanks around it get lost in a header and stay in a query.
type secret struct {
	set             bool
	header, inQuery [sha256.Size]byte
}

func newSecret(s string) secret {
	return secret{
		set:     s != "",
		header:  sha256.Sum256([]byte(strings.Trim(s, " \t"))),
		inQuery: sha256.Sum256([]byte(s)),
	}
}

// verdict looks at the header, and only without one at "?secret=" in the query,
// which is where people put it who cannot read headers. Two of either are
// wrong even if one of them fits: no sender means that.
func (s secret) verdict(h http.Header, rawQuery string) event.Verdict {
	if !s.set {
		return event.VerdictUnchecked
	}
	given, want := h[secretHeader], s.header
	if len(given) == 0 && rawQuery != "" {
		query, _ := url.ParseQuery(rawQuery) // a broken pair elsewhere does not hide a good one
		given, want = query["secret"], s.inQuery
	}
	switch len(given) {
	case 0:
		return event.VerdictMissing
	case 1:
		// Digests have one length, so that the time tells nothing about it.
		got := sha256.Sum256([]byte(given[0]))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			return event.VerdictOK
		}
	}
	return event.VerdictWrong
}
