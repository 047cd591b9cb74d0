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

// Webhook is a webhook as the Hub returns it. The secret is never among what
// it returns: HasSecret is all there is to see.
type Webhook struct {
	ID          string          `json:"id"` // 24 hex digits
	URL         string          `json:"url,omitempty"`
	Job         json.RawMessage `json:"job,omitempty"` // a job to run in place of a URL; kept as it came
	JobSourceID string          `json:"jobSourceId,omitempty"`
	Watched     []Watch         `json:"watched"`
	Domains     []Domain        `json:"domains"`
	HasSecret   bool            `json:"hasSecret"`
	State       State           `json:"disabled"`
	LastTrigger time.Time       `json:"lastTriggerAt,omitzero"`
}

// WebhookSpec is the whole of a webhook as create and update send it. Exactly
// one of URL, Job and JobSourceID is set.
type WebhookSpec struct {
	URL         string          `json:"url,omitempty"`
	Job         json.RawMessage `json:"job,omitempty"`
	JobSourceID string          `json:"jobSourceId,omitempty"`
	Watched     []Watch         `json:"watched"`          // at least one
	Domains     []Domain        `json:"domains"`          // at least one
	Secret      string          `json:"secret,omitempty"` // printable ASCII; leaving it out may clear it
	// ClearSecret sends an empty secret rather than none: an update without one
	// may keep the present secret.
	ClearSecret bool `json:"-"`
}

// State says whether a webhook is delivered to. The Hub has true, false or the
// reason as a string in "disabled"; a State that is not one of the constants is
// a reason that is not known here, and such a webhook is not delivered to. The
// zero value is [StateEnabled].
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

// UnmarshalJSON reads a bool or a string. A value of any other shape is a state
// with its text as the reason.
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

// MarshalJSON writes what the Hub writes: false, true or the reason.
func (s State) MarshalJSON() ([]byte, error) {
	switch s {
	case StateEnabled:
		return []byte("false"), nil
	case StateDisabled:
		return []byte("true"), nil
	}
	return json.Marshal(string(s))
}

// UnmarshalJSON reads a webhook as far as it can be read: a field of another
// type than today's is left empty.
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

// Spec returns what of w an update has to send again. It lacks what the Hub does
// not return, and what is left out of an update is lost: the secret, which the
// caller has to set, and the Job. The Hub leaves parts of a Job out of its
// answers, so that sending one back would destroy them: set Job or JobSourceID
// anew.
func (w Webhook) Spec() WebhookSpec {
	return WebhookSpec{URL: w.URL, Watched: slices.Clone(w.Watched), Domains: slices.Clone(w.Domains)}
}

// Check reports what the Hub is known to refuse: nothing watched, no domain or
// an unknown one, not exactly one of URL, Job and JobSourceID, a URL that is
// none, a secret with other characters than printable ASCII. What is watched
// is left to the Hub, which knows which types there are by now.
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
		return errors.New("a webhook has to watch something")
	case slices.ContainsFunc(s.Watched, func(w Watch) bool { return w.Type == "" || w.Name == "" }):
		return errors.New("a watch has no type or no name: want type:name")
	case len(s.Domains) == 0:
		return errors.New("a webhook has to have a domain: repo or discussion")
	case targets != 1:
		return errors.New("a webhook has to have exactly one of a URL, a job and the id of a job")
	case len(s.Job) > 0 && !json.Valid(s.Job):
		return errors.New("the job is no JSON")
	case s.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == ""):
		// Not quoted: its query may hold a secret.
		return errors.New("the webhook's URL is no http or https URL")
	case s.ClearSecret && s.Secret != "":
		return errors.New("the secret is both given and cleared")
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

// body gives s as the API takes it: domains under the API's names, each once,
// and nothing that only answers have.
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
