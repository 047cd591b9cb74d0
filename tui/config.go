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

// Config is what the interface shows and can do. Feed.Read, Feed.Wake and Status are
// needed. If another func is nil, the interface shows that its action is not available.
type Config struct {
	Feed    Feed
	Status  func() Status // the state of the session now; must not wait
	Actions Actions
	Repo    string   // "model:me/m": whose events are triggered while none is selected
	Editor  []string // a command and its arguments, before the name of a file; none: no editing

	Pager []string // a command and its arguments, before the name of a file; none: no pager
	Bell  bool     // the terminal's bell rings when an event fails

	// Secrets are the session's secret and the Hub's token. They are masked everywhere
	// on the screen, as the secrets of each event are.
	Secrets event.Secrets

	NoColor bool             // bold, faint and reverse only
	Now     func() time.Time // nil: time.Now
	Zone    *time.Location   // of times on the screen; nil: the local one
	Log     *slog.Logger     // gets the errors at the foot of the screen; nil: none

	Input   io.Reader // nil: standard input
	Output  io.Writer // nil: standard output
	Environ []string  // nil: the process's
}

// Feed is the source of events.
type Feed struct {
	// Read returns the changes since its last call, at most limit. New events are in the
	// order of their numbers. One goroutine at a time calls it.
	Read func(ctx context.Context, limit int) ([]event.Change, error)
	// Wake has one value when Read, Status or App have something new. It is closed when
	// nothing new will come.
	Wake <-chan struct{}
	// Get returns an event with its body and those of its attempts.
	Get func(ctx context.Context, n int64) (*event.Event, error)
	// Older returns events of any session that have smaller numbers and match a filter,
	// the newest first. Fewer than limit are the last ones.
	Older func(ctx context.Context, filter *filter.Filter, before int64, limit int) ([]*event.Row, error)
	// App returns the output of the app under development after a revision; nil: there
	// is no app.
	App func(ctx context.Context, rev int64, limit int) ([]AppLine, error)
}

// AppLine is a line of the output of the app under development.
type AppLine struct {
	Rev    int64
	At     time.Time
	Stderr bool
	// Text is what the app wrote. If it ends in "\r", the next line of the stream takes its
	// place: it is a state of a progress bar.
	Text string
}

// Status is the state of the session.
type Status struct {
	Provider string // of the tunnel
	URL      string // the public address
	Tunnel   Health
	Check    Check

	WebhookID  string   // empty: the user makes the webhook by hand
	Webhook    Health   // empty State: not known
	Watches    []string // "model:me/m"
	Domains    []string
	Deliveries int // of this webhook, within the Hub's day

	Targets []TargetStatus
	Queued  int // events that are not settled

	AppRuns    bool      // the app under development
	AppEnded   string    // how it ended, in words; empty while it runs
	AppEndedAt time.Time // when it ended

	Paused      bool
	PausedSince time.Time
	Fault       *Fault // nil: answers are right
	FaultLeft   int    // how many answers are still to be wrong; 0: all
}

// Health is the state of one thing.
type Health struct {
	State string // a word: up, down, connecting, unverified, …
	Since time.Time
	Cause string
}

// Check is the result of the last self-check through the public address.
type Check struct {
	At   time.Time // zero: there was none
	Took time.Duration
	Err  string
}

// TargetStatus is the last result of a target. Its state now is not known: a target is
// tried only when there is an event for it.
type TargetStatus struct {
	Name   string
	At     time.Time // when it was tried; zero: never
	Down   bool      // it could not be reached
	Status int       // of its answer; 0: none, or it was only connected to
	Err    string    // what went wrong
	Queued int
}

// Actions are what keys do. Each returns its result in words. They run in goroutines of
// their own, and return when their context ends.
type Actions struct {
	// Replay sends events again.
	Replay func(ctx context.Context, r Replay) (string, error)
	// ReplayFailed sends all events again that failed at some target.
	ReplayFailed func(ctx context.Context) (string, error)
	// Deliver sends an event that the user has edited.
	Deliver func(ctx context.Context, d Draft) (string, error)
	// Trigger makes a sample event of a kind for a repo, "model:me/m".
	Trigger func(ctx context.Context, kind event.Kind, repo string) (string, error)
	// Pause pauses or resumes delivery to targets.
	Pause func(ctx context.Context, on bool) (string, error)
	// SetFault makes answers wrong, or right again if f is nil.
	SetFault func(ctx context.Context, f *Fault) (string, error)
	// Pin pins events, or unpins them.
	Pin func(ctx context.Context, numbers []int64, on bool) (string, error)
	// Save writes events to a file, and returns its name in words.
	Save func(ctx context.Context, numbers []int64, format Format) (string, error)
	// SaveApp writes the output of the app to a file, and returns its name in words.
	SaveApp func(ctx context.Context, text string) (string, error)
	// RestartApp ends the app, if it runs, and starts it again.
	RestartApp func(ctx context.Context) (string, error)
	// Open opens an address in the browser. It comes from a payload: Open checks that it
	// is on the Hub.
	Open func(ctx context.Context, url string) (string, error)
	// Copy copies text to this machine's clipboard. The terminal is asked besides.
	Copy func(ctx context.Context, text string) error
}

// Replay is which events are sent again, and how.
type Replay struct {
	Numbers []int64
	Times   int    // how often each is sent
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
	Targets    []string // none: all whose routes match
	KeepSecret bool     // send X-Webhook-Secret as it is in Header, not the right one
}

// Fault is a way to answer wrongly on purpose.
type Fault struct {
	Status int            // of the answer; 0: the right one
	Delay  time.Duration  // before the answer
	Drop   bool           // no answer: the connection is closed
	Times  int            // how many answers; 0: all
	Filter *filter.Filter // which deliveries; nil: all
}

// Format is a file format for events.
type Format string

// The formats.
const (
	FormatJSON    Format = "json"    // one document
	FormatNDJSON  Format = "ndjson"  // a line an event
	FormatFixture Format = "fixture" // the body alone, byte for byte
)
