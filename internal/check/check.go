// Package check tests a handler of webhooks: it sends deliveries of the Hub, deliveries
// that the Hub could send one day, and requests of others, and judges the answers.
//
// Every check is a line of the table in table.go: what is sent, how the answer is
// judged, and why it matters on the Hub. An answer of 2xx hides much: a handler that
// takes a pull request for a push answers 200, too. Such a check ends as CannotTell,
// and names what to look at.
//
// The Hub is not called. With a [World], which is a stand-in Hub for the handler, the
// handler's own calls show what its answers hide.
package check

import (
	"context"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/receiver"
)

// Group is the checks about one subject.
type Group string

// The groups.
const (
	Kinds   Group = "kinds"   // every kind in its usual form
	Payload Group = "payload" // forms of payloads that handlers do not expect
	Secrets Group = "secret"  // deliveries that are not the Hub's
	Repeats Group = "repeats" // the same delivery again
	Writes  Group = "writes"  // what the handler does on the Hub
	Request Group = "request" // methods and bodies
	Time    Group = "time"    // how long the answer takes
)

// Groups returns the groups in the order of the table.
func Groups() []Group {
	return []Group{Kinds, Payload, Secrets, Repeats, Writes, Request, Time}
}

// Status is the result of a check in a word.
type Status string

// The statuses.
const (
	Pass       Status = "pass"
	Warn       Status = "warn"
	Fail       Status = "fail"
	CannotTell Status = "cannot tell" // the answer does not show it
)

// Check is one question to a handler.
type Check struct {
	Name   string
	Group  Group
	Sends  string // what is sent, in words
	Judged string // how the answer is judged, in words
	Why    string // why it matters on the Hub
	run    func(ctx context.Context, r *runner) outcome
	judges bool // it judges what other checks saw, also when nothing is sent any more
}

// Result is the result of a check, with the requests and answers.
type Result struct {
	Check
	Status  Status
	Says    string   // what was found; it may quote the handler
	Look    string   // what to look at where the answer does not show it
	Curl    string   // the command that sends the same, without its secret
	Answers []Answer // in the order of the deliveries
	App     []string // the app's output during the check, unchanged
}

// Answer is what came back for one request.
type Answer struct {
	Status  int           // 0 without an answer
	Took    time.Duration // until the end of the answer
	Err     string        // why there is no answer, or not all of it
	Body    []byte        // the beginning
	BodyCut bool          // there was more
	To      string        // where a redirect leads

	contentType string
	refused     bool // nothing was sent: there was no connection
	timedOut    bool
	blocked     bool // timedOut, and other requests were not answered either
}

// OK reports whether the sender takes the answer for success.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 && a.Err == "" }

// attempt is the answer in the words of package event.
func (a Answer) attempt(target string) *event.Attempt {
	return &event.Attempt{Target: target, Status: a.Status, Err: a.Err, Body: a.Body, BodyCut: a.BodyCut}
}

// World is a stand-in Hub that the handler works with, instead of the real one.
type World interface {
	// Adapt makes a payload fit: its repo, commit and discussion exist.
	Adapt(p *hub.Payload) error
	// Renew makes the repo of a payload new, as if the handler had never seen it.
	Renew(repo hub.Repo) error
	// Account is the id of the handler's own account.
	Account() string
	// Writes returns what the handler has written so far, an entry for each call. With
	// wait it does when the handler has made no call for a moment.
	Writes(ctx context.Context, wait bool) []string
}

// Config configures a run.
type Config struct {
	Target *receiver.HTTPTarget
	Secret string
	Checks []Check  // all of them if nil; see Select
	Repo   hub.Repo // that payloads are about; model:me/my-model if empty
	Text   string   // of comments; a standard text if empty

	Timeout time.Duration // for one answer; 10 s if 0
	// Busy is how long a handler that let a delivery time out may take to answer
	// anything again; 30 s if 0.
	Busy time.Duration
	// Pieces is the pause between the pieces of a slow body; 500 ms if 0.
	Pieces time.Duration
	// Back is how long a handler that went down may take to be back by itself; 3 s if 0.
	Back time.Duration
	Seed uint64 // of payloads and ids; from the clock if 0

	World World // nil: the handler works with whatever it works with
	// Restart starts the handler again that went down. nil: it may come back by itself.
	Restart func(ctx context.Context) error
	// AppOutput returns what the app has written since it was called last. nil: nothing.
	AppOutput func() []string

	Progress func(n, of int, name string) // called before each check; may be nil
	Report   func(Result) error           // called with each result when it is final, in the order of Checks
}

// Count is how many checks ended with each status.
type Count map[Status]int
