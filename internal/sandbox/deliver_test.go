package sandbox_test

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestAnEventIsPostedWithTheSecretAndAnId(t *testing.T) {
	p, a := open(t, sandbox.Config{}), startApp(t, nil)
	made := p.listen(a.URL+"/hook?x=1", model.Watch())
	p.must(p.UpdateRepo(model, "pytorch"))
	p.idle()
	got := a.arrivals()
	if len(got) != 1 {
		t.Fatalf("%d arrivals, want 1", len(got))
	}
	h := got[0].header
	if h.Get("X-Webhook-Secret") != "s3cret" || len(h.Get("Webhook-Id")) != 24 || h.Get("Content-Type") != "application/json" || h.Get("User-Agent") == "" {
		t.Errorf("the headers are %v", h)
	}
	if pl := got[0].payload; pl.Webhook.ID != made.ID || pl.Webhook.Version != 3 || pl.Repo.Name != "me/m" || !slices.Equal(pl.Repo.Tags, []string{"pytorch"}) {
		t.Errorf("the payload is %s", got[0].body)
	}
	after, err := p.client.GetWebhook(t.Context(), made.ID)
	p.must(err)
	if after.LastTrigger.IsZero() {
		t.Error("lastTriggerAt is not told")
	}
}

func TestWithoutASecretNoSecretIsSent(t *testing.T) {
	p, a := open(t, sandbox.Config{Modes: sandbox.Modes{ContentTypeCharset: true}}), startApp(t, nil)
	_, err := p.client.CreateWebhook(t.Context(), hub.WebhookSpec{URL: a.URL, Watched: []hub.Watch{model.Watch()}, Domains: []hub.Domain{"repo"}})
	p.must(err)
	p.must(p.UpdateRepo(model))
	p.idle()
	h := a.arrivals()[0].header
	if _, sent := h["X-Webhook-Secret"]; sent || h.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("the headers are %v", h)
	}
}

func TestAFailedDeliveryIsRetriedUnderTheSameId(t *testing.T) {
	answers := []func(int, http.ResponseWriter, *http.Request){
		status(500),
		func(_ int, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		},
		func(_ int, w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) },
		status(204),
	}
	p := open(t, sandbox.Config{Retries: quick(3), SuspendAfter: 1})
	a := startApp(t, func(n int, w http.ResponseWriter, r *http.Request) { answers[n-1](n, w, r) })
	made := p.listen(a.URL, model.Watch())
	p.must(p.UpdateRepo(model))
	p.idle()
	ids := map[string]bool{}
	bodies := map[string]bool{}
	for _, got := range a.arrivals() {
		ids[got.header.Get("Webhook-Id")], bodies[string(got.body)] = true, true
	}
	d := p.Deliveries()[0]
	if len(a.arrivals()) != 4 || len(ids) != 1 || len(bodies) != 1 || d.State != sandbox.DeliveryDelivered {
		t.Errorf("%d arrivals of %d ids and %d bodies; the delivery is %s", len(a.arrivals()), len(ids), len(bodies), d.State)
	}
	var statuses []int
	for _, attempt := range d.Attempts {
		statuses = append(statuses, attempt.Status)
		if (attempt.Status == 0) != (attempt.Err != "") {
			t.Errorf("attempt %d has the status %d and the error %q", attempt.N, attempt.Status, attempt.Err)
		}
	}
	if want := []int{500, 302, 0, 204}; !slices.Equal(statuses, want) {
		t.Errorf("the statuses are %v, want %v", statuses, want)
	}
	if p.Webhooks("me")[0].State != hub.StateEnabled {
		t.Errorf("%s is suspended though its delivery came through", made.ID)
	}
}

