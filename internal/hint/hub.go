package hint

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/network"
)

// hubHint returns what a user can do about an error of the Hub's client, "" if
// nothing is known to help.
func hubHint(err error) string {
	var e *hub.Error
	errors.As(err, &e)
	switch {
	case errors.Is(err, hub.ErrNoToken):
		return `run "hf auth login", or set HF_TOKEN to a token that may write webhooks; without an account: hf-tap sandbox`
	case errors.Is(err, hub.ErrUnauthorized):
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
		return "check the watched repo: type:name of an existing one, like model:me/m"
	case errors.Is(err, hub.ErrBadAnswer):
		return "check HF_ENDPOINT, and whether a proxy or a login page answers in the Hub's place"
	case errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, hub.ErrUnreachable):
		return unreachableHint(err)
	case e != nil && e.Status >= 500:
		return "try again later; the Hub's status: https://status.huggingface.co"
	}
	return ""
}

// unreachableHint distinguishes why the Hub does not answer: a proxy, its
// certificate, its name, the network.
func unreachableHint(err error) string {
	var proxy *network.ProxyError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var resolve *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &proxy):
		return proxyHint(proxy)
	case errors.As(err, &unknown):
		return trustHint
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "check the clock of this machine"
	case errors.As(err, &name):
		return "check HF_ENDPOINT, and whether a proxy or a login page answers in the Hub's place"
	case errors.As(err, &resolve):
		return "check the network and HF_ENDPOINT; where only a proxy leads out, set HTTPS_PROXY"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "check the network, HTTPS_PROXY and HF_ENDPOINT, then try again: a firewall may drop connections"
	}
	return "check the network, HTTPS_PROXY and HF_ENDPOINT, then try again"
}

// trustHint is for networks that intercept TLS.
const trustHint = "if your network intercepts TLS, give the certificate of its authority: --ca FILE"

// proxyHint is about a proxy that does not lead to the Hub.
func proxyHint(e *network.ProxyError) string {
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.Is(e, network.ErrPasswordNeeded), errors.Is(e, network.ErrPasswordRefused):
		const url = "http://user:password@proxy:3128"
		if strings.Contains(e.From, ":") { // a line of a file
			return "put the user and the password of the proxy into its URL, at " + e.From + `: proxy = "` + url + `"`
		}
		return "put the user and the password of the proxy into its URL: " + e.From + "=" + url
	case errors.As(e, &unknown):
		return "give the certificate of the proxy's authority: --ca FILE"
	case e.Status != 0:
		return "ask the proxy's administrator to allow connections to " + e.Target + ", or leave that host to NO_PROXY"
	}
	return "check " + e.From + ", or leave the host to NO_PROXY"
}
