// Package event has the kinds of deliveries, the check of a webhook's secret, and
// recorded deliveries with their results.
//
// # For handlers
//
//	verify a delivery            [ParseSecret], [Secret.Check]
//	read its body                hub.ParsePayload
//	what happened?               [MakeKind] of its scope and action, [Kind.Documented]
//	is it for this handler?      [ParseMatch], [Match.Matches]
//	make one for a test          [Sample], for each Kind and [Variant]
//
// Package webhooks is a server that does the first four.
//
// # Recorded deliveries
//
// An [Event] is one delivery, byte for byte, with its [Verdict], the [Answer] to
// its sender, and an [Attempt] for each try to hand it to a target. It changes
// step by step, and each step is an [Update]. A [Row] is the short form for
// lists, without headers and bodies.
//
// [Event.JSONLine] and [Curl] mask secrets; encoding/json does not. Texts from
// the network can have terminal escapes in them: make them printable before they
// reach a terminal.
package event

import (
	"net/http"
	"time"

	"github.com/hf-tap/hf-tap/hub"
)

// Event is a recorded delivery with its results.
type Event struct {
	N          int64  // the number in the history, never used twice
	Rev        int64  // the revision of the history that changed the event last; it grows with each change
	Family     int64  // the N of the first event that this one repeats, by replay or with the same Delivery; its own N if it repeats none
	Session    string // the session that received it
	Source     Source
	ReplayOf   int64  // the N of the event that this one repeats, 0 if none
	WebhookID  string // the id of the webhook, from the body
	Delivery   string // the Webhook-Id header: the same on the Hub's retries and replays
	DeliveryN  int    // 2 for the second arrival of the same Delivery, and so on; 1 otherwise
	Kind       Kind   // empty if the body has no scope
	Repo       hub.Repo
	Summary    string // what the payload is about, in a few words: "#19 Update co2 emissions"
	ReceivedAt time.Time
	Verdict    Verdict
	Method     string
	Path       string      // with the query, as it was requested
	Header     http.Header // nil if it was not loaded from the history
	Size       int64       // bytes of the body that were read; of a Refused event, the announced length
	Body       []byte      // nil if it was not loaded from the history
	BodyCut    bool        // a part of the body is missing: the verdict is not trusted, it is Refused, or a damaged history has lost it
	Phase      Phase
	Targets    []string // the names of its targets, in the order of the routes
	Answer     Answer
	Attempts   []Attempt
	Pinned     bool // the user has pinned it
	Edited     bool // the user changed it before it was sent
	Dismissed  bool // the user has dismissed it: it counts neither as failed nor as pending
	// DeliveredBy is, by target, the N of a later event of the same family that the
	// target accepted, or, if this event was never tried there, was tried with.
	DeliveredBy map[string]int64
}

// Source is the sender of an event.
type Source string

// The sources of events.
const (
	SourceHub     Source = "hub"     // the Hub delivered it
	SourceTrigger Source = "trigger" // the user sent a sample
	SourceReplay  Source = "replay"  // the user sent an earlier event again
	SourceSandbox Source = "sandbox" // a stand-in for the Hub on loopback delivered it
	SourceImport  Source = "import"  // the user imported it from a file
)

// AwaitsAnswer reports whether the sender of an event waits for an answer. For
// events that the user sends, nobody does, unless they are sent to the public address:
// then they have an Answer, and are complete without it.
func (s Source) AwaitsAnswer() bool { return s == SourceHub || s == SourceSandbox }

// Verdict is the result of the check of a delivery's secret.
type Verdict string

// The verdicts.
const (
	VerdictOK        Verdict = "ok"
	VerdictWrong     Verdict = "wrong"     // the delivery has another secret, or several
	VerdictMissing   Verdict = "missing"   // the delivery has no secret
	VerdictUnchecked Verdict = "unchecked" // the receiver has no secret to compare with
)

// Trusted reports whether a delivery may be handled: the verdict is VerdictOK or
// VerdictUnchecked.
func (v Verdict) Trusted() bool { return v == VerdictOK || v == VerdictUnchecked }

// Phase is the state of an event on its way to its targets.
type Phase string

