package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/internal/jsontext"
)

// compareJSON compares two valid JSON texts by their paths and values.
func compareJSON(before, now []byte, ignored []Path) []Line {
	d := &jsonDiff{ignored: ignored}
	d.compare(bytes.TrimSpace(before), bytes.TrimSpace(now))
	if len(d.lines) == 0 {
		return []Line{{Mark: Note, Text: "the same values, written in another way"}}
	}
	return d.lines
}

// jsonDiff walks through two texts side by side.
type jsonDiff struct {
	ignored []Path
	path    []string // steps to where it is
	lines   []Line
}

// add adds a line, and reports whether there is room for more.
func (d *jsonDiff) add(l Line) bool {
	if len(d.lines) == maxLines {
		l = Line{Mark: Warning, Text: "… more differences than are shown"}
	}
	if len(d.lines) <= maxLines {
		d.lines = append(d.lines, l)
	}
	return len(d.lines) <= maxLines
}

// at runs f one step deeper, unless what is there is ignored.
func (d *jsonDiff) at(step string, f func() bool) bool {
	d.path = append(d.path, step)
	defer func() { d.path = d.path[:len(d.path)-1] }()
	if slices.ContainsFunc(d.ignored, func(p Path) bool { return p.covers(d.path) }) {
		return true
	}
	return f()
}

// where is the path as jq writes it.
func (d *jsonDiff) where() string {
	path := strings.Join(d.path, "")
	if !strings.HasPrefix(path, ".") {
		path = "." + path
	}
	return path
}

// compare reports whether there is room for more differences, as the others do.
func (d *jsonDiff) compare(a, b []byte) bool {
	switch {
	case bytes.Equal(a, b):
		return true
	case len(d.path) > maxDepth || a[0] != b[0] || a[0] != '{' && a[0] != '[':
		if sameScalar(a, b) {
			return true
		}
		before, now := excerpts(a, b)
		return d.add(Line{Mark: Changed, Path: d.where(), Before: before, Now: now, WholeBefore: string(a), WholeNow: string(b)})
	case a[0] == '[':
		return d.compareArrays(jsontext.Children(a), jsontext.Children(b))
	}
	return d.compareObjects(jsontext.Children(a), jsontext.Children(b))
}

func (d *jsonDiff) compareObjects(a, b []jsontext.Child) bool {
	byKey := func(all []jsontext.Child) map[string]int {
		index := make(map[string]int, len(all))
		for i, c := range all {
			index[jsontext.Unquote(c.Key)] = i // the last one of repeated keys counts
		}
		return index
	}
	was, is := byKey(a), byKey(b)
	for i, c := range a {
		key := jsontext.Unquote(c.Key)
		if _, there := is[key]; !there && was[key] == i && !d.only(Gone, jsontext.KeyStep(c.Key), c.Value) {
			return false
		}
	}
	for i, c := range b {
		key := jsontext.Unquote(c.Key)
		old, there := was[key]
		switch {
		case is[key] != i:
		case !there && !d.only(Added, jsontext.KeyStep(c.Key), c.Value):
			return false
		case there && !d.at(jsontext.KeyStep(c.Key), func() bool { return d.compare(a[old].Value, c.Value) }):
			return false
		}
	}
	return true
}

// compareArrays compares arrays without what is the same at both ends, so that one
// element that was inserted at the front is one difference.
func (d *jsonDiff) compareArrays(a, b []jsontext.Child) bool {
	first, end := 0, 0 // how many are the same there
	for first < min(len(a), len(b)) && bytes.Equal(a[first].Value, b[first].Value) {
		first++
	}
	for end < min(len(a), len(b))-first && bytes.Equal(a[len(a)-1-end].Value, b[len(b)-1-end].Value) {
		end++
	}
	for i := first; i < max(len(a), len(b))-end; i++ {
		room := true
		switch step := jsontext.IndexStep(i); {
		case i >= len(a)-end:
			room = d.only(Added, step, b[i].Value)
		case i >= len(b)-end:
			room = d.only(Gone, step, a[i].Value)
		default:
			room = d.at(step, func() bool { return d.compare(a[i].Value, b[i].Value) })
		}
		if !room {
			return false
		}
	}
	return true
}

