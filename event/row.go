package event

import (
	"strconv"
	"strings"
	"time"
	"unique"
)

// Row is what a list shows of an event, and what a filter can decide without
// the event's headers and bodies. It is small, so that a list can hold 100,000.
type Row struct {
	N, Rev     int64
	ReplayOf   int64
	At         time.Time // when it was received
	Source     Source
	Kind       Kind
	Repo       string // as Event.RepoTitle gives it
	Verdict    Verdict
	Phase      Phase
	Answer     Answer
	DeliveryN  int
	Size       int64 // bytes of the body
	Session    string
	WebhookID  string
	Delivery   string
	Method     string
	Path       string // secrets masked
	Pinned     bool
	Edited     bool
	Failed     bool // as Event.Failed has it
	Targets    []RowTarget
	searchable string // see SearchText
}

// RowTarget is what became of an event at one target.
type RowTarget struct {
	Name   string // secrets masked
	Tries  int
	Status int           // of the last try, 0 when there was none or no answer
	Err    string        // of the last try
	Took   time.Duration // the last try
}

// OK reports whether the target took the event in its last try.
func (t RowTarget) OK() bool { return Attempt{Status: t.Status, Err: t.Err}.OK() }

// NewRow gives the row of e, which needs no bodies.
func NewRow(e *Event) *Row {
	r := &Row{
		N: e.N, Rev: e.Rev, ReplayOf: e.ReplayOf, At: e.ReceivedAt, Source: shared(e.Source), Kind: shared(e.Kind), Repo: shared(e.RepoTitle()),
		Verdict: shared(e.Verdict), Phase: shared(e.Phase), Answer: e.Answer, DeliveryN: e.DeliveryN, Size: e.Size, Session: shared(e.Session),
		WebhookID: shared(e.WebhookID), Delivery: e.Delivery, Method: shared(e.Method), Path: shared(MaskURL(e.Path)),
		Pinned: e.Pinned, Edited: e.Edited, Failed: e.Failed(),
	}
	if len(e.Targets) > 0 {
		r.Targets = make([]RowTarget, 0, len(e.Targets))
	}
	for _, name := range e.Targets {
		t := RowTarget{Name: shared(MaskURL(name))}
		for i := range e.Attempts {
			if a := &e.Attempts[i]; a.Target == name {
				t.Tries, t.Status, t.Err, t.Took = t.Tries+1, a.Status, a.Err, a.Duration
			}
		}
		r.Targets = append(r.Targets, t)
	}
	r.searchable = r.text()
	return r
}

// SearchText is what a search for words looks in: the texts that a list shows
// of the event, in small letters, one a line.
func (r *Row) SearchText() string { return r.searchable }

// shared gives a text that all rows with the same one share: of 100,000 rows
// from a database, most texts would be copies.
func shared[T ~string](s T) T { return T(unique.Make(string(s)).Value()) }

// Title is what the event is called where its kind is shown.
func (r *Row) Title() string { return (&Event{Kind: r.Kind, Size: r.Size}).Title() }

// text joins what a row shows. The parts stand on lines of their own, so that
// no phrase is found across two of them.
func (r *Row) text() string {
	var b strings.Builder
	b.Grow(len(r.Kind) + len(r.Repo) + len(r.Delivery) + 48 + 40*len(r.Targets))
	for _, part := range []string{r.Title(), r.Repo, string(r.Verdict), string(r.Source), string(r.Phase), r.Delivery} {
		b.WriteString(part)
		b.WriteByte('\n')
	}
	b.WriteByte('#')
	b.WriteString(strconv.FormatInt(r.N, 10))
	for _, t := range r.Targets {
		b.WriteByte('\n')
		b.WriteString(t.Name)
		b.WriteByte(' ')
		if t.Status != 0 {
			b.WriteString(strconv.Itoa(t.Status))
		}
		b.WriteString(t.Err)
	}
	return strings.ToLower(b.String())
}
