package receiver

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// HiddenError means that a text is the recorded name of a target whose password,
// or a secret in whose query, is masked there: the target cannot be reached by it.
type HiddenError struct {
	Target string // as it is recorded
	Fill   string // the same with PASSWORD and VALUE where the secrets have to stand
}

// Error names the target and how to write it out.
func (e *HiddenError) Error() string {
	return fmt.Sprintf("the password or secret of the target %q is not recorded: write it out, as in %s", e.Target, e.Fill)
}

// hides reports whether the URL of a target carries a secret, and gives the name
// that is recorded of it, without the secret.
func hides(u *url.URL) (name string, secret bool) {
	whole := u.String()
	name = event.MaskURL(whole)
	return name, name != whole
}

// hiddenIn gives the HiddenError for a URL that was read from a recorded name,
// nil for any other.
func hiddenIn(u *url.URL) error {
	name, fill := *u, *u
	name.Fragment, name.RawFragment = "", "" // it told apart targets of one name
	whole := name.String()
	if password, _ := u.User.Password(); password == event.Masked {
		fill.User = url.UserPassword(u.User.Username(), "PASSWORD")
	}
	pairs := strings.Split(u.RawQuery, "&")
	for i, pair := range pairs {
		// Only of a key that carries secrets does another value get masked.
		if key, value, _ := strings.Cut(pair, "="); value == event.Masked && event.MaskURL("?"+key+"=x") != "?"+key+"=x" {
			pairs[i] = key + "=VALUE"
		}
	}
	fill.Fragment, fill.RawFragment, fill.RawQuery = "", "", strings.Join(pairs, "&")
	if fill.String() == whole {
		return nil
	}
	return &HiddenError{Target: event.MaskURL(whole), Fill: fill.String()}
}

// hideIn masks what the headers of an answer repeat of the URL that was asked,
// as a redirect does.
func hideIn(h http.Header) {
	for _, values := range h {
		for i, value := range values {
			values[i] = event.MaskURL(value)
		}
	}
}

// identity tells targets apart: by all of their configuration, where they have
// some that their name leaves out.
func identity(t Target) string {
	switch t := t.(type) {
	case *HTTPTarget:
		return t.identity()
	case interface{ Identity() string }:
		return t.Identity()
	}
	return t.Name()
}

// nameAmong gives the name under which a target is recorded: its own, with a
// number behind it when another target has that.
func nameAmong(lanes []*lane, t Target) string {
	for n := 1; ; n++ {
		name := t.Name()
		if n > 1 {
			name = fmt.Sprintf("%s#%d", name, n)
		}
		if !slices.ContainsFunc(lanes, func(l *lane) bool { return l.name == name }) {
			return name
		}
	}
}
