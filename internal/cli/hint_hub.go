package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hf-tap/hf-tap/hub"
)

// hubHint returns what a user can do about an error of the Hub's client, "" if
// nothing is known to help.
func hubHint(err error) string {
	var e *hub.Error
	errors.As(err, &e)
	switch {
	case errors.Is(err, hub.ErrUnauthorized), errors.Is(err, hub.ErrNoToken):
		return `run "hf auth login", or set HF_TOKEN to a token that may write webhooks`
	case errors.Is(err, hub.ErrQuotedToken):
		return "leave the quotes out: HF_TOKEN=hf_… in an .env file, or run \"hf auth login\""
	case errors.Is(err, hub.ErrBadToken):
		return `copy the token again from https://huggingface.co/settings/tokens, or run "hf auth login"`
	case errors.Is(err, hub.ErrForbidden):
		return "use a token with the role write, or a fine-grained one with user.webhooks.write: https://huggingface.co/settings/tokens"
	case errors.Is(err, hub.ErrNotFound), errors.Is(err, hub.ErrInvalid) && e != nil && e.Method == http.MethodDelete:
		return `see what this token's user has: "hf-tap webhooks ls"`
	case errors.Is(err, hub.ErrRateLimited) && e != nil && e.RetryAfter > 0:
		return fmt.Sprintf("try again in %v", e.RetryAfter)
	case errors.Is(err, hub.ErrRateLimited):
		return "try again in some minutes: the Hub counts requests in windows of 5 minutes"
	case errors.Is(err, hub.ErrOffline):
		return "unset HF_HUB_OFFLINE"
	case errors.Is(err, hub.ErrInsecure):
		return "set HF_ENDPOINT to an https URL"
	case errors.Is(err, hub.ErrInvalid) && e != nil && e.Status == 0:
		return "" // the error says what is wrong
	case errors.Is(err, hub.ErrInvalid):
		return "check what is watched: type:name, like model:me/m, of something that is there"
	case errors.Is(err, hub.ErrBadAnswer):
		return "check HF_ENDPOINT, and whether a proxy or a login page stands in between"
	case errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, hub.ErrUnreachable):
		return "check the network, HTTPS_PROXY and HF_ENDPOINT, then try again"
	case e != nil && e.Status >= 500:
		return "try again later: https://status.huggingface.co says what the Hub knows of it"
	}
	return ""
}
