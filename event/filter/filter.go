// Package filter is a language for searches in recorded events. [Parse] reads a
// [Filter]; [Filter.Match] compares it with an [event.Event], and
// [Filter.MatchRow] with an [event.Row], which is not always enough to decide.
// [Complete] offers what can be typed next.
package filter

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// Filter selects events:
//
//	kind:discussion.* repo:me/* status:>=500 latency:>1s -kind:repo.config "@bot"
//
// A filter is terms with spaces between them, which must all fit. A leading "-"
// negates a term. A term is one of these:
//
//	word, "two words"           text in the body, or in what lists show of an event
//	key:value                   Keys returns the keys; commas separate alternatives, "*" is any text
//	discussion.*,model:me/*     a match of kinds and repos, see event.ParseMatch
//	jq:.body.repo.private       a jq expression over the event's JSON; without quotes it extends to the end of the filter
//
// Upper and lower case are the same, except in matches and in jq. The zero value
// fits every event.
type Filter struct {
	source string
	terms  []term
	jq     *jqReport
}

// Fit is whether an event fits a filter, as far as its Row decides that.
type Fit int8

// The results of [Filter.MatchRow].
const (
	FitNo Fit = iota
	FitYes
	FitUnknown // Match has to decide, with the event's headers and body
)

// term is one condition. Exactly one of row and whole may be nil: a term
// without row needs the whole event always, one without whole never.
type term struct {
	Condition
	row   func(*event.Row) Fit
	whole func(*event.Event) bool
}

// Condition is a term of a filter as data, for a search in an index. The index may
// leave out the events that do not meet it. Whether one of the others fits, only
// Match decides.
type Condition struct {
	Key    string     // a Key's name, "jq", "match" for a Match, "" for words
	Not    bool       // the condition must not hold
	Values []string   // alternatives in small letters: a "*" in them is a glob's unless Plain has it; of choices in full
	Plain  []bool     // for each value, whether it was quoted
	Ranges [][2]int64 // alternatives of numbers, both ends included; durations in nanoseconds, sizes in bytes
}

// Conditions returns the terms of f, which must all hold.
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

// String returns the text that the filter was read from.
func (f *Filter) String() string {
	if f == nil {
		return ""
	}
	return f.source
}

// Empty reports whether f has no terms, and so fits every event.
func (f *Filter) Empty() bool { return f == nil || len(f.terms) == 0 }

// JQCutOff returns how many times the filter's jq expression was cut off so far,
// because it took too long or too much memory. Such an event does not fit.
func (f *Filter) JQCutOff() int {
	if f == nil || f.jq == nil {
		return 0
	}
	return int(f.jq.cut.Load())
}

// JQFailed returns on how many events the filter's jq expression failed so far, and why
// it failed first. Such an event does not fit.
func (f *Filter) JQFailed() (n int, first string) {
	if f == nil || f.jq == nil {
		return 0, ""
	}
	if why := f.jq.first.Load(); why != nil {
		first = *why
	}
	return int(f.jq.failed.Load()), first
}

// NeedsBody reports whether Match may need the event's headers and body. If not,
// MatchRow is never FitUnknown.
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

// MatchRow reports whether an event fits, as far as its row decides that. It
// allocates nothing and takes about as long as a search for a substring.
func (f *Filter) MatchRow(r *event.Row) Fit {
	if f == nil {
		return FitYes
	}
	fit := FitYes
	for i := range f.terms {
		switch t := &f.terms[i]; t.fitRow(r) {
		case FitNo:
			return FitNo
		case FitUnknown:
			fit = FitUnknown
		}
	}
	return fit
}

func (t *term) fitRow(r *event.Row) Fit {
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

// Match reports whether e fits. If NeedsBody reports true, e must have its headers
// and body.
func (f *Filter) Match(e *event.Event) bool {
	if f.Empty() {
		return true
	}
	r := event.NewRow(e)
	for i := range f.terms {
		t := &f.terms[i]
		switch t.fitRow(r) {
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