// only adds a value that only one of the texts has.
func (d *jsonDiff) only(mark Mark, step string, value []byte) bool {
	return d.at(step, func() bool { return d.add(Line{Mark: mark, Path: d.where(), Text: brief(value)}) })
}

// sameScalar reports whether two values other than objects and arrays are the same
// though they are written in different ways: 1.0 and 1, "\u00e9" and "é".
func sameScalar(a, b []byte) bool {
	switch {
	case a[0] == '"' && b[0] == '"':
		return jsontext.Unquote(a) == jsontext.Unquote(b)
	case isNumber(a) && isNumber(b):
		x, okX := decimal(string(a))
		y, okY := decimal(string(b))
		return okX && okY && x == y
	}
	return false
}

func isNumber(b []byte) bool { return b[0] == '-' || b[0] >= '0' && b[0] <= '9' }

// number is a decimal number without leading and trailing zeros: 0.digits × 10^exponent.
type number struct {
	negative bool
	digits   string
	exponent int64
}

// decimal reads a JSON number. It is exact, and costs nothing for 1e1000000000.
func decimal(s string) (n number, ok bool) {
	s, n.negative = strings.CutPrefix(s, "-")
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i+1:]
		var err error
		if n.exponent, err = strconv.ParseInt(exponent, 10, 32); err != nil {
			return n, false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	n.exponent += int64(len(whole))
	all := whole + fraction
	n.digits = strings.TrimLeft(all, "0")
	n.exponent -= int64(len(all) - len(n.digits))
	n.digits = strings.TrimRight(n.digits, "0")
	if n.digits == "" {
		return number{}, true
	}
	return n, true
}

// maxPreview is how many bytes of a value are looked at for its beginning.
const maxPreview = 400

// brief is the beginning of a value on one line.
func brief(b []byte) string {
	if len(b) > maxPreview {
		end := maxPreview
		for end > maxPreview-utf8.UTFMax && !utf8.RuneStart(b[end]) {
			end--
		}
		b = b[:end]
	}
	return shorten(strings.Join(strings.Fields(string(b)), " "), 120)
}

// Path is a place in JSON and all that is below it, as jq writes it: ".id",
// ".items[].at" for every element, `.["odd key"]`.
type Path []string

// ParsePath reads a path. The dot in front may be missing.
func ParsePath(s string) (Path, error) {
	var p Path
	rest := s
	if !strings.HasPrefix(rest, ".") && !strings.HasPrefix(rest, "[") {
		rest = "." + rest
	}
	wrong := fmt.Errorf("%q is not a path in JSON", s)
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, ".["):
			rest = rest[1:]
		case strings.HasPrefix(rest, `["`):
			end := jsontext.SkipString([]byte(rest), 1)
			if end >= len(rest) || rest[end] != ']' || !json.Valid([]byte(rest[1:end])) {
				return nil, wrong
			}
			p, rest = append(p, jsontext.KeyStep([]byte(rest[1:end]))), rest[end+1:]
		case rest[0] == '[':
			index, after, ok := strings.Cut(rest[1:], "]")
			if _, err := strconv.ParseUint(index, 10, 31); !ok || err != nil && index != "" {
				return nil, wrong
			}
			p, rest = append(p, "["+index+"]"), after
		case rest[0] == '.':
			key := rest[1:]
			if end := strings.IndexAny(key, ".["); end >= 0 {
				key = key[:end]
			}
			quoted, err := json.Marshal(key)
			if key == "" || strings.ContainsAny(key, `]"`) || err != nil {
				return nil, wrong
			}
			p, rest = append(p, jsontext.KeyStep(quoted)), rest[1+len(key):]
		default:
			return nil, wrong
		}
	}
	return p, nil
}

// covers reports whether steps lead to the path or below it.
func (p Path) covers(steps []string) bool {
	if len(steps) < len(p) {
		return false
	}
	for i, step := range p {
		if step != steps[i] && !(step == "[]" && strings.HasPrefix(steps[i], "[") && !strings.HasPrefix(steps[i], `["`)) {
			return false
		}
	}
	return true
}
