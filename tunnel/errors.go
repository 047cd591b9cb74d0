package tunnel

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/internal/neterror"
)

// ErrNoToken means that a provider needs a token of its user, and has none.
var ErrNoToken = errors.New("needs a token, and there is none")

// ErrUnknownProvider means that a name is not the name of a provider.
var ErrUnknownProvider = errors.New("unknown tunnel")

// ErrUsage means that a provider's settings are invalid or contradict each other.
var ErrUsage = errors.New("invalid tunnel settings")

// ProviderError is a refusal by a provider.
type ProviderError struct {
	Provider  string // its name
	Code      string // the provider's error code, for example "ERR_NGROK_107"; empty if it gave none
	Message   string // the provider's own words, in one line, with the token masked but otherwise as they came
	Permanent bool   // another try cannot succeed before the token or the settings change

	// OtherDomain is set if a server at ssh://… announced an address in a domain
	// that is not known to be the server's: ssh.Config.Domains can allow it.
	OtherDomain string
}

// Error returns the provider's message and code.
func (e *ProviderError) Error() string {
	msg := e.Provider + " refuses: " + e.Message
	if e.Message == "" {
		msg = e.Provider + " refuses"
	}
	if e.Code != "" {
		msg += " (" + e.Code + ")"
	}
	return msg
}

// ProgramError means that the program of a provider is not installed.
type ProgramError struct {
	Program string // its name, or the path that was configured
	Err     error
}

// Error says which program is missing.
func (e *ProgramError) Error() string {
	return fmt.Sprintf("%s is not installed: %v", e.Program, e.Err)
}

// Unwrap returns the cause.
func (e *ProgramError) Unwrap() error { return e.Err }

// Step is a step of connecting to a provider's server.
type Step string

// The steps, in their order.
const (
	StepReach    Step = "reach"    // a TCP connection: names, routes, firewalls
	StepProxy    Step = "proxy"    // a TCP connection through a proxy
	StepTrust    Step = "trust"    // the server's certificate, or an SSH server's key
	StepTLS      Step = "tls"      // all of TLS but the certificate
	StepProtocol Step = "protocol" // the provider's own protocol
	StepSession  Step = "session"  // not a step: a connection that was complete has broken
)

// ConnectError is a failed connection to a provider's server.
type ConnectError struct {
	Provider string
	Server   string // host:port
	Proxy    string // the proxy, at StepProxy
	Step     Step   // the one that failed
	Err      error
}

// Error returns what failed, in the words of the step.
func (e *ConnectError) Error() string {
	var what string
	switch e.Step {
	case StepReach:
		what = fmt.Sprintf("%s cannot be reached at %s", e.Provider, e.Server)
	case StepProxy:
		what = fmt.Sprintf("%s cannot be reached at %s through the proxy %s", e.Provider, e.Server, e.Proxy)
	case StepTrust:
		var changed *HostKeyError
		if errors.As(e.Err, &changed) {
			return changed.Error()
		}
		what = fmt.Sprintf("the certificate of %s is not trusted", e.Server)
		if e.Expired() {
			what = fmt.Sprintf("the certificate of %s is not valid now", e.Server)
		}
	case StepTLS:
		what = fmt.Sprintf("no TLS with %s", e.Server)
	case StepProtocol:
		what = fmt.Sprintf("%s does not answer as %s does", e.Server, e.Provider)
	default:
		what = fmt.Sprintf("the connection to %s broke", e.Provider)
	}
	return fmt.Sprintf("%s: %s", what, neterror.Reason(e.Err))
}

// Unwrap returns the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// Expired reports whether the server's certificate is not valid at the present
// time: it has expired, or this machine's clock is wrong.
func (e *ConnectError) Expired() bool {
	var invalid x509.CertificateInvalidError
	return errors.As(e.Err, &invalid) && invalid.Reason == x509.Expired
}

// HostKeyError means that a server shows another host key than it did before:
// its keys were changed, or somebody is in between.
type HostKeyError struct {
	Host  string   // host:port
	Known []string // fingerprints of the keys that it showed before, "SHA256:…"
	Got   string   // fingerprint of the one that it shows now
	File  string   // where the known ones stand
}

// Error returns both fingerprints.
func (e *HostKeyError) Error() string {
	return fmt.Sprintf("the host key of %s has changed: it was %s and is %s", e.Host, strings.Join(e.Known, " or "), e.Got)
}

// kind is a text that is equal for causes of the same sort. The texts of errors are
// not: they name ports, which differ each time.
func kind(err error) string {
	var provider *ProviderError
	var connect *ConnectError
	var wrong *WrongAnswerError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &provider):
		return "provider " + provider.Code
	case errors.As(err, &connect):
		return "connect " + string(connect.Step)
	case errors.As(err, &wrong):
		return fmt.Sprintf("wrong %d %s", wrong.Status, wrong.Code)
	case errors.Is(err, ErrNoRoute):
		return "no route"
	}
	return "other"
}
