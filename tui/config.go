package tui

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

// Config is what the interface shows and can do. Feed.Read, Feed.Wake and
// Status are needed; where another func is nil, the interface says that what it
// does is not to be had here.
type Config struct {
	Feed    Feed
	Status  func() Status // how things stand now; must not wait
	Actions Actions
	Repo    string   // "model:me/m": what to trigger events of while none is selected
	Editor  []string // a command and its arguments, to which a file's name is added; none: no editing

	// Secrets are the session's secret and the Hub's token, which nothing on the
	// screen shows. An event's own are not shown either.
	Secrets event.Secrets

	NoColor bool             // bold, faint and reverse only
	Now     func() time.Time // nil: time.Now
	Zone    *time.Location   // of the times on the screen, nil: the local one
	Log     *slog.Logger     // gets what the foot of the screen says; nil: none

	Input   io.Reader // nil: standard input
	Output  io.Writer // nil: standard output
	Environ []string  // nil: the process's
}

// Feed is where events come from.
type Feed struct {
	// Read returns what has changed since its last call, at most limit changes:
	// new events in the order of their numbers. One goroutine at a time calls it.
	Read func(ctx context.Context, limit int) ([]event.Change, error)
	// Wake holds one value as soon as Read, Status or App have something new.
	// When it is closed there is nothing to come.
	Wake <-chan struct{}
	// Get gives one event whole, with its body and those of its attempts.
	Get func(ctx context.Context, n int64) (*event.Event, error)
	// Older returns events with smaller numbers that a filter fits, of any
	// session, the newest first; fewer than limit when there are no more.
	Older func(ctx context.Context, filter *filter.Filter, before int64, limit int) ([]*event.Row, error)
	// App gives what the app under development wrote after a revision. Nil when
	// there is no such app.
	App func(ctx context.Context, rev int64, limit int) ([]AppLine, error)
}

// AppLine is a line that the app under development wrote.
type AppLine struct {
	Rev    int64
	At     time.Time
	Stderr bool
	Text   string
}

// Status is how things stand at one moment.
type Status struct {
	Provider string // of the tunnel
	URL      string // the public address
	Tunnel   Health
	Check    Check

	WebhookID  string   // empty when the user makes the webhook by hand
	Webhook    Health   // empty State: nothing to say
	Watches    []string // "model:me/m"
	Domains    []string
	Deliveries int // of this webhook, within the Hub's day

	Targets []TargetStatus
	Queued  int // events before their turn, those that wait among them
	Waiting int // events whose target is down

	Paused      bool
	PausedSince time.Time
	Fault       *Fault // nil: answers are right
	FaultLeft   int    // how many answers are still to be wrong, 0: without end
}

// Health is the state of one thing.
type Health struct {
	State string // a word: up, down, connecting, unverified, …
	Since time.Time
	Cause string
}

// Check is the last self-check through the public address.
type Check struct {
	At   time.Time // zero when there was none
	Took time.Duration
	Err  string
}

// TargetStatus is what a target did when it was last tried. Nothing asks it
// while no event is on its way to it, so that how it is now is not known.
type TargetStatus struct {
	Name   string
	At     time.Time // when it did what follows; zero: it was not tried yet
	Down   bool      // it could not be reached
	Status int       // what it answered; 0: no answer, or it was only looked whether it can be reached
	Err    string    // what went wrong
	Queued int
	Active int
}

// Actions are what the interface can do. Each returns a line for people about
// what came of it. They are called one at a time for each key, off the
// interface's own goroutine, and have to return when their context ends.
type Actions struct {
	// Replay sends events again.
	Replay func(ctx context.Context, r Replay) (string, error)
	// ReplayFailed sends all again that some target did not take.
	ReplayFailed func(ctx context.Context) (string, error)
	// Deliver sends an event that the user has edited.
	Deliver func(ctx context.Context, d Draft) (string, error)
	// Trigger makes up an event of a kind for a repo, "model:me/m".
	Trigger func(ctx context.Context, kind event.Kind, repo string) (string, error)
	// Pause stops or resumes handing over.
	Pause func(ctx context.Context, on bool) (string, error)
	// SetFault makes answers wrong; nil makes them right again.
	SetFault func(ctx context.Context, f *Fault) (string, error)
	// Pin keeps events at hand, or lets go of them.
	Pin func(ctx context.Context, numbers []int64, on bool) (string, error)
	// Save writes events to a file, whose name is in the line.
	Save func(ctx context.Context, numbers []int64, format Format) (string, error)
	// Open shows an address of the Hub in the browser. It comes from a payload:
	// the callee decides whether it is one.
	Open func(ctx context.Context, url string) (string, error)
	// Copy puts text into this machine's clipboard, besides what the terminal
	// is asked to do.
	Copy func(ctx context.Context, text string) error
}

// Replay is which events are sent again, and how.
type Replay struct {
	Numbers []int64
	Times   int    // each so many times
	Target  string // to this one; empty: to those that it had
	NewID   bool   // with a Webhook-Id of its own, for handlers that drop what they have seen
}

// Draft is an event as the user has edited it.
type Draft struct {
	Of         int64 // the event that was edited
	Method     string
	Path       string
	Header     http.Header
	Body       []byte
	Targets    []string // none: all that match
	KeepSecret bool     // send X-Webhook-Secret as it stands in Header instead of the right one
}

// Fault is a way to answer wrongly on purpose.
type Fault struct {
	Status int            // the answer, 0: the right one
	Delay  time.Duration  // before the answer
	Drop   bool           // no answer: the connection is closed
	Times  int            // how many answers, 0: all until it is cleared
	Filter *filter.Filter // which deliveries, nil: all
}

// Format is a form in which events are saved.
type Format string

// The formats.
const (
	FormatJSON    Format = "json"    // one document
	FormatNDJSON  Format = "ndjson"  // a line an event
	FormatFixture Format = "fixture" // the body alone, byte for byte
)
