package receiver

import (
	"fmt"
	"net/url"
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
