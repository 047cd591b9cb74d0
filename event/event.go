// Package event is a delivery as it was received and what became of it, the
// kinds of deliveries, and the check of a webhook's secret.
//
// A handler needs three things of it: [ParseSecret] and [Secret.Check] verify a
// delivery; [MakeKind] joins a payload's scope and action to a [Kind], for which
// there are constants; [ParseMatch] reads which kinds and repos are wanted.
// [Sample] makes a payload of each kind and [Variant], for tests of handlers. The
// body itself is read by hub.ParsePayload.
//
// An [Event] is written in steps by the stages it passes: the receiver records
// it, answers the Hub, hands it to targets and adds an [Attempt] for each try. A
// [Row] is what a list shows of it, and an [Update] one step. It is stored as it
// came, byte for byte. [Event.JSONLine] and [Curl] mask secrets on the way out;
// encoding/json does not. Texts from the network are not made safe for a terminal
// here.
package event

import (
	"net/http"
	"time"

	"github.com/hf-tap/hf-tap/hub"
)

// Event is a recorded delivery and all that became of it.
type Event struct {
	N          int64  // the history's number, never used twice
	Rev        int64  // grows with each change of the history
	Family     int64  // the first event of those that repeat each other, by replay or with the same Delivery; N itself if it repeats none
	Session    string // the session that received it
	Source     Source
	ReplayOf   int64  // the N of the event that this one repeats, 0 if none
	WebhookID  string // the webhook's id, as the body names it
	Delivery   string // the Webhook-Id header: the same on the Hub's retries and replays
	DeliveryN  int    // 2 for the second arrival of the same Delivery, and so on; 1 otherwise
	Kind       Kind   // empty when the body tells none
	Repo       hub.Repo
	Summary    string // what the payload is about, in a few words: "#19 Update co2 emissions"
	ReceivedAt time.Time
	Verdict    Verdict
	Method     string
	Path       string      // with the query, as it was requested
	Header     http.Header // nil where it was not asked for
	Size       int64       // bytes of the body as it arrived, as far as it was read; as announced where it is Refused
	Body       []byte      // nil where it was not asked for
	BodyCut    bool        // only the beginning of the body was kept: it came from a stranger, or was Refused
	Phase      Phase
	Targets    []string // where it is handed to, in the order of the routes
	Answer     Answer
	Attempts   []Attempt
	Pinned     bool // the user keeps it at hand
	Edited     bool // the user changed it before it was sent
	Dismissed  bool // the user wants it to count neither as failed nor as pending
	// DeliveredBy holds, by target, the later event of the same family that the
	// target took, or was handed when this one never was.
	DeliveredBy map[string]int64
}

// Source says who made an event.
type Source string

// The sources of events.
const (
	SourceHub     Source = "hub"     // the Hub delivered it
	SourceTrigger Source = "trigger" // the user made it up
	SourceReplay  Source = "replay"  // the user sent an earlier event again
	SourceSandbox Source = "sandbox" // a Hub on loopback delivered it
	SourceImport  Source = "import"  // the user imported it from a file
)

// AwaitsAnswer reports whether an event of this source has a sender who waits for an
// answer. Nobody waits for one to what the user sends, by whatever way.
func (s Source) AwaitsAnswer() bool { return s == SourceHub || s == SourceSandbox }

// Verdict is what the check of the secret said.
type Verdict string

// The verdicts.
const (
	VerdictOK        Verdict = "ok"
	VerdictWrong     Verdict = "wrong"     // another secret, or more than one
	VerdictMissing   Verdict = "missing"   // no secret at all
	VerdictUnchecked Verdict = "unchecked" // the receiver has no secret to compare with
)

// Trusted reports whether an event with this verdict is handed to targets and
// counted.
func (v Verdict) Trusted() bool { return v == VerdictOK || v == VerdictUnchecked }

// Phase is how far an event has come.
type Phase string

// The phases. An event starts as open and ends as settled or pending.
const (
	PhaseOpen    Phase = "open"    // recorded; being answered, queued or handed over
	PhaseWaiting Phase = "waiting" // its target refuses connections; it is handed over when that ends
	PhaseSettled Phase = "settled" // every target is done, or there was none
	PhasePending Phase = "pending" // not known to have been handed over: the session ended or gave up before, or was killed meanwhile
)

