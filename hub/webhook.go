package hub

import (
	"encoding/json"
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
