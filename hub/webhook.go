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
	Domains     []string        `json:"domains"` // "repo", "discussion"
	HasSecret   bool            `json:"hasSecret"`
	Disabled    Disabled        `json:"disabled"`
	LastTrigger time.Time       `json:"lastTriggerAt,omitzero"`
}

// WebhookSpec is the whole of a webhook as create and update send it. Exactly
// one of URL, Job and JobSourceID is set.
type WebhookSpec struct {
	URL         string          `json:"url,omitempty"`
	Job         json.RawMessage `json:"job,omitempty"`
	JobSourceID string          `json:"jobSourceId,omitempty"`
	Watched     []Watch         `json:"watched"`          // at least one
	Domains     []string        `json:"domains"`          // at least one
	Secret      string          `json:"secret,omitempty"` // printable ASCII; leaving it out may clear it
	// ClearSecret sends an empty secret rather than none: an update without one
	// may keep the present secret.
	ClearSecret bool `json:"-"`
}

// Disabled says whether a webhook is off: the Hub sends true, false, or the
// reason as a string, "suspended-after-failure". The zero value is enabled.
type Disabled string

// The values of Disabled that the Hub is known to send.
const (
	Enabled               Disabled = ""                        // false on the wire
	DisabledByUser        Disabled = "true"                    // true on the wire
	SuspendedAfterFailure Disabled = "suspended-after-failure" // too many failed deliveries
)

// UnmarshalJSON reads a bool or a string; a value of any other shape counts as
// disabled, with its text as the reason.
func (d *Disabled) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case string(b) == "false" || string(b) == "null":
		*d = Enabled
	case json.Unmarshal(b, &s) == nil:
		*d = Disabled(s)
	default:
		*d = Disabled(b)
	}
	return nil
}

// MarshalJSON writes what the Hub writes: false, true or the reason.
func (d Disabled) MarshalJSON() ([]byte, error) {
	switch d {
	case Enabled:
		return []byte("false"), nil
	case DisabledByUser:
		return []byte("true"), nil
	}
	return json.Marshal(string(d))
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

// Spec gives what makes w what it is, for an update of some of it. The secret
// is not there, because the Hub does not tell it: set it, or the update may
// clear it. The secrets of a job come as names without values, which the Hub
// does not take back, so that the job of such a webhook has to be given anew.
func (w Webhook) Spec() WebhookSpec {
	return WebhookSpec{
		URL: w.URL, Job: w.Job, JobSourceID: w.JobSourceID,
		Watched: slices.Clone(w.Watched), Domains: slices.Clone(w.Domains),
	}
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
		if _, err := ParseDomain(d); err != nil {
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
	var domains []string
	for _, d := range s.Domains {
		d, err := ParseDomain(d)
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
