package filter

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Key is a key that filters have.
type Key struct {
	Name string
	Help string // what it asks for, with an example

	choices []string                                 // its values, when they are a closed set
	text    func(*event.Row, func(string) bool) bool // asks for each of its texts whether it fits, and makes none
	number  func(*event.Row, func(int64) bool) bool
	read    func(string) (low, high int64, err error) // of number
	want    string                                    // what read takes
	is      func(r *event.Row, choice string) bool    // with choices and no text
	check   func(value) *Error                        // of text: whether it can fit anything; nil: any text can
	body    func(value) func(*event.Event) bool       // needs the whole event, with its body
}

// Keys are the keys of filters, except jq.
func Keys() []Key { return filterKeys }

const wantCount = "a number: 12, >=10, 3..7"

var filterKeys = []Key{
	{Name: "kind", Help: "kind of event: kind:discussion.*, -kind:repo.config", check: checkKind, text: func(r *event.Row, fits func(string) bool) bool {
		return fits(string(r.Kind)) || !r.Kind.Known() && fits(string(r.Kind.Documented()))
	}},
	{Name: "repo", Help: "repo: repo:me/*, repo:model:me/m", check: checkRepo, text: func(r *event.Row, fits func(string) bool) bool {
		_, name, _ := strings.Cut(r.Repo, ":")
		return fits(r.Repo) || fits(name)
	}},
	{Name: "verdict", Help: "what the check of the secret said", choices: []string{"ok", "wrong", "missing", "unchecked"},
		text: func(r *event.Row, fits func(string) bool) bool { return fits(string(r.Verdict)) }},
	{Name: "status", Help: "a target's last answer: status:>=500, status:4xx, status:0 for none", read: readStatus,
		want: "a status: 404, >=500, 5xx", number: perTarget(func(t event.RowTarget) int64 { return int64(t.Status) })},
	{Name: "exit", Help: "a command's last exit status: exit:>0, exit:127", read: readCount, want: wantCount, number: exitIs},
	{Name: "answer", Help: "the status that the Hub got: answer:200, answer:5xx", read: readStatus, want: "a status: 404, >=500, 5xx",
		number: func(r *event.Row, fits func(int64) bool) bool { return fits(int64(r.Answer.Status)) }},
	{Name: "latency", Help: "how long a target took: latency:>1s, latency:10ms..50ms", read: readDuration,
		want: "a duration with its unit: >1s, <=20ms", number: perTarget(func(t event.RowTarget) int64 { return int64(t.Took) })},
	{Name: "target", Help: "where it was handed to: target:3000", text: perTargetText(func(t event.RowTarget) string { return t.Name })},
	{Name: "error", Help: "why a target did not take it: error:refused", text: perTargetText(func(t event.RowTarget) string { return t.Err })},
	{Name: "is", Help: "what became of it", choices: []string{
		"failed", "handed", "open", "waiting", "pending", "settled", "replay", "trigger", "again", "pinned", "edited", "trusted"}, is: rowIs},
	{Name: "source", Help: "who made it", choices: []string{"hub", "trigger", "replay", "sandbox", "import"},
		text: func(r *event.Row, fits func(string) bool) bool { return fits(string(r.Source)) }},
	{Name: "tries", Help: "attempts at a target: tries:>1", read: readCount, want: wantCount,
		number: perTarget(func(t event.RowTarget) int64 { return int64(t.Tries) })},
	{Name: "size", Help: "bytes of the body: size:>10kb", read: readSize, want: "a size: 512, >10kb, <=2mb",
		number: func(r *event.Row, fits func(int64) bool) bool { return fits(r.Size) }},
	{Name: "n", Help: "the event's number: n:12, n:100..200", read: readCount, want: wantCount,
		number: func(r *event.Row, fits func(int64) bool) bool { return fits(r.N) }},
	{Name: "replay", Help: "replays of an event: replay:12", read: readCount, want: wantCount,
		number: func(r *event.Row, fits func(int64) bool) bool { return fits(r.ReplayOf) }},
	{Name: "delivery", Help: "the Hub's id of the delivery", text: func(r *event.Row, fits func(string) bool) bool { return fits(r.Delivery) }},
	{Name: "webhook", Help: "the webhook's id", text: func(r *event.Row, fits func(string) bool) bool { return fits(r.WebhookID) }},
	{Name: "session", Help: "the session that received it", text: func(r *event.Row, fits func(string) bool) bool { return fits(r.Session) }},
	{Name: "path", Help: "the path that was requested", text: func(r *event.Row, fits func(string) bool) bool { return fits(r.Path) }},
	{Name: "header", Help: `a header's line: header:user-agent, header:"accept: */*"`, body: inHeader},
	{Name: "body", Help: `text of the body: body:"please merge"`, body: func(v value) func(*event.Event) bool { return inBody(v.text) }},
}

