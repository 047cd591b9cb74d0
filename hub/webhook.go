package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Webhook is a webhook as the Hub returns it: without its secret. HasSecret
// reports whether it has one.
type Webhook struct {
	ID          string          `json:"id"` // 24 hex digits
	URL         string          `json:"url,omitempty"`
	Job         json.RawMessage `json:"job,omitempty"` // the Job that is started instead of a request to a URL, as the Hub sent it: parts are missing
	JobSourceID string          `json:"jobSourceId,omitempty"`
	Watched     []Watch         `json:"watched"`
	Domains     []Domain        `json:"domains"`
	HasSecret   bool            `json:"hasSecret"`
	State       State           `json:"disabled"`
	LastTrigger time.Time       `json:"lastTriggerAt,omitzero"` // zero if it was never triggered
}

// WebhookSpec is a complete webhook, for a create or an update. Exactly one of
// URL, Job and JobSourceID must be set.
type WebhookSpec struct {
	URL         string          `json:"url,omitempty"`
	Job         json.RawMessage `json:"job,omitempty"`         // the specification of a Job to start, in the Hub's JSON
	JobSourceID string          `json:"jobSourceId,omitempty"` // the id of a Job to start a copy of
	Watched     []Watch         `json:"watched"`               // at least one
	Domains     []Domain        `json:"domains"`               // at least one
	Secret      string          `json:"secret,omitempty"`      // printable ASCII; leaving it out may clear it
	// ClearSecret makes an update send an empty secret. An update without any
	// secret may leave the present one as it is.
	ClearSecret bool `json:"-"`
}

// State is whether the Hub delivers to a webhook: only if it is [StateEnabled],
// the zero value. In JSON it is the field "disabled": true, false, or a reason as
// a string. A State that is not among the constants is a reason that this package
// does not know.
type State string

// The states that the Hub is known to send.
const (
	StateEnabled   State = ""                        // false in JSON
	StateDisabled  State = "true"                    // true in JSON: the user disabled it
	StateSuspended State = "suspended-after-failure" // too many deliveries failed; EnableWebhook ends it
)

// String returns "enabled", "disabled", "suspended-after-failure", or another
// reason as the Hub sent it.
func (s State) String() string {
	switch s {
	case StateEnabled:
		return "enabled"
	case StateDisabled:
		return "disabled"
	}
	return string(s)
}

// UnmarshalJSON reads a bool or a string. Another value becomes a State with the
// value's JSON as the reason.
func (s *State) UnmarshalJSON(b []byte) error {
	var reason string
	switch {
	case string(b) == "false" || string(b) == "null":
		*s = StateEnabled
	case json.Unmarshal(b, &reason) == nil:
		*s = State(reason)
	default:
		*s = State(b)
	}
	return nil
}

// MarshalJSON returns false, true or the reason, as the Hub does.
func (s State) MarshalJSON() ([]byte, error) {
	switch s {
	case StateEnabled:
		return []byte("false"), nil
	case StateDisabled:
		return []byte("true"), nil
	}
	return json.Marshal(string(s))
}

// UnmarshalJSON reads a webhook. A field of an unexpected type is left empty.
func (w *Webhook) UnmarshalJSON(b []byte) error {
	type plain Webhook // without this method
	v := struct {
		*plain
		LastTrigger json.RawMessage `json:"lastTriggerAt"` // hides the one in plain
	}{plain: (*plain)(w)}
	*w = Webhook{}
	if err := readJSON(&v)(b); err != nil {
		return err
	}
	_ = json.Unmarshal(v.LastTrigger, &w.LastTrigger) // an unreadable time is none
	return nil
}

// Spec returns the specification for an update that changes nothing, except that
// it has neither the secret nor the Job: the caller must set them, or the update
// removes them. The Hub does not return a secret. Of a Job it returns only parts,
// and an update with these would lose the others: set Job or JobSourceID anew.
func (w Webhook) Spec() WebhookSpec {
	return WebhookSpec{URL: w.URL, Watched: slices.Clone(w.Watched), Domains: slices.Clone(w.Domains)}
}

// Check returns an error for a specification that the Hub refuses: one that
// watches nothing; without a domain, or with an unknown one; without exactly one
// of URL, Job and JobSourceID; with an invalid URL; or with a secret that has
// other characters than printable ASCII. Unknown watch types are left to the Hub,
// which adds new ones.
func (s WebhookSpec) Check() error {
	u, err := url.Parse(s.URL)
	targets := 0
	for _, given := range []bool{s.URL != "", len(s.Job) > 0, s.JobSourceID != ""} {
		if given {
			targets++
		}
	}
	switch {
	case len(s.Watched) == 0:
		return errors.New("a webhook must watch something")
	case slices.ContainsFunc(s.Watched, func(w Watch) bool { return w.Type == "" || w.Name == "" }):
		return errors.New("a watch has no type or no name: want type:name")
	case len(s.Domains) == 0:
		return errors.New("a webhook must have a domain: repo or discussion")
	case targets != 1:
		return errors.New("a webhook must have exactly one of a URL, a job and the id of a job")
	case len(s.Job) > 0 && !json.Valid(s.Job):
		return errors.New("the job is not JSON")
	case s.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == ""):
		// Not quoted: its query may hold a secret.
		return errors.New("the webhook's URL is not an http or https URL")
	case s.ClearSecret && s.Secret != "":
		return errors.New("the secret is both set and cleared")
	case strings.ContainsFunc(s.Secret, func(r rune) bool { return r < ' ' || r > 0x7f }):
		return errors.New("the secret has characters other than printable ASCII")
	}
	for _, d := range s.Domains {
		if _, err := ParseDomain(string(d)); err != nil {
			return err
		}
	}
	return nil
}

// body returns s in the form that the API accepts: each domain once, under the API's
// name, and no fields that only answers have.
func (s WebhookSpec) body() ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	var domains []Domain
	for _, d := range s.Domains {
		d, err := ParseDomain(string(d))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(domains, d) {
			domains = append(domains, d)
		}
	}
	watched := slices.Clone(s.Watched)
	for i := range watched {
		watched[i].AvatarURL = ""
	}
	s.Domains, s.Watched = domains, watched
	wire := struct {
		WebhookSpec
		Secret *string `json:"secret,omitempty"` // hides the one in WebhookSpec
	}{WebhookSpec: s}
	if s.Secret != "" || s.ClearSecret {
		wire.Secret = &s.Secret
	}
	body, err := json.Marshal(wire)
	if err != nil {
		return nil, fmt.Errorf("write the webhook as JSON: %w", err)
	}
	return body, nil
}
