package frp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Step is how far the way to a server leads.
type Step string

// The steps, in their order.
const (
	StepReach    Step = "reach"    // a TCP connection
	StepTrust    Step = "trust"    // the server's certificate
	StepTLS      Step = "tls"      // TLS but for the certificate
	StepProtocol Step = "protocol" // the look-up's answer, or frp's protocol
	StepSession  Step = "session"  // a session that was there has broken
)

// Error says at which step the way to a server ends.
type Error struct {
	Step   Step
	Server string // host:port: of the server, or of the look-up
	Err    error
}

// Error says what stands in the way.
func (e *Error) Error() string {
	return fmt.Sprintf("%s at %s: %v", e.Step, e.Server, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Reason is why a server refuses.
type Reason string

// The reasons that can be told apart.
const (
	Unknown     Reason = ""
	NameTaken   Reason = "name taken"  // another session has the address
	BadToken    Reason = "token"       // of the user's own server
	Unsupported Reason = "unsupported" // the server gives no addresses for HTTP, or does not speak with this client
)

// Refusal is a server's own no.
type Refusal struct {
	Reason  Reason
	Message string // what the server said, in one line
}

// Error says what the server said.
func (e *Refusal) Error() string { return "the server refuses: " + e.Message }

// Permanent reports whether trying again changes nothing.
func (e *Refusal) Permanent() bool { return e.Reason == BadToken || e.Reason == Unsupported }

// ErrConfig means that a field of a Config is invalid.
var ErrConfig = errors.New("invalid server")

// ErrSilent says that a server gives no sign of life any more.
var ErrSilent = errors.New("no sign of life")

// noAnswer is how long was waited in vain.
type noAnswer time.Duration

func (n noAnswer) Error() string { return "no answer within " + time.Duration(n).String() }

// Is makes it a context.DeadlineExceeded.
func (noAnswer) Is(target error) bool { return target == context.DeadlineExceeded }

// maxMessage bounds what is kept of a server's text, in bytes.
const maxMessage = 500

// refusal reads a server's text. frp has no codes; these texts are those of
// its versions 0.44 to 0.61.
func refusal(text string) *Refusal {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	r := &Refusal{Message: text}
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
		r.Reason = NameTaken
	case has("token in login", "authorization", "authentication"):
		r.Reason = BadToken
	case has("not support", "version"):
		r.Reason = Unsupported
	}
	return r
}

// stepOf finds out at which step a connection failed, otherwise for what can
// not be told from the error.
func stepOf(err error, otherwise Step) Step {
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
		return StepTrust
	case errors.As(err, &record), errors.As(err, &alert):
		return StepTLS
	case errors.As(err, &dns), errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"):
		return StepReach
	}
	return otherwise
}
