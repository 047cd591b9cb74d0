package receiver

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// HiddenError means that a target was typed as its recorded name, which masks its
// password or a secret in its query. The target cannot be reached with it.
type HiddenError struct {
	Target string // as it is recorded
	Fill   string // the same with PASSWORD and VALUE in the place of the secrets
}

// Error names the target and shows how to write it out.
func (e *HiddenError) Error() string {
	return fmt.Sprintf("the password or secret of the target %q is not recorded: write it out, as in %s", e.Target, e.Fill)
}

// checkHidden returns a HiddenError if the URL comes from a recorded name with masked
// secrets.
func checkHidden(u *url.URL) error {
	name, fill := *u, *u
	name.Fragment, name.RawFragment = "", "" // the number of one of several targets of the same name
	whole := name.String()
	if password, _ := u.User.Password(); password == event.Masked {
		fill.User = url.UserPassword(u.User.Username(), "PASSWORD")
	}
	pairs := strings.Split(u.RawQuery, "&")
	for i, pair := range pairs {
		// MaskURL masks only the values of keys that carry secrets.
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