// Answer is what the sender of a delivery was told. It stays zero where nobody
// asked.
type Answer struct {
	Status   int           // HTTP status; 0 until it is given, and where the connection was closed without one
	Duration time.Duration // from the last byte of the request to the answer, or to the closing
}

// Attempt is one try to hand an event to a target.
type Attempt struct {
	N         int    // 1 for the first try of this event at this target
	Target    string // as the user named it, completed: "http://127.0.0.1:9000/hook"
	StartedAt time.Time
	Duration  time.Duration
	Status    int    // HTTP status of the target, 0 when it gave none
	Err       string // why there is no status, or no whole body; empty otherwise
	Header    http.Header
	Body      []byte // at most MaxTargetBody of the target's answer
	BodyCut   bool   // there was more
}

// MaxTargetBody is how much of a target's answer is kept.
const MaxTargetBody = 1 << 20

// OK reports whether the target took the event: an answer of 2xx.
func (a Attempt) OK() bool { return a.Status >= 200 && a.Status < 300 && a.Err == "" }

// Failed reports whether a target did not take the event in the last try it
// was given, nor took a later event of the same family. A dismissed event has
// not failed.
func (e *Event) Failed() bool { return NewRow(e).Failed }

// Pending reports whether the event ended without a try at one of its targets,
// which took no later event of the same family either. A dismissed event is not
// pending.
func (e *Event) Pending() bool { return NewRow(e).Pending }

// Refused reports whether the sender was refused although the verdict is
// trusted, because the body did not arrive whole: it was too large, too slow or
// broke off. Such an event is settled when it is recorded. It has no targets, is
// not counted, and cannot be sent again.
func (e *Event) Refused() bool { return isRefused(e.BodyCut, e.Verdict, e.Answer, len(e.Targets)) }

// isRefused tells a body that did not arrive whole from one that a damaged
// history has lost.
func isRefused(bodyCut bool, v Verdict, a Answer, targets int) bool {
	accepted := a.Status >= 200 && a.Status < 300
	return bodyCut && v.Trusted() && targets == 0 && !accepted
}

// Refusal says for people why an event is Refused; it is empty where it is not.
func (e *Event) Refusal() string { return refusal(e.Refused(), e.Answer.Status) }

func refusal(refused bool, status int) string {
	switch {
	case !refused:
		return ""
	case status == http.StatusRequestEntityTooLarge:
		return "the body is too large"
	case status == http.StatusRequestTimeout:
		return "the body came too slowly"
	case status == http.StatusBadRequest:
		return "the body broke off"
	}
	return "the body did not arrive whole"
}

// Done reports whether nothing about the event changes any more: it is settled
// or pending, and its sender, if it has one, is answered. An event without
// targets is settled when it is recorded, which is before its answer.
func (e *Event) Done() bool { return isDone(e.Phase, e.Source, e.Answer) }

func isDone(p Phase, s Source, a Answer) bool {
	switch p {
	case PhaseSettled:
		return !s.AwaitsAnswer() || a != Answer{}
	case PhasePending:
		return true
	}
	return false
}

// Last gives the latest attempt at a target, nil if there was none.
func (e *Event) Last(target string) *Attempt {
	for i := len(e.Attempts) - 1; i >= 0; i-- {
		if e.Attempts[i].Target == target {
			return &e.Attempts[i]
		}
	}
	return nil
}

// Update is what became of an event since it was recorded. Its zero fields
// change nothing.
type Update struct {
	N       int64
	Phase   Phase
	Answer  Answer
	Attempt *Attempt // one more attempt
}

// State is a change in what hf-tap depends on: the tunnel, the webhook, a
// target. States are kept and printed among the events, so that an event can
// be read together with the circumstances it met.
type State struct {
	Session string
	At      time.Time
	Subject Subject
	Name    string // which one: a URL, a webhook's id, a target
	State   string // a word: up, down, away, suspended, …
	Detail  string // why, for people; may quote what the network said
}

// Subject is what a State is about.
type Subject string

// The subjects of states.
const (
	SubjectSession Subject = "session"
	SubjectTunnel  Subject = "tunnel"
	SubjectWebhook Subject = "webhook"
	SubjectTarget  Subject = "target"
	SubjectHistory Subject = "history"
)
