package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/hub"
)

// ErrNewerLine says that a newer version of hf-tap has written a line.
var ErrNewerLine = errors.New("written by a newer hf-tap")

// ErrNotEvent says that a line is about something else than an event that is
// settled: a state, or an arrival.
var ErrNotEvent = errors.New("not an event")

// ParseLine reads a line that [Event.JSONLine] has written, of the type
// [LineEvent]. What a line does not have is missing in the event: Rev and Family,
// the targets at which it was never tried, and the secrets, which are [Masked]. An
// event that was under way is pending. The errors are ErrNewerLine, ErrNotEvent, or say
// what is wrong with the line.
func ParseLine(b []byte) (*Event, error) {
	var head struct {
		Type LineType `json:"type"`
		V    int      `json:"v"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, wrongJSON(err)
	}
	switch {
	case head.V > LineVersion:
		return nil, fmt.Errorf("%w: version %d of the schema, this one reads %d", ErrNewerLine, head.V, LineVersion)
	case head.V < 1 || head.Type == "":
		return nil, errors.New(`not a line of hf-tap: "type" or "v" is missing`)
	case head.Type != LineEvent:
		return nil, ErrNotEvent
	}
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return nil, wrongJSON(err)
	}
	return l.event()
}

// wrongJSON returns the error of an event line that is not valid JSON.
func wrongJSON(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%q must not be a JSON %s", wrong.Field, wrong.Value)
	}
	return fmt.Errorf("invalid JSON: %w", err)
}

func (l *line) event() (*Event, error) {
	e := &Event{
		N: l.N, Session: l.Session, Source: l.Source, ReplayOf: l.ReplayOf, Edited: l.Edited, Pinned: l.Pinned, Dismissed: l.Dismissed,
		WebhookID: l.WebhookID, Delivery: l.Delivery, DeliveryN: l.DeliveryN, Kind: l.Kind, Repo: hub.Repo{Type: hub.RepoType(l.Repo.Type), Name: l.Repo.Name},
		Summary: l.Summary, ReceivedAt: l.ReceivedAt.UTC(), Verdict: l.Verdict, Method: l.Method, Path: l.Path, BodyCut: l.BodyCut, Size: l.Size,
		Phase: l.Phase, Answer: Answer{l.Answer.Status, fromMS(l.Answer.MS)},
	}
	switch {
	case e.N < 1:
		return nil, fmt.Errorf(`"n" must be 1 or more, not %d`, e.N)
	case !slices.Contains([]Verdict{VerdictOK, VerdictWrong, VerdictMissing, VerdictUnchecked}, e.Verdict):
		return nil, fmt.Errorf(`"verdict" %q is unknown`, e.Verdict)
	case !isToken(e.Method):
		return nil, fmt.Errorf(`"method" %q is not valid`, e.Method)
	case e.Phase != PhaseSettled:
		e.Phase = PhasePending
	}
	var err error
	if e.Header, err = parseHeaders(l.Headers); err != nil {
		return nil, err
	}
	if e.Header == nil {
		e.Header = http.Header{}
	}
	if e.Body = parseBody(l.Body, l.BodyBase64); e.Body == nil {
		return nil, errors.New(`"body" or "body_base64" is missing`)
	}
	if !e.BodyCut {
		e.Size = int64(len(e.Body)) // blanks of JSON were taken out
	}
	if err := l.addAttempts(e); err != nil {
		return nil, err
	}
	return e, checkTimes(e)
}

// addAttempts adds attempts, and the targets that are known by them.
func (l *line) addAttempts(e *Event) error {
	for i := range l.Attempts {
		tried := &l.Attempts[i]
		a := Attempt{
			N: tried.N, Target: tried.Target, StartedAt: tried.StartedAt.UTC(), Duration: fromMS(tried.MS), Status: tried.Status, Err: tried.Error,
			Body: parseBody(tried.Body, tried.BodyBase64), BodyCut: tried.BodyCut,
		}
		var err error
		if a.Header, err = parseHeaders(tried.Headers); err != nil {
			return fmt.Errorf("attempt %d: %w", i+1, err)
		}
		e.Attempts = append(e.Attempts, a)
		if !slices.Contains(e.Targets, a.Target) {
			e.Targets = append(e.Targets, a.Target)
		}
	}
	for _, later := range l.Later {
		if e.DeliveredBy == nil {
			e.DeliveredBy = map[string]int64{}
		}
		e.DeliveredBy[later.Target] = later.N
		if !slices.Contains(e.Targets, later.Target) {
			e.Targets = append(e.Targets, later.Target)
		}
	}
	return nil
}

// parseHeaders returns nil for none. A header that HTTP cannot carry is an error: a
// replay would send it.
func parseHeaders(pairs [][2]string) (http.Header, error) {
	var h http.Header
	for _, pair := range pairs {
		if !isToken(pair[0]) || strings.ContainsFunc(pair[1], isControl) {
			return nil, fmt.Errorf("header %q is not valid", pair[0])
		}
		if h == nil {
			h = http.Header{}
		}
		h[pair[0]] = append(h[pair[0]], pair[1])
	}
	return h, nil
}

// isToken reports whether s can be a method or the name of a header (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// isControl reports whether the value of a header cannot have r in it.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func parseBody(asJSON json.RawMessage, asBase64 *[]byte) []byte {
	switch {
	case asJSON != nil:
		var compact bytes.Buffer // a file may be indented
		_ = json.Compact(&compact, asJSON)
		return compact.Bytes()
	case asBase64 != nil && *asBase64 != nil:
		return *asBase64
	case asBase64 != nil:
		return []byte{}
	}
	return nil
}

// checkTimes refuses times that have no count of nanoseconds.
func checkTimes(e *Event) error {
	times := []time.Time{e.ReceivedAt}
	for i := range e.Attempts {
		times = append(times, e.Attempts[i].StartedAt)
	}
	for _, t := range times {
		if !t.IsZero() && (t.Year() < 1700 || t.Year() > 2200) {
			return fmt.Errorf("time %q is out of range", t.Format(time.RFC3339))
		}
	}
	return nil
}

// fromMS is milliseconds as a duration, as long as one can be.
func fromMS(ms float64) time.Duration {
	ns := ms * float64(time.Millisecond)
	switch {
	case ns >= math.MaxInt64:
		return math.MaxInt64
	case ns <= 0 || ns != ns:
		return 0
	}
	return time.Duration(math.Round(ns))
}