func TestAWebhookIsSuspendedAfterFailedDeliveriesInARow(t *testing.T) {
	p := open(t, sandbox.Config{Retries: quick(1), SuspendAfter: 2})
	a := startApp(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n != 3 { // two attempts fail, then one delivery comes through, then all fail
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	made := p.listen(a.URL, model.Watch())
	var states []hub.State
	for range 5 {
		p.must(p.UpdateRepo(model))
		p.idle()
		states = append(states, p.Webhooks("me")[0].State)
	}
	want := []hub.State{hub.StateEnabled, hub.StateEnabled, hub.StateEnabled, hub.StateSuspended, hub.StateSuspended}
	if !slices.Equal(states, want) {
		t.Errorf("disabled was %q, want %q", states, want)
	}
	if n := len(p.Deliveries()); n != 4 {
		t.Errorf("%d deliveries: a suspended webhook is still triggered", n)
	}
	_, err := p.client.EnableWebhook(t.Context(), made.ID)
	p.must(err)
	p.must(p.UpdateRepo(model))
	p.idle()
	if w := p.Webhooks("me")[0]; w.State != hub.StateEnabled {
		t.Errorf("one failure after it was enabled suspends it again: %q", w.State)
	}
}

func TestAnAnswerThatDoesNotComeInTimeIsAFailure(t *testing.T) {
	p := open(t, sandbox.Config{Timeout: time.Millisecond, Retries: []time.Duration{}})
	a := startApp(t, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	p.listen(a.URL, model.Watch())
	p.must(p.UpdateRepo(model))
	p.idle()
	d := p.Deliveries()[0]
	if d.State != sandbox.DeliveryFailed || len(d.Attempts) != 1 || !strings.Contains(d.Attempts[0].Err, "no answer within 1ms") {
		t.Errorf("the delivery is %+v", d)
	}
}

func TestAReplayGoesToThePresentURLAndSecretUnderTheSameId(t *testing.T) {
	p, a, b := open(t, sandbox.Config{}), startApp(t, nil), startApp(t, status(http.StatusTeapot))
	made := p.listen(a.URL, model.Watch())
	p.must(p.UpdateRepo(model))
	p.idle()
	_, err := p.client.UpdateWebhook(t.Context(), made.ID, hub.WebhookSpec{URL: b.URL, Watched: made.Watched, Domains: made.Domains, Secret: "new"})
	p.must(err)
	d := p.Deliveries()[0]
	_, text := p.call("POST", hooks+"/"+made.ID+"/replay/"+d.LogID, p.token, "")
	if text != `{"status":418}`+"\n" {
		t.Errorf("the replay answers %s", text)
	}
	first, again := a.arrivals()[0], b.arrivals()[0]
	if again.header.Get("Webhook-Id") != first.header.Get("Webhook-Id") || again.header.Get("X-Webhook-Secret") != "new" || string(again.body) != string(first.body) {
		t.Errorf("the replay came as %v", again.header)
	}
	if attempts := p.Deliveries()[0].Attempts; len(attempts) != 2 || !attempts[1].Replay || attempts[1].N != 2 {
		t.Errorf("the attempts are %+v", attempts)
	}
	if resp, _ := p.call("POST", hooks+"/"+made.ID+"/replay/"+d.ID, p.token, ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a replay of no log: got %d", resp.StatusCode)
	}
}

func TestARetryGoesToThePresentURLOrTheFirst(t *testing.T) {
	for _, first := range []bool{false, true} {
		p := open(t, sandbox.Config{Retries: quick(1), Modes: sandbox.Modes{RetryToFirstURL: first}})
		b := startApp(t, nil)
		var made hub.Webhook
		a := startApp(t, func(n int, w http.ResponseWriter, _ *http.Request) {
			if n > 1 {
				return
			}
			_, err := p.client.UpdateWebhook(context.Background(), made.ID, hub.WebhookSpec{URL: b.URL, Watched: made.Watched, Domains: made.Domains})
			if err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusBadGateway)
		})
		made = p.listen(a.URL, model.Watch())
		p.must(p.UpdateRepo(model))
		p.idle()
		if atFirst := len(a.arrivals()) == 2; atFirst != first || len(a.arrivals())+len(b.arrivals()) != 2 {
			t.Errorf("RetryToFirstURL %v: %d arrivals at the first URL, %d at the second", first, len(a.arrivals()), len(b.arrivals()))
		}
	}
}

func TestWhatWaitsForADeletedOrDisabledWebhookIsDropped(t *testing.T) {
	for name, stop := range map[string]func(*place, string) error{
		"deleted":  func(p *place, id string) error { return p.RemoveWebhook(id) },
		"disabled": func(p *place, id string) error { return p.DisableWebhook(id) },
	} {
		drops := make(chan string, 10)
		p := open(t, sandbox.Config{Retries: quick(5), Log: func(e sandbox.Entry) {
			if e.Type == sandbox.EntryDrop {
				drops <- e.Err
			}
		}})
		var id string
		a := startApp(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
			if err := stop(p, id); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusBadGateway)
		})
		id = p.listen(a.URL, model.Watch()).ID
		p.must(p.UpdateRepo(model))
		p.idle()
		if d := p.Deliveries()[0]; d.State != sandbox.DeliveryDropped || len(d.Attempts) != 1 {
			t.Errorf("%s: the delivery is %s after %d attempts", name, d.State, len(d.Attempts))
		}
		if why := <-drops; !strings.HasSuffix(why, name) {
			t.Errorf("%s: the log says %q", name, why)
		}
	}
}