// The phases. An event starts as open and ends as settled or pending.
const (
	PhaseOpen    Phase = "open"    // recorded; being answered, queued or handed over
	PhaseWaiting Phase = "waiting" // its target refuses connections; the event is handed over when the target accepts them
	PhaseSettled Phase = "settled" // every target is done, or there is none
	PhasePending Phase = "pending" // the session ended, or was killed, before a target is known to have got it
)

// Answer is the answer to the sender of a delivery. It is zero if there is no
// sender: see [Source.AwaitsAnswer].
type Answer struct {
	Status   int           // HTTP status; 0 before the answer, or if the connection was closed without one
	Duration time.Duration // from the last byte of the request to the answer, or to the close
}

// Attempt is one try to hand an event to a target.
type Attempt struct {
	N         int    // 1 for the first try of this event at this target
	Target    string // the name of the target: "http://127.0.0.1:9000/hook"
	StartedAt time.Time
	Duration  time.Duration
	Status    int    // HTTP status of the target's answer, 0 without one; always 0 for a command, see Exit
	Err       string // why there is no answer, or not all of its body; what went wrong with a command; empty otherwise
	Header    http.Header
	Body      []byte // at most MaxTargetBody of the target's answer, or of a command's output
	BodyCut   bool   // the answer was longer
}

// MaxTargetBody is how much of the body of a target's answer is kept, in bytes.
const MaxTargetBody = 1 << 20

// LeftOutHeader is the header in which an event with a wrong secret or none says how
// much of its own headers and path was not kept. No sender's value is kept there.
const LeftOutHeader = "Hf-Tap-Left-Out"

// OK reports whether the target accepted the event: its answer is 2xx, or it is a
// command that ended with exit status 0.
func (a Attempt) OK() bool {
	if exit, ok := a.Exit(); ok {
		return exit == 0
	}
	return a.Status >= 200 && a.Status < 300 && a.Err == ""
}

// Failed reports whether the last try at one of the targets failed, and that
// target has not accepted a later event of the same family either. A dismissed
// event has not failed.
func (e *Event) Failed() bool { return NewRow(e).Failed }

// Pending reports whether the event ended without a try at one of its targets,
// and that target has not got a later event of the same family either. A
// dismissed event is not pending.
func (e *Event) Pending() bool { return NewRow(e).Pending }

// Refused reports whether the receiver refused a trusted delivery because its
// body was too large, too slow, or broke off. Such an event is settled when it is
// recorded. It has no targets, is not counted, and cannot be replayed.
func (e *Event) Refused() bool { return isRefused(e.BodyCut, e.Verdict, e.Answer, len(e.Targets)) }

// isRefused distinguishes a body that did not arrive whole from one that a damaged
// history has lost.
func isRefused(bodyCut bool, v Verdict, a Answer, targets int) bool {
	accepted := a.Status >= 200 && a.Status < 300
	return bodyCut && v.Trusted() && targets == 0 && !accepted
}

// Refusal returns why an event is Refused, for people, or "" if it is not.
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

// Done reports whether the event is complete: it is settled or pending, and its
// sender, if it has one, is answered. An event without targets is settled when it
// is recorded, before its answer.
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

// Last returns the latest attempt at a target, nil if there was none.
func (e *Event) Last(target string) *Attempt {
	for i := len(e.Attempts) - 1; i >= 0; i-- {
		if e.Attempts[i].Target == target {
			return &e.Attempts[i]
		}
	}
	return nil
}

// Update is one change of a recorded event. Its zero fields change nothing.
type Update struct {
	N       int64
	Phase   Phase
	Answer  Answer
	Attempt *Attempt // one more attempt
}

// State is a change of the tunnel, the webhook, a target or another thing that
// deliveries depend on. States are recorded and printed among the events, because
// they explain what happened to these.
type State struct {
	Session string
	At      time.Time
	Subject Subject
	Name    string // a URL, the id of a webhook, the name of a target
	State   string // one word: up, down, away, suspended, …
	Detail  string // why, for people; may have texts from the network in it
}

// Subject is the sort of thing that a State is about.
type Subject string

// The subjects of states.
const (
	SubjectSession Subject = "session"
	SubjectTunnel  Subject = "tunnel"
	SubjectWebhook Subject = "webhook"
	SubjectTarget  Subject = "target"
	SubjectHistory Subject = "history"
)
