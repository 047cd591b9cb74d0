package gradio

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/tunnel"
)

// The codes of a tunnel.ProviderError. The protocol has no codes: these stand for the
// texts that are known.
const (
	NameTaken   = "name taken"  // another session has the address
	BadToken    = "token"       // of the user's own server
	Unsupported = "unsupported" // the server gives no addresses for HTTP, or does not speak with this client
)

// errSilent means that no byte has arrived from a server for too long.
var errSilent = errors.New("no sign of life")

// noAnswer is the cause of a time limit that was reached.
type noAnswer time.Duration

func (n noAnswer) Error() string { return "no answer within " + time.Duration(n).String() }

// Is makes it a context.DeadlineExceeded.
func (noAnswer) Is(target error) bool { return target == context.DeadlineExceeded }

// maxMessage is the longest message that is kept, in bytes.
const maxMessage = 500

// refusal returns the refusal that a server's text means. The known texts are those of
// frp 0.44 to 0.61.
func refusal(text, token string) *tunnel.ProviderError {
	text = strings.Join(strings.Fields(text), " ")
	if token != "" {
		text = strings.ReplaceAll(text, token, "***")
	}
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	r := &tunnel.ProviderError{Provider: Name, Message: text}
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(strings.ToLower(text), p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("router config conflict", "already in use", "already exists"):
		r.Code = NameTaken
	case has("token in login", "authorization", "authentication"):
		r.Code, r.Permanent = BadToken, true
	case has("not support", "version"):
		r.Code, r.Permanent = Unsupported, true
	}
	return r
}

// stepOf returns the step at which a connection failed, or otherwise if the error does
// not show it.
func stepOf(err error, otherwise tunnel.Step) tunnel.Step {
	var (
		verify   *tls.CertificateVerificationError
		unknown  x509.UnknownAuthorityError
		invalid  x509.CertificateInvalidError
		hostname x509.HostnameError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		op       *net.OpError
		dns      *net.DNSError
	)
	switch {
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &hostname):
		return tunnel.StepTrust
	case errors.As(err, &record), errors.As(err, &alert):
		return tunnel.StepTLS
	case errors.As(err, &dns), errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"):
		return tunnel.StepReach
	}
	return otherwise
}
