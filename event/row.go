package event

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"
)

// Row is the short form of an event, for lists and filters: it has no headers and
// no bodies. It is small enough for lists of 100,000, and is never modified: Apply
// returns a new one.
type Row struct {
	N, Rev     int64
	Family     int64 // see Event.Family
	ReplayOf   int64
	At         time.Time // when it was received
	Source     Source
	Kind       Kind
	Repo       string // as Event.RepoTitle gives it
	Summary    string // what the payload is about, in a few words
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
	BodyCut    bool
	Pinned     bool
	Edited     bool
	Dismissed  bool
	Failed     bool // as Event.Failed has it
	Pending    bool // as Event.Pending has it
	Targets    []RowTarget
	searchable string // see SearchText
}

// RowTarget is the result of an event at one target.
type RowTarget struct {
	Name        string // secrets masked
	Tries       int
	Status      int           // of the last try, 0 when there was none or no answer
	Err         string        // of the last try
	Took        time.Duration // the last try
	BodyError   string        // see Attempt.BodyError, of the last try
	DeliveredBy int64         // see Event.DeliveredBy; 0 if there is no such event
}

// OK reports whether the last try succeeded.
func (t RowTarget) OK() bool {
	return t.Tries > 0 && Attempt{Target: t.Name, Status: t.Status, Err: t.Err}.OK()
}

// Exit is [Attempt.Exit] of the last try.
func (t RowTarget) Exit() (status int, ok bool) {
	if t.Tries == 0 {
		return 0, false
	}
	return Attempt{Target: t.Name, Status: t.Status, Err: t.Err}.Exit()
}

// NewRow returns the row of e. e needs no headers and bodies.
func NewRow(e *Event) *Row {
	r := &Row{
		N: e.N, Rev: e.Rev, Family: e.Family, ReplayOf: e.ReplayOf, At: e.ReceivedAt, Source: e.Source, Kind: e.Kind, Repo: e.RepoTitle(),
		Summary: e.Summary, Verdict: e.Verdict, Phase: e.Phase, Answer: e.Answer, DeliveryN: max(1, e.DeliveryN), Size: e.Size, Session: e.Session,
		WebhookID: e.WebhookID, Delivery: e.Delivery, Method: e.Method, Path: MaskURL(e.Path), BodyCut: e.BodyCut,
		Pinned: e.Pinned, Edited: e.Edited, Dismissed: e.Dismissed,
	}
	if len(e.Targets) > 0 {
		r.Targets = make([]RowTarget, len(e.Targets))
	}
	for i, name := range e.Targets {
		r.Targets[i] = RowTarget{Name: MaskURL(name), DeliveredBy: e.DeliveredBy[name]}
	}
	for i := range e.Attempts {
		r.addAttempt(&e.Attempts[i])
	}
	r.ShareTexts()
	r.FillDerived()
	return r
}

// Apply returns the row after u. Zero fields of u change nothing.
func (r *Row) Apply(u Update) *Row {
	next := *r
	if u.Phase != "" {
		next.Phase = u.Phase
	}
	if u.Answer.Status != 0 {
		next.Answer.Status = u.Answer.Status
	}
	if u.Answer.Duration != 0 {
		next.Answer.Duration = u.Answer.Duration
	}
	if u.Attempt != nil {
		next.Targets = slices.Clone(r.Targets)
		next.addAttempt(u.Attempt)
	}
	next.FillDerived()
	return &next
}

// addAttempt adds an attempt to the target of its name.
func (r *Row) addAttempt(a *Attempt) {
	for i := range r.Targets {
		if t := &r.Targets[i]; t.Name == a.Target || t.Name == MaskURL(a.Target) {
			t.Tries, t.Status, t.Err, t.Took, t.BodyError = t.Tries+1, a.Status, a.Err, a.Duration, a.BodyError()
			return
		}
	}
}

// FillDerived sets the fields that follow from others, in a Row that was not made
// by NewRow, and shares texts as ShareTexts does.
func (r *Row) FillDerived() {
	r.Failed, r.Pending = false, false
	for _, t := range r.Targets {
		if r.Dismissed || t.DeliveredBy != 0 {
			continue
		}
		r.Failed = r.Failed || t.Tries > 0 && !t.OK()
		r.Pending = r.Pending || t.Tries == 0 && r.Phase == PhasePending
	}
	r.searchable = r.text()
}

// Settled reports whether the targets are done with the event.
func (r *Row) Settled() bool { return r.Phase == PhaseSettled || r.Phase == PhasePending }

// Done is [Event.Done].
func (r *Row) Done() bool { return isDone(r.Phase, r.Source, r.Answer) }

// Refused is [Event.Refused].
func (r *Row) Refused() bool { return isRefused(r.BodyCut, r.Verdict, r.Answer, len(r.Targets)) }

// Refusal is [Event.Refusal].
func (r *Row) Refusal() string { return refusal(r.Refused(), r.Answer.Status) }

// Tries returns the number of attempts at all targets together.
func (r *Row) Tries() int {
	tries := 0
	for _, t := range r.Targets {
		tries += t.Tries
	}
	return tries
}

// SearchText returns the texts that a search for words looks in: those that a list
// shows of the event, in lower case, one on each line.
func (r *Row) SearchText() string { return r.searchable }

// ShareTexts replaces texts that many rows have in common by shared copies, to
// save memory in long lists from a database.
func (r *Row) ShareTexts() {
	r.Source, r.Kind, r.Repo = shared(r.Source), shared(r.Kind), shared(r.Repo)
	r.Verdict, r.Phase, r.Session = shared(r.Verdict), shared(r.Phase), shared(r.Session)
	r.WebhookID, r.Method, r.Path = shared(r.WebhookID), shared(r.Method), shared(r.Path)
	for i := range r.Targets {
		r.Targets[i].Name = shared(r.Targets[i].Name)
	}
}

func shared[T ~string](s T) T { return T(unique.Make(string(s)).Value()) }

// Title is what the event is called where its kind is shown.
func (r *Row) Title() string { return (&Event{Kind: r.Kind, Size: r.Size}).Title() }

// text joins what a row shows. The parts stand on lines of their own, so that
// no phrase is found across two of them.
func (r *Row) text() string {
	var b strings.Builder
	b.Grow(len(r.Kind) + len(r.Repo) + len(r.Delivery) + len(r.Summary) + 48 + 40*len(r.Targets))
	for _, part := range []string{r.Title(), r.Repo, string(r.Verdict), string(r.Source), string(r.Phase), r.Delivery, r.Summary} {
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
		if t.BodyError != "" {
			b.WriteByte(' ')
			b.WriteString(t.BodyError)
		}
	}
	return strings.ToLower(b.String())
}
