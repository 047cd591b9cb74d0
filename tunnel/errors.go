package tunnel

import (
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/hf-tap/hf-tap/internal/neterror"
)

// ErrNoToken means that Config.Provider is Ngrok and NgrokToken is empty.
var ErrNoToken = errors.New("ngrok needs a token, and there is none")

// ErrNoCloudflared means that the program cloudflared is not in PATH, or not at
// Config.Cloudflared.
var ErrNoCloudflared = errors.New("cloudflared is not installed")

// ErrUnknownProvider means that Config.Provider has a name that is not a provider's.
var ErrUnknownProvider = errors.New("unknown tunnel")

// ErrUsage means that fields of a Config contradict each other, or that one is
// invalid.
var ErrUsage = errors.New("invalid tunnel settings")

// ProviderError is a refusal by a provider.
type ProviderError struct {
	Provider  string // as in Config
	Code      string // the provider's error code, for example "ERR_NGROK_107"; empty if it gave none
	Message   string // the provider's own words, in one line, with the token masked but otherwise as they came
	Permanent bool   // another try cannot succeed before the token or the settings change

	// OtherDomain is the domain of an address that a server at ssh://… announced
	// and that was refused, because the domain is not known to be the server's.
	// Config.SSHDomains allows it. Empty otherwise.
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

// Unwrap gives the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// Expired reports whether the server's certificate is not valid at the present
// time: it has expired, or this machine's clock is wrong.
func (e *ConnectError) Expired() bool {
	var invalid x509.CertificateInvalidError
	return errors.As(e.Err, &invalid) && invalid.Reason == x509.Expired
}

// kind is what makes one cause of trouble another than the one before. Texts
// do not: they name ports, which differ each time.
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

// ErrNgrokConfig means that ngrok's own configuration file exists and cannot be used.
var ErrNgrokConfig = errors.New("ngrok's configuration cannot be used")

var ngrokCode = regexp.MustCompile(`ERR_NGROK_\d+`)

// permanentNgrok are the codes that no second try changes. 108 and 334 are not
// among them: a session or an endpoint of our own that has just broken may
// still count.
var permanentNgrok = map[string]bool{
	"ERR_NGROK_4018": true, "ERR_NGROK_105": true, "ERR_NGROK_106": true, "ERR_NGROK_107": true,
	"ERR_NGROK_120": true, "ERR_NGROK_9037": true,
}

// ngrokRefusal finds ngrok's own no in an error of the SDK, nil if there is
// none. Errors of events are not wrapped as ngrok.Error, and after a reconnect
// some are plain text, so that the code is looked for in the text. Some
// messages quote the token.
func ngrokRefusal(err error, token string) *ProviderError {
	text, code := err.Error(), ""
	var said interface {
		error
		ErrorCode() string
		Msg() string
	}
	var coded interface {
		error
		Code() string
	}
	switch {
	case errors.As(err, &said):
		text, code = said.Msg(), said.ErrorCode()
	case errors.As(err, &coded):
		text, code = coded.Error(), coded.Code()
	default:
		if code = ngrokCode.FindString(text); code == "" {
			return nil
		}
	}
	return &ProviderError{Provider: Ngrok, Code: code, Message: oneLine(text, token), Permanent: permanentNgrok[code]}
}

// maxMessage bounds what is kept of a provider's text, in bytes.
const maxMessage = 500

// oneLine takes the lines with the code and with addresses of its
// documentation out of ngrok's text, masks the token, and puts the rest into
// one line.
func oneLine(text, token string) string {
	var kept []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || ngrokCode.MatchString(line) || strings.HasPrefix(line, "https://") {
			continue
		}
		kept = append(kept, line)
	}
	line := masked(strings.Join(kept, " "), token)
	if len(line) > maxMessage {
		line = strings.ToValidUTF8(line[:maxMessage], "") + "…"
	}
	return line
}

func masked(text, token string) string {
	if token == "" {
		return text
	}
	return strings.ReplaceAll(text, token, "***")
}
