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

// permanent are the codes that no second try changes. 108 and 334 are not
// among them: a session or an endpoint of our own that has just broken may
// still count.
var permanent = map[string]bool{
	"ERR_NGROK_4018": true, "ERR_NGROK_105": true, "ERR_NGROK_106": true, "ERR_NGROK_107": true,
	"ERR_NGROK_120": true, "ERR_NGROK_9037": true,
}

// refusal finds ngrok's own refusal in an error of the SDK, nil if there is
// none. Errors of events are not wrapped as ngrok.Error, and after a reconnect
// some are plain text, so that the code is looked for in the text. Some
// messages quote the token.
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

// maxMessage bounds what is kept of a provider's text, in bytes.
const maxMessage = 500

// oneLine takes the lines with the code and with addresses of its
// documentation out of ngrok's text, masks the token, and puts the rest into
// one line.
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
