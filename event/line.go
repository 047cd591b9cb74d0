package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/hub"
)

// LineVersion is the version of the JSON lines. It changes when a field is
// taken away or gets another meaning; new fields may come at any time.
const LineVersion = 1

// line is an event as a line of JSON: the one schema of listen, events and
// export, described in docs/events.md.
type line struct {
	Type       LineType        `json:"type"`
	V          int             `json:"v"`
	N          int64           `json:"n"`
	Session    string          `json:"session"`
	Source     Source          `json:"source"`
	ReplayOf   int64           `json:"replay_of,omitempty"`
	Edited     bool            `json:"edited,omitempty"`
	Pinned     bool            `json:"pinned,omitempty"`
	WebhookID  string          `json:"webhook_id"`
	Delivery   string          `json:"delivery"`
	DeliveryN  int             `json:"delivery_n"`
	Kind       Kind            `json:"kind"`
	Repo       lineRepo        `json:"repo"`
	ReceivedAt time.Time       `json:"received_at"`
	Verdict    Verdict         `json:"verdict"`
	Method     string          `json:"method"`
	Path       string          `json:"path"`
	Headers    [][2]string     `json:"headers"`
	Body       json.RawMessage `json:"body,omitempty"`
	BodyBase64 *[]byte         `json:"body_base64,omitempty"`
	BodyCut    bool            `json:"body_cut,omitempty"`
	Size       int64           `json:"size"`
	Summary    string          `json:"summary,omitempty"`
	Phase      Phase           `json:"phase"`
	Dismissed  bool            `json:"dismissed,omitempty"`
	Answer     lineAnswer      `json:"answer"`
	Attempts   []lineAttempt   `json:"attempts"`
	Later      []lineDelivery  `json:"delivered_by,omitempty"`
}

type lineRepo struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

type lineAnswer struct {
	Status int     `json:"status"`
	MS     float64 `json:"ms"`
}

type lineAttempt struct {
	N          int             `json:"n"`
	Target     string          `json:"target"`
	StartedAt  time.Time       `json:"started_at"`
	Status     int             `json:"status"`
	Exit       *int            `json:"exit,omitempty"`
	MS         float64         `json:"ms"`
	Headers    [][2]string     `json:"headers,omitempty"`
	Body       json.RawMessage `json:"body,omitempty"`
	BodyBase64 *[]byte         `json:"body_base64,omitempty"`
	BodyCut    bool            `json:"body_cut,omitempty"`
	Error      string          `json:"error,omitempty"`
	BodyError  string          `json:"body_error,omitempty"`
}

// lineDelivery says that a target took a later event of the same family.
type lineDelivery struct {
	Target string `json:"target"`
	N      int64  `json:"n"`
}

// LineType is the type of a JSON line about an event.
type LineType string

// The types of lines about events.
const (
	LineEvent   LineType = "event"
	LineArrival LineType = "arrival" // of an event that has not settled
)

// JSONLine returns e as a line of the schema [LineVersion], without the line
// end. Secrets in headers and URLs are replaced by [Masked], and so is what they
// say wherever else it stands (see [Event.Masked]). The body is JSON if
// it is JSON in UTF-8, else base64; if it was not loaded, neither key exists.
// (encoding/json writes the fields of an Event as they are, with all secrets.)
func (e *Event) JSONLine(lineType LineType) ([]byte, error) {
	m := e.Masked()
	l := line{
		Type: lineType, V: LineVersion, N: e.N, Session: e.Session, Source: e.Source, ReplayOf: e.ReplayOf, Edited: e.Edited, Pinned: e.Pinned,
		WebhookID: e.WebhookID, Delivery: e.Delivery, DeliveryN: e.DeliveryN, Kind: e.Kind,
		Repo: lineRepo{string(e.Repo.Type), e.Repo.Name}, ReceivedAt: e.ReceivedAt.UTC(), Verdict: e.Verdict,
		Method: e.Method, Path: m.Path, Headers: lineHeaders(m.Header), BodyCut: e.BodyCut, Size: e.Size,
		Summary: e.Summary, Phase: e.Phase, Dismissed: e.Dismissed, Answer: lineAnswer{e.Answer.Status, ms(e.Answer.Duration)}, Attempts: []lineAttempt{},
	}
	for i := range m.Attempts {
		a := &m.Attempts[i]
		tried := lineAttempt{
			N: a.N, Target: a.Target, StartedAt: a.StartedAt.UTC(), Status: a.Status, MS: ms(a.Duration), Error: a.Err, BodyError: a.BodyError(),
			Headers: lineHeaders(a.Header), BodyCut: a.BodyCut,
		}
		if len(a.Body) > 0 || a.Header != nil { // else there was no answer
			tried.Body, tried.BodyBase64 = lineBody(a.Body)
		}
		if exit, ok := a.Exit(); ok {
			tried.Exit = &exit
		}
		l.Attempts = append(l.Attempts, tried)
	}
	for _, target := range slices.Sorted(maps.Keys(e.DeliveredBy)) {
		l.Later = append(l.Later, lineDelivery{MaskURL(target), e.DeliveredBy[target]})
	}
	l.Body, l.BodyBase64 = lineBody(m.Body)
	return marshal(l)
}

// lineHeaders is a header as pairs, never nil.
func lineHeaders(h http.Header) [][2]string {
	pairs := [][2]string{}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			pairs = append(pairs, [2]string{name, value})
		}
	}
	return pairs
}

// lineBody is a body as one of the two keys that lines have for it, or none if it
// was not loaded.
func lineBody(body []byte) (asJSON json.RawMessage, asBase64 *[]byte) {
	switch {
	case body == nil:
		return nil, nil
	case json.Valid(body) && utf8.Valid(body):
		return body, nil
	}
	return nil, &body
}

// JSONLine returns s as a line of the schema [LineVersion], without the line
// end. Secrets in URLs are masked.
func (s *State) JSONLine() ([]byte, error) {
	return marshal(struct {
		Type    string    `json:"type"`
		V       int       `json:"v"`
		Session string    `json:"session"`
		At      time.Time `json:"at"`
		Subject Subject   `json:"subject"`
		Name    string    `json:"name,omitempty"`
		State   string    `json:"state"`
		Detail  string    `json:"detail,omitempty"`
	}{"state", LineVersion, s.Session, s.At.UTC(), s.Subject, MaskURL(s.Name), s.State, MaskText(s.Detail)})
}

// marshal leaves "<" and "&" alone: the lines are for programs, not for pages.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON line: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// ms returns d in milliseconds, to the microsecond.
func ms(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

// Title is what an event is called where its kind is shown: the kind, or what
// can be said of a body that has none.
func (e *Event) Title() string {
	switch {
	case e.Kind != "":
		return string(e.Kind)
	case e.Size == 0:
		return "(empty body)"
	}
	return "(no kind)"
}

// RepoTitle names the repo, or is empty when the body names none.
func (e *Event) RepoTitle() string {
	if e.Repo == (hub.Repo{}) {
		return ""
	}
	if e.Repo.Type == "" {
		return e.Repo.Name
	}
	return e.Repo.String()
}
