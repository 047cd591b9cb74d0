package history

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/event"
)

// Headers and targets are kept as JSON that people can read in any
// SQLite tool: a list of lists, ["Content-Type","application/json"] for a
// header and its values. JSON cannot hold text that is not UTF-8, so a value
// of such bytes is {"base64":"…"} instead of a string.

// encodeHeader returns NULL for a nil header.
func encodeHeader(h http.Header) any {
	if h == nil {
		return nil
	}
	lines := make([][]any, 0, len(h))
	for _, key := range slices.Sorted(maps.Keys(h)) {
		line := append(make([]any, 0, 1+len(h[key])), encodeText(key))
		for _, value := range h[key] {
			line = append(line, encodeText(value))
		}
		lines = append(lines, line)
	}
	return encodeJSON(lines)
}

// encodeTargets returns NULL for none: a list of
// [name, tries, status, nanoseconds, error, delivered by, error in the body], of
// which the last stands only where there is one.
func encodeTargets(targets []event.RowTarget) any {
	if len(targets) == 0 {
		return nil
	}
	lists := make([][]any, len(targets))
	for i, t := range targets {
		lists[i] = []any{encodeText(t.Name), t.Tries, t.Status, int64(t.Took), encodeText(t.Err), t.DeliveredBy}
		if t.BodyError != "" {
			lists[i] = append(lists[i], encodeText(t.BodyError))
		}
	}
	return encodeJSON(lists)
}

// encodeJSON encodes lists of texts and numbers, which cannot fail.
func encodeJSON(lists [][]any) string {
	b, _ := json.Marshal(lists)
	return string(b)
}

// encodeText returns the JSON form of a text, which type text reads.
func encodeText(s string) any {
	if utf8.ValidString(s) {
		return s
	}
	return map[string][]byte{"base64": []byte(s)}
}

func decodeTargets(stored *string) ([]event.RowTarget, error) {
	if stored == nil {
		return nil, nil
	}
	var lists [][]json.RawMessage
	if err := json.Unmarshal([]byte(*stored), &lists); err != nil {
		return nil, fmt.Errorf("%w: stored targets: %w", ErrDamaged, err)
	}
	targets := make([]event.RowTarget, len(lists))
	for i, list := range lists {
		t := &targets[i]
		fields := [...]any{(*text)(&t.Name), &t.Tries, &t.Status, (*int64)(&t.Took), (*text)(&t.Err), &t.DeliveredBy, (*text)(&t.BodyError)}
		if len(list) != len(fields) && len(list) != len(fields)-1 {
			return nil, fmt.Errorf("%w: stored targets: %d fields", ErrDamaged, len(list))
		}
		for j := range list {
			if err := json.Unmarshal(list[j], fields[j]); err != nil {
				return nil, fmt.Errorf("%w: stored targets: %w", ErrDamaged, err)
			}
		}
	}
	return targets, nil
}

// text is a string in the form of encodeText.
type text string

// UnmarshalJSON reads a string or {"base64": string}.
func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(t))
	}
	var raw struct {
		Base64 *[]byte `json:"base64"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if raw.Base64 == nil {
		return fmt.Errorf("text %.40q is neither a string nor base64", b)
	}
	*t = text(*raw.Base64)
	return nil
}

func decodeHeader(stored *string) (http.Header, error) {
	if stored == nil {
		return nil, nil
	}
	var lines [][]text
	if err := json.Unmarshal([]byte(*stored), &lines); err != nil {
		return nil, fmt.Errorf("%w: stored header: %w", ErrDamaged, err)
	}
	h := make(http.Header, len(lines))
	for _, line := range lines {
		if len(line) == 0 {
			return nil, fmt.Errorf("%w: stored header: a line without a name", ErrDamaged)
		}
		var values []string
		for _, value := range line[1:] {
			values = append(values, string(value))
		}
		h[string(line[0])] = values
	}
	return h, nil
}

// encodeTime returns NULL for the zero time, which has no count of nanoseconds.
func encodeTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

func decodeTime(ns *int64) time.Time {
	if ns == nil {
		return time.Time{}
	}
	return time.Unix(0, *ns).UTC()
}

func encodeBool(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// insertArgs are the arguments of sqlInsert.
func insertArgs(r *event.Row) []any {
	var arrival any
	if r.Delivery != "" && r.Verdict.Trusted() && isFromHub(r.Source) && r.ReplayOf == 0 {
		arrival = int64(r.DeliveryN)
	}
	return []any{
		r.N, r.Rev, r.Family, r.Session, string(r.Source), r.ReplayOf, r.WebhookID, r.Delivery, arrival, string(r.Kind),
		r.Repo, encodeTime(r.At), string(r.Verdict), string(r.Phase), int64(r.Answer.Status), int64(r.Answer.Duration),
		encodeBool(r.Failed), encodeBool(r.Pending), encodeBool(r.Dismissed), encodeBool(r.Pinned), encodeBool(r.Edited),
		r.Size, encodeBool(r.BodyCut), r.Method, r.Path, r.Summary, encodeTargets(r.Targets),
	}
}

// updateArgs are the arguments of sqlUpdate.
func updateArgs(r *event.Row) []any {
	return []any{
		r.Rev, string(r.Phase), int64(r.Answer.Status), int64(r.Answer.Duration), encodeBool(r.Failed), encodeBool(r.Pending),
		encodeBool(r.Dismissed), encodeBool(r.Pinned), encodeTargets(r.Targets), r.N,
	}
}
