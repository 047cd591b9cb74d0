package session

import (
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/frp/frptest"
)

func TestThousandDeliveriesSurviveTheEndOfGradiosServer(t *testing.T) {
	w := newWorld(t, sandbox.Config{MaxTriggers: -1, SuspendAfter: -1, Retries: []time.Duration{10 * time.Millisecond, 50 * time.Millisecond}})
	server, err := frptest.Start(frptest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	app := newSink(t)
	cfg := w.config()
	cfg.Receiver.Routes = app.route(t)
	cfg.Tunnel.Provider, cfg.Tunnel.GradioLookup = tunnel.Gradio, server.Lookup()
	cfg.Times.Tunnel = tunnel.KeeperTimes{Min: 10 * time.Millisecond, Max: 100 * time.Millisecond, Again: time.Second, Pause: 10 * time.Millisecond}
	r := w.start(cfg)
	live := r.live()
	before := live.URL()
	happen := func() {
		for range 500 {
			if _, err := w.Happen("repo.content.update", hub.Watch{Type: "model", Name: "me/m"}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	happen()
	server.Stop()
	r.state(live, event.SubjectTunnel, "away")
	server.Resume()
	r.states(live, event.SubjectTunnel, "up", 2) // the first was at the start
	if err := w.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if live.URL() != before {
		t.Errorf("the address was %s and is %s", before, live.URL())
	}
	afterwards := len(w.Deliveries())
	happen()
	if err := w.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.stop()
	w.nothingLeft()
	for i, d := range w.Deliveries() {
		ok := d.Attempts[len(d.Attempts)-1].OK()
		if i >= afterwards && !ok || ok && app.count(d.Body) == 0 {
			t.Errorf("delivery %d of %d is %s, and came %d times", i, len(w.Deliveries()), d.State, app.count(d.Body))
		}
	}
}
