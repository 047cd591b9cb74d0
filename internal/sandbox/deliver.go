package sandbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

const (
	// maxAttempts bounds the attempts under way at once, of all webhooks.
	maxAttempts = 32
	// unorderedWidth is how many events of one webhook are delivered at once
	// when order does not matter.
	unorderedWidth = 8
	// Of deliveries that are over, the newest are kept, up to both bounds.
	keptDeliveries = 10_000
	keptBytes      = 256 << 20
)

// Delivery is the delivery of one event to one webhook.
type Delivery struct {
	ID        string // the Webhook-Id header, the same in every attempt and replay
	LogID     string // what a replay names
	WebhookID string
	Kind      event.Kind
	Repo      hub.Repo
	Body      []byte // read only
	State     DeliveryState
	Attempts  []Attempt
}

// DeliveryState is the state of a delivery.
type DeliveryState string

// The states of deliveries.
const (
	DeliveryWaiting   DeliveryState = "waiting"   // for its first or next attempt
	DeliveryDelivered DeliveryState = "delivered" // answered with 2xx
	DeliveryFailed    DeliveryState = "failed"    // no attempt is left
	DeliveryDropped   DeliveryState = "dropped"   // its webhook was deleted, disabled or suspended since
	DeliveryJob       DeliveryState = "job"       // its webhook starts a Job, of which the sandbox keeps a record: see Jobs
)

// Attempt is one try to deliver.
type Attempt struct {
	N         int // 1 for the first; replays count on
	URL       string
	StartedAt time.Time
	Duration  time.Duration
	Status    int    // HTTP status, 0 when there was none
	Err       string // why there was none
	Replay    bool
}

// OK reports whether the attempt was answered with 2xx.
func (a Attempt) OK() bool { return a.Status >= 200 && a.Status < 300 }

// delivery is a Delivery with what it needs to go on.
type delivery struct {
	Delivery
	hook             *webhook
	firstURL, secret string    // of the webhook when the event happened
	retries          int       // pauses used up
	job              *jobStart // nil where the webhook calls a URL
}

// outbox holds all deliveries, and the timers of their retries. Hub.mu guards it.
type outbox struct {
	deliveries []*delivery // oldest first
	bytes      int         // of their bodies
	timers     map[*delivery]*time.Timer
	pending    int           // deliveries that wait or are under way
	idle       chan struct{} // closed while pending is 0
}

func newOutbox() outbox {
	idle := make(chan struct{})
	close(idle)
	return outbox{timers: map[*delivery]*time.Timer{}, idle: idle}
}

func tlsConfig(roots *x509.CertPool) *tls.Config { return &tls.Config{RootCAs: roots} }

// enqueue puts a new delivery on its way. The caller holds mu.
func (h *Hub) enqueue(d *delivery) {
	h.deliveries = append(h.deliveries, d)
	h.bytes += len(d.Body)
	h.forget()
	if d.hook.URL == "" {
		h.startJob(d)
		return
	}
	d.State = DeliveryWaiting
	if h.pending == 0 {
		h.idle = make(chan struct{})
	}
	h.pending++
	h.requeue(d)
}

// forget drops the oldest deliveries that are over when there are too many.
func (h *Hub) forget() {
	for len(h.deliveries) > keptDeliveries || h.bytes > keptBytes {
		i := slices.IndexFunc(h.deliveries, func(d *delivery) bool { return d.State != DeliveryWaiting && d.State != "" })
		if i < 0 {
			return
		}
		h.bytes -= len(h.deliveries[i].Body)
		h.deliveries = slices.Delete(h.deliveries, i, i+1)
	}
}

// requeue appends a delivery to the queue again. The caller holds mu.
func (h *Hub) requeue(d *delivery) {
	hook := d.hook
	hook.queue = append(hook.queue, d)
	width := 1
	if h.cfg.Unordered {
		width = unorderedWidth
	}
	if hook.workers < width && h.spawn(func() { h.empty(hook) }) {
		hook.workers++
	}
}

// empty makes the waiting attempts of a webhook's queue until the queue is empty.
func (h *Hub) empty(hook *webhook) {
	for {
		h.mu.Lock()
		if len(hook.queue) == 0 || h.closed {
			hook.workers--
			h.mu.Unlock()
			return
		}
		i := 0
		if h.cfg.Unordered {
			i = rand.IntN(len(hook.queue))
		}
		d := hook.queue[i]
		hook.queue = slices.Delete(hook.queue, i, i+1)
		why := hook.deaf()
		to, secret := hook.URL, hook.secret
		if h.cfg.Modes.RetryToFirstURL {
			to, secret = d.firstURL, d.secret
		}
		h.mu.Unlock()
		if why != "" {
			h.log(d.entry(EntryDrop, Attempt{Err: why}))
			h.finish(d, DeliveryDropped)
			continue
		}
		a := h.attempt(h.ctx, d, to, secret, false)
		h.settle(d, a)
	}
}

// deaf returns why a webhook gets no deliveries, "" if it gets them. The caller holds
// mu.
func (hook *webhook) deaf() string {
	switch {
	case hook.removed:
		return "the webhook was deleted"
	case hook.State == hub.StateDisabled:
		return "the webhook is disabled"
	case hook.State != hub.StateEnabled:
		return "the webhook is " + string(hook.State)
	case hook.URL == "":
		return "the webhook has no URL any more"
	}
	return ""
}