func findKey(name string) (Key, bool) {
	i := slices.IndexFunc(filterKeys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return filterKeys[i], true
}

func keyNames() []string {
	var names []string
	for _, k := range filterKeys {
		names = append(names, k.Name)
	}
	return append(names, "jq")
}

func perTarget(get func(event.RowTarget) int64) func(*event.Row, func(int64) bool) bool {
	return func(r *event.Row, fits func(int64) bool) bool {
		for _, t := range r.Targets {
			if t.Tries > 0 && fits(get(t)) {
				return true
			}
		}
		return false
	}
}

// exitIs asks for the exit status of each target that is a command.
func exitIs(r *event.Row, fits func(int64) bool) bool {
	for _, t := range r.Targets {
		if exit, ok := t.Exit(); ok && fits(int64(exit)) {
			return true
		}
	}
	return false
}

func perTargetText(get func(event.RowTarget) string) func(*event.Row, func(string) bool) bool {
	return func(r *event.Row, fits func(string) bool) bool {
		for _, t := range r.Targets {
			if fits(get(t)) {
				return true
			}
		}
		return false
	}
}

func rowIs(r *event.Row, choice string) bool {
	switch choice {
	case "failed":
		return r.Failed
	case "handed":
		return r.Phase == event.PhaseSettled && !r.Failed && len(r.Targets) > 0
	case "open", "waiting", "pending", "settled":
		return string(r.Phase) == choice
	case "replay", "trigger":
		return string(r.Source) == choice
	case "again":
		return r.DeliveryN > 1
	case "pinned":
		return r.Pinned
	case "edited":
		return r.Edited
	case "trusted":
		return r.Verdict.Trusted()
	}
	return false
}

func inHeader(v value) func(*event.Event) bool {
	fits := pattern(v)
	return func(e *event.Event) bool {
		for name, values := range e.Header {
			for _, text := range values {
				if fits(name + ": " + event.MaskHeader(name, text)) {
					return true
				}
			}
		}
		return false
	}
}

// term makes the condition that one of the values fits.
func (k Key) term(values []value) (term, *Error) {
	switch {
	case k.body != nil:
		return k.wholeTerm(values), nil
	case k.number != nil:
		return k.numberTerm(values)
	case k.choices != nil:
		return k.choiceTerm(values)
	}
	for _, v := range values {
		if k.check == nil || v.quoted {
			continue
		}
		if err := k.check(v); err != nil {
			return term{}, err
		}
	}
	return k.textTerm(values), nil
}

func (k Key) wholeTerm(values []value) term {
	var fits []func(*event.Event) bool
	for _, v := range values {
		fits = append(fits, k.body(v))
	}
	return term{whole: func(e *event.Event) bool {
		return slices.ContainsFunc(fits, func(f func(*event.Event) bool) bool { return f(e) })
	}}
}

func (k Key) textTerm(values []value) term {
	var patterns []func(string) bool
	for _, v := range values {
		patterns = append(patterns, pattern(v))
	}
	fits := func(text string) bool {
		for _, p := range patterns {
			if text != "" && p(text) {
				return true
			}
		}
		return false
	}
	return term{row: func(r *event.Row) Fit { return hit(k.text(r, fits)) }}
}

// choiceTerm takes the beginning of a choice for the choice, so that a filter
// is right while it is typed.
func (k Key) choiceTerm(values []value) (term, *Error) {
	var chosen []string
	for _, v := range values {
		prefix, n := strings.ToLower(v.text), len(chosen)
		for _, c := range k.choices {
			if strings.HasPrefix(c, prefix) {
				chosen = append(chosen, c)
			}
		}
		if len(chosen) == n {
			err := unknown(v.text, v.pos, k.choices, "", "%s has no value %q", k.Name, v.text)
			err.Want = "one of " + strings.Join(k.choices, ", ")
			return term{}, err
		}
	}
	asks := Condition{Values: chosen, Plain: make([]bool, len(chosen))}
	if k.text != nil {
		fits := func(text string) bool { return slices.Contains(chosen, text) }
		return term{Condition: asks, row: func(r *event.Row) Fit { return hit(k.text(r, fits)) }}, nil
	}
	return term{Condition: asks, row: func(r *event.Row) Fit {
		for _, c := range chosen {
			if k.is(r, c) {
				return FitYes
			}
		}
		return FitNo
	}}, nil
}

func (k Key) numberTerm(values []value) (term, *Error) {
	var spans [][2]int64
	for _, v := range values {
		low, high, err := readRange(v.text, k.read)
		if err != nil {
			return term{}, wrong(v.pos, k.want, "%q is not a valid value of %s", v.text, k.Name)
		}
		spans = append(spans, [2]int64{low, high})
	}
	fits := func(n int64) bool {
		for _, s := range spans {
			if n >= s[0] && n <= s[1] {
				return true
			}
		}
		return false
	}
	return term{Condition: Condition{Ranges: spans}, row: func(r *event.Row) Fit { return hit(k.number(r, fits)) }}, nil
}

// pattern fits texts that a glob fits as a whole, or, without a star in it,
// that hold it anywhere.
func pattern(v value) func(string) bool {
	want := strings.ToLower(v.text)
	if !v.quoted && strings.Contains(want, "*") {
		return func(s string) bool { return event.Glob(want, strings.ToLower(s)) }
	}
	return func(s string) bool { return strings.Contains(strings.ToLower(s), want) }
}

// readRange reads what a number is compared with: 12, >=10, <3, 3..7. Both
// ends belong to the range.
func readRange(s string, read func(string) (int64, int64, error)) (low, high int64, err error) {
	if a, b, ok := strings.Cut(s, ".."); ok {
		low, _, err = read(a)
		if err != nil {
			return 0, 0, err
		}
		_, high, err = read(b)
		return low, high, err
	}
	number := strings.TrimLeft(s, "<>=")
	low, high, err = read(number)
	if err != nil {
		return 0, 0, err
	}
	switch s[:len(s)-len(number)] {
	case "", "=":
	case ">":
		low, high = high+1, math.MaxInt64
	case ">=":
		high = math.MaxInt64
	case "<":
		low, high = math.MinInt64, low-1
	case "<=":
		low = math.MinInt64
	default:
		return 0, 0, errors.New("no comparison")
	}
	return low, high, nil
}

func readCount(s string) (int64, int64, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 10, 62)
	return int64(n), int64(n), err
}

func readStatus(s string) (int64, int64, error) {
	if len(s) == 3 && s[0] >= '1' && s[0] <= '5' && strings.EqualFold(s[1:], "xx") {
		low := int64(s[0]-'0') * 100
		return low, low + 99, nil
	}
	n, err := strconv.ParseUint(s, 10, 10)
	if err == nil && n > 999 {
		err = fmt.Errorf("%d is not a valid status", n)
	}
	return int64(n), int64(n), err
}

func readDuration(s string) (int64, int64, error) {
	d, err := time.ParseDuration(s)
	if err == nil && d < 0 {
		err = errors.New("negative")
	}
	return int64(d), int64(d), err
}

func readSize(s string) (int64, int64, error) {
	number := strings.TrimRight(s, "kmgibKMGIB")
	unit, ok := map[string]int64{"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20,
		"g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30}[strings.ToLower(s[len(number):])]
	n, err := strconv.ParseUint(number, 10, 32)
	if err == nil && !ok {
		err = errors.New("no unit of size")
	}
	return int64(n) * unit, int64(n) * unit, err
}