func TestAWebhookIsTriggeredSoOftenIn24Hours(t *testing.T) {
	now := newClock()
	var mu sync.Mutex
	var drops []string
	p := open(t, sandbox.Config{MaxTriggers: 2, Now: now.read, Log: func(e sandbox.Entry) {
		mu.Lock()
		defer mu.Unlock()
		if e.Type == sandbox.EntryDrop {
			drops = append(drops, e.Err)
		}
	}})
	a := startApp(t, nil)
	p.listen(a.URL, model.Watch())
	for range 3 {
		p.must(p.UpdateRepo(model))
	}
	now.advance(24*time.Hour - 1)
	p.must(p.UpdateRepo(model))
	p.idle()
	if len(a.arrivals()) != 2 || len(drops) != 2 || !strings.Contains(drops[0], "2 triggers") {
		t.Errorf("%d arrivals, drops %q; want 2 and 2", len(a.arrivals()), drops)
	}
	now.advance(1)
	p.must(p.UpdateRepo(model))
	p.idle()
	if n := len(a.arrivals()); n != 3 {
		t.Errorf("%d arrivals a day later, want 3", n)
	}
}

func TestNothingIsDeliveredBeyondThisMachine(t *testing.T) {
	p := open(t, sandbox.Config{Retries: []time.Duration{}})
	for _, url := range []string{"http://192.0.2.1:9/", "http://[2001:db8::1]:9/", "http://0.0.0.0:9/"} {
		p.listen(url, model.Watch())
	}
	p.must(p.UpdateRepo(model))
	p.idle()
	for _, d := range p.Deliveries() {
		if a := d.Attempts[0]; !strings.Contains(a.Err, "not a loopback address") {
			t.Errorf("%s: %d %s", a.URL, a.Status, a.Err)
		}
	}
	if n := len(p.Deliveries()); n != 3 {
		t.Errorf("%d deliveries, want 3", n)
	}
}

// A proxy on this machine would be dialled, and carry the delivery off it. The
// test before this one runs again as a process of its own, as net/http reads
// the environment only once in a process.
func TestNothingIsDeliveredThroughAProxy(t *testing.T) {
	proxy := startApp(t, nil)
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingIsDeliveredBeyondThisMachine$", "-test.v")
	again.Env = append(os.Environ(), "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	out, err := again.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestNothingIsDeliveredBeyondThisMachine") {
		t.Errorf("%v:\n%s", err, out)
	}
	if n := len(proxy.arrivals()); n != 0 {
		t.Errorf("%d requests went through the proxy", n)
	}
}

func TestALoopbackReceiverMayBeAnHTTPSOne(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	p := open(t, sandbox.Config{RootCAs: roots, Modes: sandbox.Modes{RefuseHTTP: true}})
	p.listen(secure.URL, model.Watch())
	p.must(p.UpdateRepo(model))
	p.idle()
	if d := p.Deliveries()[0]; d.State != sandbox.DeliveryDelivered {
		t.Errorf("the delivery is %+v", d)
	}
}

// far is a connection that leads elsewhere than it seems.
type far struct{ net.Conn }

func (far) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }

func TestPublicNamesMayLeadToThisMachineAndNowhereElse(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	secure.StartTLS()
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	for _, astray := range []bool{false, true} {
		p := open(t, sandbox.Config{
			RootCAs: roots, Retries: []time.Duration{},
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				if address != "example.com:443" { // the name in httptest's certificate
					t.Errorf("%s is dialled", address)
				}
				conn, err := new(net.Dialer).DialContext(ctx, network, secure.Listener.Addr().String())
				if err == nil && astray {
					return far{conn}, nil
				}
				return conn, err
			},
		})
		p.listen("https://example.com/hook", model.Watch())
		p.must(p.UpdateRepo(model))
		p.idle()
		d := p.Deliveries()[0]
		if !astray && d.State != sandbox.DeliveryDelivered || astray && !strings.Contains(d.Attempts[0].Err, "not a loopback address") {
			t.Errorf("astray %v: the delivery is %+v", astray, d)
		}
	}
}

func TestAnErrorDoesNotTellTheURLWhichMayHoldASecret(t *testing.T) {
	p := open(t, sandbox.Config{Retries: []time.Duration{}})
	p.listen("http://127.0.0.1:1/?secret=hidden", model.Watch())
	p.must(p.UpdateRepo(model))
	p.idle()
	if a := p.Deliveries()[0].Attempts[0]; a.Err == "" || strings.Contains(a.Err, "hidden") {
		t.Errorf("the error is %q", a.Err)
	}
}
