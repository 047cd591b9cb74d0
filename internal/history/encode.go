package history

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Headers and lists of targets are kept as JSON that people can read in any
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

// encodeList gives NULL for a nil list.
func encodeList(list []string) any {
	if list == nil {
		return nil
	}
	out := []byte{'['}
	for i, s := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(out, s)
	}
	return string(append(out, ']'))
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
	lines, err := decodeLines(*stored)
	if err != nil {
		return nil, fmt.Errorf("%w: stored header: %w", ErrDamaged, err)
	}
	h := make(http.Header, len(lines))
	for _, line := range lines {
		if len(line) == 0 {
			return nil, fmt.Errorf("%w: stored header: a line without a name", ErrDamaged)
		}
		h[line[0]] = line[1:len(line):len(line)]
		if len(line) == 1 {
			h[line[0]] = nil
		}
	}
	return h, nil
}

func decodeLines(stored string) ([][]string, error) {
	if lines, ok := plainLines(stored); ok {
		return lines, nil
	}
	var odd [][]text
	if err := json.Unmarshal([]byte(stored), &odd); err != nil {
		return nil, err
	}
	lines := make([][]string, len(odd))
	for i, line := range odd {
		lines[i] = plainTexts(line)
	}
	return lines, nil
}

// plainLines reads a list of lists of strings that need no unquoting, as all
// but the oddest headers are, without copying them. To decode JSON in general
// takes longer than SQLite needs to read the row.
func plainLines(stored string) (lines [][]string, ok bool) {
	rest, ok := strings.CutPrefix(stored, "[")
	for first := true; ok && rest != "]"; first = false {
		if !first {
			rest, ok = strings.CutPrefix(rest, ",")
		}
		var line []string
		if ok {
			line, rest, ok = plainLine(rest)
		}
		lines = append(lines, line)
	}
	return lines, ok
}

// plainLine reads one list of strings, and gives what follows it.
func plainLine(stored string) (line []string, rest string, ok bool) {
	rest, ok = strings.CutPrefix(stored, "[")
	for first := true; ok && !strings.HasPrefix(rest, "]"); first = false {
		opening := `,"`
		if first {
			opening = `"`
		}
		var s string
		if rest, ok = strings.CutPrefix(rest, opening); ok {
			s, rest, ok = strings.Cut(rest, `"`)
		}
		if strings.IndexByte(s, '\\') >= 0 {
			return nil, "", false
		}
		line = append(line, s)
	}
	return line, strings.TrimPrefix(rest, "]"), ok
}

func decodeList(stored *string) ([]string, error) {
	if stored == nil {
		return nil, nil
	}
	if line, rest, ok := plainLine(*stored); ok && rest == "" {
		return append([]string{}, line...), nil
	}
	var list []text
	if err := json.Unmarshal([]byte(*stored), &list); err != nil {
		return nil, fmt.Errorf("%w: stored list: %w", ErrDamaged, err)
	}
	return plainTexts(list), nil
}

func plainTexts(list []text) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = string(t)
	}
	return out
}

// encodeTime gives NULL for the zero time, which has no count of nanoseconds.
func encodeTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

// asStored gives a time as it is when it was stored and read.
func asStored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(0, t.UnixNano()).UTC()
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
