package session

import (
	"net/http"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	edgetest "github.com/hf-tap/hf-tap/internal/testserver/edge"
	"github.com/hf-tap/hf-tap/tunnel"
)

// outage is how a tunnel is lost in the middle of a session, and found again.
type outage struct {
	tunnel  TunnelConfig   // the Hub's address is filled in
	public  *edgetest.Edge // where public names lead to; nil: the address is this machine's
	suspend int            // after how many failures the Hub suspends the webhook; 0: never
	strike  func()         // ends what the tunnel hangs on
	mend    func()         // starts it again; nil: it needs no help
	moves   bool           // the tunnel has another address afterwards
	ended   func()         // looks at what is left when the session has ended; may be nil
}

// survive lets 500 deliveries happen, the outage in their middle, and when the
// tunnel is up again 500 more. Whatever the Hub was answered 200 for is at the
// app, byte for byte, and so is all that happened afterwards; the webhook points
// to where the session is; and nothing is left.
func (o outage) survive(t *testing.T) {
	t.Helper()
	if o.suspend == 0 {
		o.suspend = -1
	}
	box := sandbox.Config{
		MaxTriggers: -1, SuspendAfter: o.suspend,
		Retries: []time.Duration{10 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond},
	}
	var visitor *http.Transport
	if o.public != nil {
		visitor = o.public.Visitor()
		visitor.DisableKeepAlives = true
		box.RootCAs, box.Dial = o.public.CA(), visitor.DialContext
	}
	w := newWorld(t, box)
	app := newSink(t)
	cfg := w.config()
	cfg.Receiver.Routes = app.route(t)
	cfg.Tunnel = o.tunnel
	cfg.Tunnel.HubURL = w.endpoint
	cfg.Times.Again = 10 * time.Millisecond
	cfg.Times.Tunnel = tunnel.KeeperTimes{RetryMin: 10 * time.Millisecond, RetryMax: 100 * time.Millisecond, LaterCheck: time.Second, CheckPause: 10 * time.Millisecond}
	if visitor != nil {
		cfg.Public = &http.Client{Transport: visitor}
	}
	r := w.start(cfg)
	live := r.live()
	before := live.URL()
	w.pointsTo(live)
	happen := func() {
		t.Helper()
		for range 500 {
			if _, err := w.Happen("repo.content.update", hub.Repo{Type: "model", Name: "me/m"}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	happen()
	app.until(t, 100)
	o.strike()
	if o.mend != nil {
		r.state(live, event.SubjectTunnel, "away")
		o.mend()
	}
	if o.moves {
		r.state(live, event.SubjectWebhook, "re-pointed")
	} else {
		r.states(live, event.SubjectTunnel, "up", 2) // the first was at the start
	}
	if moved := live.URL() != before; moved != o.moves {
		t.Errorf("the session was at %s and is at %s", before, live.URL())
	}
	w.pointsTo(live)
	afterwards := len(w.Deliveries())
	happen()
	if err := w.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.pointsTo(live)
	r.stop()
	w.nothingLeft()
	if o.ended != nil {
		o.ended()
	}
	w.arrived(app, afterwards)
}

// publicEdge starts the public end of a service.
func publicEdge(t testing.TB, dial edgetest.Dial) *edgetest.Edge {
	t.Helper()
	e, err := edgetest.Start("127.0.0.1:0", dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// pointsTo checks that the webhook is enabled, and leads to the session with its
// secret.
func (w *world) pointsTo(live *Live) {
	w.t.Helper()
	hook := w.Webhooks("me")[0]
	if hook.URL != live.URL() || hook.State != hub.StateEnabled {
		w.t.Errorf("the webhook points to %s (disabled: %v), and the session is at %s", hook.URL, hook.State, live.URL())
	}
	if secret, _ := w.Secret(live.Webhook()); secret != "s3cret" {
		w.t.Errorf("the webhook carries the secret %q", secret)
	}
}

// arrived checks that what the Hub was answered 200 for is at the app, and all
// that happened from a delivery on.
func (w *world) arrived(app *sink, from int) {
	w.t.Helper()
	all := w.Deliveries()
	if len(all)-from < 500 {
		w.t.Errorf("%d deliveries were made, of them %d afterwards", len(all), len(all)-from)
	}
	for i, d := range all {
		last := d.Attempts[len(d.Attempts)-1]
		switch n := app.count(d.Body); {
		case i >= from && d.State != sandbox.DeliveryDelivered:
			w.t.Errorf("delivery %d, made afterwards, is %s: %+v", i, d.State, last)
		case last.OK() && n == 0:
			w.t.Errorf("delivery %d was answered %d and did not arrive", i, last.Status)
		}
	}
}
