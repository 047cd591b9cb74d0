package history

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/event"
)

// Headers and targets are kept as JSON that people can read in any
// SQLite tool: a list of lists, ["Content-Type","application/json"] for a
// header and its values. JSON cannot hold text that is not UTF-8, so a value
// of such bytes is {"base64":"…"} instead of a string.

// encodeHeader gives NULL for a nil header.
func encodeHeader(h http.Header) any {
	if h == nil {
		return nil
	}
	keys := make([]string, 0, 16)
	for key := range h {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out := make([]byte, 0, 512)
	out = append(out, '[')
	for i, key := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '[')
		out = appendText(out, key)
		for _, value := range h[key] {
			out = append(out, ',')
			out = appendText(out, value)
		}
		out = append(out, ']')
	}
	return string(append(out, ']'))
}

// encodeTargets gives NULL for none: a list of
// [name, tries, status, nanoseconds, error, delivered by, error in the body], of
// which the last stands only where there is one.
func encodeTargets(targets []event.RowTarget) any {
	if len(targets) == 0 {
		return nil
	}
	out := make([]byte, 0, 96*len(targets))
	for i, t := range targets {
		out = append(out, "[,"[min(i, 1)], '[')
		out = appendText(out, t.Name)
		for _, n := range [...]int64{int64(t.Tries), int64(t.Status), int64(t.Took)} {
			out = strconv.AppendInt(append(out, ','), n, 10)
		}
		out = appendText(append(out, ','), t.Err)
		out = strconv.AppendInt(append(out, ','), t.DeliveredBy, 10)
		if t.BodyError != "" {
			out = appendText(append(out, ','), t.BodyError)
		}
		out = append(out, ']')
	}
	return string(append(out, ']'))
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

func appendText(out []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	switch {
	case plain:
		out = append(out, '"')
		out = append(out, s...)
		return append(out, '"')
	case utf8.ValidString(s):
		quoted, _ := json.Marshal(s) // a string cannot fail
		return append(out, quoted...)
	}
	out = append(out, `{"base64":"`...)
	out = base64.StdEncoding.AppendEncode(out, []byte(s))
	return append(out, `"}`...)
}

// text is a string that appendText wrote.
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

// encodeTime gives NULL for the zero time, which has no count of nanoseconds.
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
