package sandbox

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Config configures a Hub. The zero value is a Hub that follows the docs, with new
// ids each time.
type Config struct {
	// Endpoint is the base of the URLs in payloads. When empty it is the address
	// of the first Start, and the real Hub's before and without that.
	Endpoint string
	// Seed makes all ids and texts the same from run to run; 0 takes a random
	// one, so that deliveries of two runs never share an id.
	Seed  uint64
	Modes Modes

	// Timeout ends an attempt to deliver; 10 s when 0.
	Timeout time.Duration
	// Retries are the pauses before the second, third, … attempt; DefaultRetries
	// when nil, no retry when empty.
	Retries []time.Duration
	// SuspendAfter is how many deliveries in a row have to fail, all their
	// attempts used up, for their webhook to be suspended; 5 when 0, never when
	// negative.
	SuspendAfter int
	// Unordered delivers the events of one webhook several at a time and in no
	// order, as the real Hub may. Else each waits for the first attempt of the
	// one before it; retries come later and wait for nothing.
	Unordered bool
	// MaxTriggers is how often a webhook is triggered in 24 h; 1,000 when 0, no
	// bound when negative. What comes on top is dropped.
	MaxTriggers int
	// MaxStored is how many bytes the files of all repos and their histories may
	// take; 512 MiB when 0, no bound when negative.
	MaxStored int
	// RootCAs verifies https receivers; the system's roots when nil.
	RootCAs *x509.CertPool
	// Dial connects to receivers instead of their addresses, so that public names
	// can lead to a server on loopback: to nothing else, as without it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// RateLimit is how many API calls an account has in 5 minutes; 1,000 when 0,
	// no bound when negative.
	RateLimit int
	// WhoamiLimit bounds whoami calls in the same way; no bound of its own when 0.
	WhoamiLimit int

	// Now is the clock of limits and of lastTriggerAt; time.Now when nil. It does
	// not drive the pauses between attempts.
	Now func() time.Time
	// Log is called for each API call, each attempt and each event that was not
	// delivered, one call at a time. It must not change anything in the Hub.
	Log func(Entry)
}

// DefaultRetries are the pauses between attempts of a Hub that was given none.
// The real Hub's are not documented.
var DefaultRetries = []time.Duration{time.Second, 5 * time.Second, 25 * time.Second}

// Entry is one line of the Hub's log.
type Entry struct {
	Time     time.Time
	Type     EntryType
	Method   string        // of a call
	Path     string        // of a call, without the query
	Status   int           // HTTP status answered or got; 0 if there was none
	Duration time.Duration // of the call or attempt
	Err      string        // why there is no status, or why the event was dropped

	Kind      event.Kind // what happened, for attempts and drops
	WebhookID string
	Delivery  string // the Webhook-Id
	Attempt   int    // 1 for the first
	URL       string // where to; it may hold a secret
	Replay    bool
}

// EntryType is the type of an Entry.
type EntryType string

// The types of entries.
const (
	EntryCall    EntryType = "call"    // an API call was answered
	EntryAttempt EntryType = "attempt" // an attempt to deliver ended
	EntryJob     EntryType = "job"     // an event has started a Job
	EntryDrop    EntryType = "drop"    // an event is not delivered, or no longer tried
)

// Hub is a stand-in Hub. It is an http.Handler; Start and Serve put it on a
// loopback address. All methods may be called from several goroutines.
type Hub struct {
	cfg    Config
	parts  event.Sampler // makes ids and the parts of payloads
	mux    *http.ServeMux
	client *http.Client
	slots  chan struct{} // bounds the attempts under way at once, of all webhooks

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // all goroutines; grows only under mu while not closed

	logMu sync.Mutex

	mu       sync.Mutex // guards all below
	closed   bool
	made     int // ids given out so far; makes the next one
	accounts map[string]*account
	tokens   map[string]*token
	webhooks []*webhook
	repos    map[string]*repo // by repoKey, under present and former names
	born     map[string]int   // how many repos had this name, by repoKey
	stored   int              // what the commits of all repos cost, in bytes
	windows  map[string]*window
	calls    map[string]int
	faults   []*fault
	holds    []*Hold
	outbox
}

// New makes a Hub without accounts and repos. Close ends it.
func New(cfg Config) *Hub {
	if cfg.Seed == 0 {
		var seed [8]byte
		rand.Read(seed[:]) // never fails
		cfg.Seed = binary.BigEndian.Uint64(seed[:])
	}
	cfg.Endpoint = strings.TrimSuffix(cfg.Endpoint, "/")
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Retries == nil {
		cfg.Retries = DefaultRetries
	}
	cfg.SuspendAfter = bound(cfg.SuspendAfter, 5)
	cfg.MaxTriggers = bound(cfg.MaxTriggers, 1000)
	cfg.MaxStored = bound(cfg.MaxStored, 512<<20)
	cfg.RateLimit = bound(cfg.RateLimit, 1000)
	cfg.WhoamiLimit = bound(cfg.WhoamiLimit, -1)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h := &Hub{
		cfg:      cfg,
		parts:    event.Sampler{Seed: cfg.Seed, Endpoint: cfg.Endpoint},
		client:   newClient(cfg),
		slots:    make(chan struct{}, maxAttempts),
		accounts: map[string]*account{},
		tokens:   map[string]*token{},
		repos:    map[string]*repo{},
		born:     map[string]int{},
		windows:  map[string]*window{},
		calls:    map[string]int{},
		outbox:   newOutbox(),
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.mux = h.routes()
	return h
}

// bound reads a limit of Config: 0 is the usual one, a negative one is none.
func bound(n, usual int) int {
	if n == 0 {
		n = usual
	}
	if n < 0 {
		return math.MaxInt
	}
	return n
}

// Close ends deliveries, held calls and the servers of Start and Serve, and
// waits for every goroutine. Deliveries that wait for a retry stay as they
// are. Closing twice is the same as once.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	h.cancel()
	h.stopRetries()
	h.mu.Unlock()
	h.wg.Wait()
	h.client.CloseIdleConnections()
}

// spawn runs a goroutine that Close waits for. The caller holds mu. It reports
// false when the Hub is closed.
func (h *Hub) spawn(run func()) bool {
	if h.closed {
		return false
	}
	h.wg.Go(run)
	return true
}

// nextID makes an id that was not given out before. The caller holds mu.
func (h *Hub) nextID(what string) string {
	h.made++
	return h.parts.ID(what, itoa(h.made))
}

func (h *Hub) log(e Entry) {
	if h.cfg.Log == nil {
		return
	}
	e.Time = h.cfg.Now()
	h.logMu.Lock()
	defer h.logMu.Unlock()
	h.cfg.Log(e)
}
