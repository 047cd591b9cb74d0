// Package advice says what to try when a target does not take events, by what the
// target answers. All front ends have their hints about targets from here.
package advice

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// Trouble is what is wrong between events and a target. It is also the word of the
// state that reports it.
type Trouble string

// The troubles.
const (
	WrongPath   Trouble = "wrong path"   // 404 or 405
	WrongSecret Trouble = "unauthorized" // the right secret is refused
	BadPayload  Trouble = "invalid"      // 422: the payload is not what the handler expects
	Duplicate   Trouble = "duplicate"    // the handler drops a replay, whose id it has seen
)

// Advice is what an answer means and what to do about it.
type Advice struct {
	Trouble Trouble
	What    string // what was answered; may quote the target
	Hint    string // what to type
}

// String is the advice in one line. What can be typed as it is comes first: a screen
// cuts what is long.
func (a Advice) String() string {
	if a.Trouble == WrongPath || a.Trouble == Duplicate {
		return a.Hint + " (" + a.What + ")"
	}
	return a.What + "; " + a.Hint
}

// For returns advice about one attempt to hand over an event. Without any, ok is
// false.
func For(e *event.Event, a *event.Attempt) (advice Advice, ok bool) {
	switch {
	case a.Err != "":
	case a.Status == http.StatusNotFound, a.Status == http.StatusMethodNotAllowed:
		return Path(a, nil), true
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden, a.Status == http.StatusBadRequest && blamesSecret(a.Body):
		if e.Verdict == event.VerdictOK {
			return secret(a), true
		}
	case a.Status == http.StatusUnprocessableEntity:
		return payload(e, a), true
	case e.ReplayOf != 0 && (a.OK() || a.Status == http.StatusConflict) && saysDuplicate(a.Body):
		return Advice{Duplicate, "the handler drops the replay, whose Webhook-Id it has seen", fmt.Sprintf("hf-tap events replay %d --new-id, or on the screen R, then i", e.ReplayOf)}, true
	}
	return Advice{}, false
}

// usual are the paths that most handlers have.
var usual = [...]string{"/webhook", "/webhooks/huggingface"}

// Usual returns the paths at which handlers take deliveries most often, the
// commonest first.
func Usual() []string {
	return append(usual[:len(usual):len(usual)], "/webhook/huggingface", "/webhooks", "/api/webhook", "/api/webhooks/huggingface", "/hook")
}

// Path is the advice about an answer of 404 or 405. paths are those at which the
// target is known to take POST.
func Path(a *event.Attempt, paths []string) Advice {
	what := fmt.Sprintf("POST %s was answered %d", pathOf(a.Target), a.Status)
	if allow := a.Header.Get("Allow"); a.Status == http.StatusMethodNotAllowed && allow != "" {
		what += ", only " + cut(allow) + " is allowed there"
	}
	return Advice{WrongPath, what, Forward(a.Target, paths)}
}

// WithoutPort is the advice for a target of the app behind --, whose port a path alone
// stands for.
func (a Advice) WithoutPort(port string) Advice {
	a.Hint = strings.ReplaceAll(a.Hint, "--forward "+port+"/", "--forward /")
	return a
}

// mostPaths is how many paths a hint names.
const mostPaths = 3

// Forward is the hint that names the path to hand events to.
func Forward(target string, paths []string) string {
	behind := ", where the handler takes POST"
	if len(paths) == 0 {
		own := pathOf(target)
		for _, path := range usual {
			if path != own {
				paths = append(paths, path)
			}
		}
		behind = ", or the path that your handler has"
	}
	var flags []string
	for _, path := range paths[:min(len(paths), mostPaths)] {
		flags = append(flags, "--forward "+withPath(target, path))
	}
	return strings.Join(flags, " or ") + behind
}

func pathOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "/"
	}
	return cmp.Or(u.EscapedPath(), "/")
}

// withPath is a target as it is typed, with another path.
func withPath(target, path string) string {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" {
		return strings.TrimSuffix(event.MaskText(target), pathOf(target)) + path
	}
	host := u.Host
	switch u.Hostname() {
	case "127.0.0.1", "localhost", "::1": // what a port alone means
		host = cmp.Or(u.Port(), "80")
	}
	return host + path
}

// cut shortens what a target said.
func cut(s string) string {
	const most = 120
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

func secret(a *event.Attempt) Advice {
	return Advice{WrongSecret, fmt.Sprintf("answered %d to the right secret", a.Status),
		"set the variable that your handler reads, for example: export WEBHOOK_SECRET=$(hf-tap secret); the Hub sends the secret as it is, no signature"}
}

// payload quotes the first field that the handler misses, as FastAPI names it.
func payload(e *event.Event, a *event.Attempt) Advice {
	what := "answered 422"
	var said struct {
		Detail []struct {
			Loc []any
			Msg string
		}
	}
	if json.Unmarshal(a.Body, &said) == nil && len(said.Detail) > 0 {
		var at []string
		for _, part := range said.Detail[0].Loc {
			at = append(at, fmt.Sprint(part))
		}
		what += ": " + cut(strings.TrimPrefix(strings.Join(at, ".")+": ", ": ")+said.Detail[0].Msg)
	}
	other := "repo"
	if strings.HasPrefix(string(e.Kind), "repo") {
		other = "discussion"
	}
	return Advice{BadPayload, what, fmt.Sprintf("your handler's model does not fit the repo's type, or wants a field that %s does not have; to get less: --domain %s", cmp.Or(string(e.Kind), "this event"), other)}
}

// beginning is how much of an answer is looked at, in bytes.
const beginning = 4 << 10

func says(body []byte, phrases ...string) bool {
	text := strings.ToLower(string(body[:min(len(body), beginning)]))
	return slices.ContainsFunc(phrases, func(phrase string) bool { return strings.Contains(text, phrase) })
}

func blamesSecret(body []byte) bool {
	return says(body, "secret", "signature", "unauthorized", "hmac", "x-hub-signature")
}

func saysDuplicate(body []byte) bool {
	return says(body, "duplicate", "already processed", "already handled", "already seen", "already received", "already delivered", "already_processed", "already-processed")
}