// attempt delivers once, records that and logs it.
func (h *Hub) attempt(ctx context.Context, d *delivery, to, secret string, replay bool) Attempt {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
	}
	a := Attempt{URL: to, Replay: replay, StartedAt: h.cfg.Now()}
	start := time.Now()
	var err error
	a.Status, err = h.post(ctx, d, to, secret)
	if err != nil {
		a.Err = err.Error()
	}
	a.Duration = time.Since(start)
	h.mu.Lock()
	a.N = len(d.Attempts) + 1
	d.Attempts = append(d.Attempts, a)
	h.mu.Unlock()
	h.log(d.entry(EntryAttempt, a))
	return a
}

// post sends a delivery and gives the status of the answer.
func (h *Hub) post(ctx context.Context, d *delivery, to, secret string) (int, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, h.cfg.Timeout, fmt.Errorf("no answer within %s", h.cfg.Timeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(d.Body))
	if err != nil {
		return 0, fmt.Errorf("delivering: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if h.cfg.Modes.ContentTypeCharset {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	// The User-Agent of the real Hub is not documented.
	req.Header.Set("User-Agent", "hf-tap-sandbox")
	req.Header.Set("Webhook-Id", d.ID)
	if secret != "" {
		req.Header.Set("X-Webhook-Secret", secret)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		// Without the URL around it, which may hold a secret.
		if outer := new(url.Error); errors.As(err, &outer) {
			err = outer.Err
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return 0, fmt.Errorf("delivering: %w", err)
	}
	// The status is all that counts; reading on lets the connection be reused.
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
	return resp.StatusCode, nil
}

// settle decides the next step after an attempt: nothing, a retry, or suspension of the
// webhook.
func (h *Hub) settle(d *delivery, a Attempt) {
	h.mu.Lock()
	switch {
	case a.OK():
		d.hook.failures = 0
		h.mu.Unlock()
		h.finish(d, DeliveryDelivered)
		return
	case h.closed:
		h.mu.Unlock()
		return
	case d.retries < len(h.cfg.Retries):
		pause := h.cfg.Retries[d.retries]
		d.retries++
		h.wg.Add(1)
		h.timers[d] = time.AfterFunc(pause, func() { h.retry(d) })
		h.mu.Unlock()
		return
	}
	d.hook.failures++
	suspended := d.hook.State == hub.StateEnabled && d.hook.failures >= h.cfg.SuspendAfter
	if suspended {
		d.hook.State = hub.StateSuspended
	}
	h.mu.Unlock()
	if suspended {
		h.log(Entry{Type: EntryDrop, WebhookID: d.WebhookID, Err: "the webhook is suspended: too many deliveries failed"})
	}
	h.finish(d, DeliveryFailed)
}

func (h *Hub) retry(d *delivery) {
	defer h.wg.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.timers, d)
	h.requeue(d)
}

// stopRetries stops the timers of retries; those that went off already are
// waited for like any goroutine. The caller holds mu.
func (h *Hub) stopRetries() {
	for d, timer := range h.timers {
		if timer.Stop() {
			delete(h.timers, d)
			h.wg.Done()
		}
	}
}

// finish ends a delivery. It comes after the last line about it in the log, so that
// the log is complete when Idle returns.
func (h *Hub) finish(d *delivery, state DeliveryState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.State = state
	if h.pending--; h.pending == 0 {
		close(h.idle)
	}
}

func (d *delivery) entry(t EntryType, a Attempt) Entry {
	return Entry{
		Type: t, Kind: d.Kind, WebhookID: d.WebhookID, Delivery: d.ID,
		Attempt: a.N, URL: a.URL, Status: a.Status, Duration: a.Duration, Err: a.Err, Replay: a.Replay,
	}
}

// replayDelivery answers POST …/replay/{logId}: one more attempt, with the webhook's
// current settings, whether it is enabled or not. The answer has the receiver's status,
// 0 if there was none.
func (h *Hub) replayDelivery(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	hook := h.webhookOf(r)
	if hook == nil {
		h.noWebhook(w)
		h.mu.Unlock()
		return
	}
	i := slices.IndexFunc(h.deliveries, func(d *delivery) bool { return d.hook == hook && d.LogID == r.PathValue("log") })
	if i < 0 || hook.URL == "" {
		h.fail(w, http.StatusNotFound, "", "Webhook log not found")
		h.mu.Unlock()
		return
	}
	d, to, secret := h.deliveries[i], hook.URL, hook.secret
	h.mu.Unlock()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()
	a := h.attempt(ctx, d, to, secret, true)
	answerJSON(w, http.StatusOK, map[string]any{"status": a.Status})
}

// Idle waits until no delivery is on its way and no retry is due. The error is the
// context's, or says that the Hub was closed.
func (h *Hub) Idle(ctx context.Context) error {
	h.mu.Lock()
	idle := h.idle
	h.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for deliveries to end: %w", ctx.Err())
	case <-h.ctx.Done():
		return errors.Join(errors.New("waiting for deliveries to end"), errClosed)
	}
}
