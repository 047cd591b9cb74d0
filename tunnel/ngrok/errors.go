package ngrok

import (
	"errors"
	"regexp"
	"strings"

	"github.com/hf-tap/hf-tap/tunnel"
)

// ErrConfig means that ngrok's own configuration file exists and cannot be used.
var ErrConfig = errors.New("ngrok's configuration cannot be used")

var codePattern = regexp.MustCompile(`ERR_NGROK_\d+`)

// permanent are the codes after which another try cannot succeed. 108 and 334 are
// not among them, because a session or an endpoint that has just ended may still
// count.
var permanent = map[string]bool{
	"ERR_NGROK_4018": true, "ERR_NGROK_105": true, "ERR_NGROK_106": true, "ERR_NGROK_107": true,
	"ERR_NGROK_120": true, "ERR_NGROK_9037": true,
}

// refusal returns ngrok's refusal in an error of the SDK, or nil if there is none.
// Errors of events are not wrapped as ngrok.Error, and some after a reconnect are
// plain text, which may have a code. Some messages quote the token.
func refusal(err error, token string) *tunnel.ProviderError {
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
		if code = codePattern.FindString(text); code == "" {
			return nil
		}
	}
	return &tunnel.ProviderError{Provider: Name, Code: code, Message: oneLine(text, token), Permanent: permanent[code]}
}

// maxMessage is the longest message that is kept, in bytes.
const maxMessage = 500

// oneLine returns ngrok's text in one line, without the lines that have the code or
// addresses of the documentation, and with the token masked.
func oneLine(text, token string) string {
	var kept []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || codePattern.MatchString(line) || strings.HasPrefix(line, "https://") {
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
