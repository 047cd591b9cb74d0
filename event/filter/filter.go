// Package filter is the language in which events are searched: a [Filter] is
// read from a text by [Parse], and matches an [event.Event], or as far as
// possible its [event.Row].
package filter

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync/atomic"

	"github.com/hf-tap/hf-tap/event"
)

// Filter is the one language in which events are asked for, in the interface,
// in listen --until and in the history:
//
//	kind:discussion.* repo:me/* status:>=500 latency:>1s -kind:repo.config "@bot"
//
// Terms stand side by side and all have to fit; "-" in front of one turns it
// around. A term is a word or a "quoted phrase", searched in what a list shows
// of an event and in its body; a key with a value (Keys lists them), in
// which commas separate alternatives and "*" stands for any run of characters;
// a Match as routes have it (discussion.*,model:me/*); or jq: with an
// expression over the event's JSON, which goes to the end of the filter unless
// it is quoted. Capital and small letters are the same, but in Matches and jq.
// The zero value fits every event.
type Filter struct {
	source string
	terms  []term
	cut    *atomic.Int64
}

// Fit is what a Filter says of a Row.
type Fit int8

// What a filter can say.
const (
	FitNo      Fit = iota
	FitYes         // whatever the rest of the event is
	FitUnknown     // only the whole event can tell, with its headers and body
)

// term is one condition. Exactly one of row and whole may be nil: a term
// without row needs the whole event always, one without whole never.
type term struct {
	Condition
	row   func(*event.Row) Fit
	whole func(*event.Event) bool
}

// Condition says what a term of a filter asks, for those who can look it up
// faster than by matching event after event. Whoever knows how may leave out
// what does not meet it; whether an event fits is for Match to say.
type Condition struct {
	Key    string     // a Key's name, "jq", "match" for a Match, "" for words
	Not    bool       // the condition must not hold
	Values []string   // alternatives in small letters: a "*" in them is a glob's unless Plain has it; of choices in full
	Plain  []bool     // for each value, whether it was quoted
	Ranges [][2]int64 // alternatives of numbers, both ends included; durations in nanoseconds, sizes in bytes
}

// Conditions gives what each term of f asks. All have to hold.
func (f *Filter) Conditions() []Condition {
	if f == nil {
		return nil
	}
	all := make([]Condition, len(f.terms))
	for i, t := range f.terms {
		all[i] = t.Condition
	}
	return all
}

// String gives the text that the filter was read from.
func (f *Filter) String() string {
	if f == nil {
		return ""
	}
	return f.source
}

// Empty reports whether f fits every event because it asks for nothing.
func (f *Filter) Empty() bool { return f == nil || len(f.terms) == 0 }

// JQCutOff returns on how many events so far the filter's jq expression was cut off
// because it took too long or too much memory. It fitted none of them. An event
// that was asked about twice counts twice.
func (f *Filter) JQCutOff() int {
	if f == nil || f.cut == nil {
		return 0
	}
	return int(f.cut.Load())
}

// NeedsBody reports whether Match may need the event's headers and body. A
// filter of keys that rows have never does.
func (f *Filter) NeedsBody() bool {
	if f == nil {
		return false
	}
	for _, t := range f.terms {
		if t.whole != nil {
			return true
		}
	}
	return false
}

// MatchRow says as much of an event as its row tells. It allocates nothing and
// takes about as long as a search for a substring.
func (f *Filter) MatchRow(r *event.Row) Fit {
	if f == nil {
		return FitYes
	}
	fit := FitYes
	for i := range f.terms {
		switch t := &f.terms[i]; t.ask(r) {
		case FitNo:
			return FitNo
		case FitUnknown:
			fit = FitUnknown
		}
	}
	return fit
}

func (t *term) ask(r *event.Row) Fit {
	if t.row == nil {
		return FitUnknown
	}
	fit := t.row(r)
	switch {
	case t.Not && fit == FitYes:
		return FitNo
	case t.Not && fit == FitNo:
		return FitYes
	}
	return fit
}

// Match reports whether e fits. Where NeedsBody says so, e has to have its
// headers and body; without them a term that looks there fits nothing.
func (f *Filter) Match(e *event.Event) bool {
	if f.Empty() {
		return true
	}
	r := event.NewRow(e)
	for i := range f.terms {
		t := &f.terms[i]
		switch t.ask(r) {
		case FitNo:
			return false
		case FitUnknown:
			if t.whole(e) == t.Not {
				return false
			}
		}
	}
	return true
}

// hit is the Fit of a condition that a row decides.
func hit(ok bool) Fit {
	if ok {
		return FitYes
	}
	return FitNo
}

// words searches in the row and, if it is not there, in the body.
func words(phrase string) term {
	needle := strings.ToLower(phrase)
	return term{
		Condition: Condition{Values: []string{needle}, Plain: []bool{true}},
		row: func(r *event.Row) Fit {
			if strings.Contains(r.SearchText(), needle) {
				return FitYes
			}
			return FitUnknown
		},
		whole: inBody(phrase),
	}
}

// inBody searches in the body as it came, and for the phrase as JSON writes it:
// a quotation mark or a line's end within a string of the body is escaped there.
func inBody(phrase string) func(*event.Event) bool {
	plain := bytes.ToLower([]byte(phrase))
	escaped, err := json.Marshal(phrase)
	if err == nil {
		escaped = bytes.ToLower(escaped[1 : len(escaped)-1])
	}
	return func(e *event.Event) bool {
		body := bytes.ToLower(e.Body)
		return bytes.Contains(body, plain) || err == nil && !bytes.Equal(plain, escaped) && bytes.Contains(body, escaped)
	}
}

// matching is the term of a Match as routes have it.
func matching(m event.Match) term {
	return term{Condition: Condition{Key: "match", Values: []string{m.String()}, Plain: []bool{false}}, row: func(r *event.Row) Fit {
		return hit(m.MatchesRow(r))
	}}
}
