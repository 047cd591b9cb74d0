package session

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	cloudflaredtest "github.com/hf-tap/hf-tap/internal/testserver/cloudflared"
	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tunnel"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	cloudflaredtest.Main()
	goleak.VerifyTestMain(m, ngroktest.IgnoreLingering()...)
}

const webhooksPath = "/api/settings/webhooks"

// world is a stand-in Hub with the user "me", and a state folder.
type world struct {
	*sandbox.Hub
	t        *testing.T
	endpoint string
	token    string
	dir      Dir
}

func newWorld(t *testing.T, cfg sandbox.Config) *world {
	t.Helper()
	w := &world{Hub: sandbox.New(cfg), t: t, dir: Dir(filepath.Join(t.TempDir(), "state"))}
	t.Cleanup(w.Close)
	var err error
	if w.endpoint, err = w.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.AddUser("me"), w.AddRepo(hub.Repo{Type: "model", Name: "me/m"}, false)); err != nil {
		t.Fatal(err)
	}
	w.token = w.newToken("me", sandbox.Token{})
	return w
}

func (w *world) newToken(user string, t sandbox.Token) string {
	w.t.Helper()
	token, err := w.AddToken(user, t)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func (w *world) client(token string) *hub.Client {
	client, err := hub.NewClient(hub.ClientConfig{Endpoint: w.endpoint, Token: token, Retries: -1})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	return client
}

func (w *world) config() Config {
	return Config{
		Dir: w.dir, Endpoint: w.endpoint, Hub: w.client(w.token), Secret: "s3cret",
		Tunnel: TunnelConfig{HubURL: w.endpoint},
		Times:  Times{Drain: time.Second},
	}
}

// front is a front end that a test drives.
type front struct {
	up   chan *Live
	end  chan error
	last func(*Live)
}

func newFront() *front { return &front{up: make(chan *Live, 1), end: make(chan error, 1)} }

func (f *front) Run(ctx context.Context, live *Live) error {
	f.up <- live
	select {
	case err := <-f.end:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *front) Last(_ context.Context, live *Live) error {
	if f.last != nil {
		f.last(live)
	}
	return nil
}

// running is a session that a test has started.
type running struct {
	t      *testing.T
	front  *front
	cancel context.CancelFunc
	done   chan struct{}
	sum    Summary
	err    error
}

func (w *world) start(cfg Config) *running {
	ctx, cancel := context.WithCancel(w.t.Context())
	r := &running{t: w.t, front: newFront(), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.sum, r.err = Run(ctx, cfg, r.front)
	}()
	w.t.Cleanup(func() { cancel(); <-r.done })
	return r
}

// live waits until the session is up.
func (r *running) live() *Live {
	r.t.Helper()
	select {
	case live := <-r.front.up:
		return live
	case <-r.done:
		r.t.Fatalf("the session ended before it was up: %v", r.err)
		return nil
	}
}

func (r *running) stop() Summary {
	r.t.Helper()
	r.cancel()
	<-r.done
	if r.err != nil {
		r.t.Errorf("the session ended with %v", r.err)
	}
	return r.sum
}

// state waits for a state of the feed.
func (r *running) state(live *Live, subject event.Subject, state string) event.State {
	r.t.Helper()
	return r.states(live, subject, state, 1)
}

// states waits until a state was told so many times.
func (r *running) states(live *Live, subject event.Subject, state string, times int) event.State {
	r.t.Helper()
	feed := live.store.Follow(live.ID)
	defer feed.Close()
	for {
		changes, err := feed.Read(r.t.Context(), 1000)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, c := range changes {
			if c.State == nil || c.State.Subject != subject || c.State.State != state {
				continue
			}
			if times--; times == 0 {
				return *c.State
			}
		}
		select {
		case <-feed.Wake():
		case <-r.done:
			r.t.Fatalf("the session ended (%v) without the state %s %s", r.err, subject, state)
		}
	}
}

// nothingLeft checks the promise: no webhook, no record, no lock.
func (w *world) nothingLeft() {
	w.t.Helper()
	if left := w.Webhooks("me"); len(left) > 0 {
		w.t.Errorf("left on the account: %+v", left)
	}
	records, damaged, err := w.dir.records()
	if err != nil || len(records)+len(damaged) > 0 {
		w.t.Errorf("left in the state folder: %v, %v, %v", records, damaged, err)
	}
}

func TestASessionMakesAWebhookAndDeletesIt(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	r := w.start(w.config())
	live := r.live()
	hooks := w.Webhooks("me")
	if len(hooks) != 1 || hooks[0].URL != live.URL() || hooks[0].ID != live.Webhook() {
		t.Fatalf("the webhook is %+v, the session at %s", hooks, live.URL())
	}
	if secret, _ := w.Secret(live.Webhook()); secret != "s3cret" {
		t.Errorf("it carries the secret %q", secret)
	}
	if got := hooks[0].Watched; len(got) != 1 || got[0].String() != "user:me" {
		t.Errorf("it watches %v, not the token's user", got)
	}
	records, _, err := w.dir.records()
	if err != nil || len(records) != 1 || records[0].Webhook != live.Webhook() || records[0].URL() != live.URL() {
		t.Errorf("the record is %+v, %v", records, err)
	}
	if sum := r.stop(); !slices.Equal(sum.Deleted, []string{live.Webhook()}) || sum.Left != "" {
		t.Errorf("the summary is %+v", sum)
	}
	w.nothingLeft()
}

func TestDeliveriesAreRecordedAnsweredAndHandedOver(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	got := make(chan string, 10)
	cfg := w.config()
	cfg.Receiver.Routes = []receiver.Route{{Target: receiver.FuncTarget("app", func(_ context.Context, e *event.Event) error {
		got <- string(e.Kind)
		return nil
	})}}
	r := w.start(cfg)
	r.live()
	if _, err := w.Happen("discussion.create", hub.Repo{Type: "model", Name: "me/m"}, nil); err != nil {
		t.Fatal(err)
	}
	if kind := <-got; kind != "discussion.create" {
		t.Errorf("the target got %s", kind)
	}
	if err := w.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sum := r.stop(); sum.Kept != 1 || sum.Pending != 0 || sum.Failed != 0 {
		t.Errorf("the summary is %+v", sum)
	}
}

func TestATokenThatIsTooSmallStopsBeforeAnythingIsOpened(t *testing.T) {
	for name, token := range map[string]sandbox.Token{
		"read":               {Role: sandbox.RoleRead},
		"fine-grained, none": {Role: sandbox.RoleFineGrained},
		"fine-grained, read": {Role: sandbox.RoleFineGrained, Permissions: []string{sandbox.WebhooksRead}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sandbox.Config{})
			cfg := w.config()
			cfg.Hub = w.client(w.newToken("me", token))
			_, err := Run(t.Context(), cfg, newFront())
			var small *TokenError
			if !errors.As(err, &small) || small.User != "me" {
				t.Errorf("got %v", err)
			}
			if n := w.CallCount("* " + webhooksPath); n != 0 {
				t.Errorf("the webhooks API was called %d times", n)
			}
		})
	}
}

func TestAWrongTokenStops(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	cfg := w.config()
	cfg.Hub = w.client("hf_wrong")
	if _, err := Run(t.Context(), cfg, newFront()); !errors.Is(err, hub.ErrUnauthorized) {
		t.Errorf("got %v", err)
	}
	w.nothingLeft()
}

func TestARefusedCreateLeavesNothing(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	cfg := w.config()
	cfg.Watches = []hub.Watch{{Type: "model", Name: "nobody/nothing"}}
	if _, err := Run(t.Context(), cfg, newFront()); !errors.Is(err, hub.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	w.nothingLeft()
}

func TestACreateWhoseAnswerIsLostIsFoundByItsToken(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.Fault("POST "+webhooksPath, sandbox.Fault{When: sandbox.After, Times: 1, Drop: true})
	r := w.start(w.config())
	live := r.live()
	if hooks := w.Webhooks("me"); len(hooks) != 1 || hooks[0].ID != live.Webhook() {
		t.Errorf("the Hub has %+v, the session %q", hooks, live.Webhook())
	}
	r.stop()
	w.nothingLeft()
}

func TestACreateThatIsNeverAnsweredIsDeletedByTheNextStart(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	w.Fault("POST "+webhooksPath, sandbox.Fault{When: sandbox.After, Times: 1, Drop: true})
	listFails := w.Fault("GET "+webhooksPath, sandbox.Fault{Status: http.StatusBadGateway})
	sum, err := Run(t.Context(), w.config(), newFront())
	if err == nil || !sum.Doubt {
		t.Errorf("got %v and %+v", err, sum)
	}
	if len(w.Webhooks("me")) != 1 {
		t.Fatal("the create was not carried out")
	}
	listFails()
	r := w.start(w.config())
	live := r.live()
	if hooks := w.Webhooks("me"); len(hooks) != 1 || hooks[0].ID != live.Webhook() {
		t.Errorf("the Hub has %+v", hooks)
	}
	r.stop()
	w.nothingLeft()
}

func TestWhatHappensToTheWebhookBehindOurBackIsPutRight(t *testing.T) {
	for name, c := range map[string]struct {
		harm  func(w *world, id string) error
		state string
	}{
		"suspended": {func(w *world, id string) error { return w.SuspendWebhook(id) }, "enabled"},
		"disabled":  {func(w *world, id string) error { return w.DisableWebhook(id) }, "enabled"},
		"deleted":   {func(w *world, id string) error { return w.RemoveWebhook(id) }, "made again"},
		"re-pointed": {func(w *world, id string) error {
			_, err := w.client(w.token).UpdateWebhook(w.t.Context(), id, hub.WebhookSpec{
				URL: "https://elsewhere.example", Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{"repo"}})
			return err
		}, "re-pointed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sandbox.Config{})
			cfg := w.config()
			cfg.Times.Tend = 5 * time.Millisecond
			r := w.start(cfg)
			live := r.live()
			if err := c.harm(w, live.Webhook()); err != nil {
				t.Fatal(err)
			}
			s := r.state(live, event.SubjectWebhook, c.state)
			hooks := w.Webhooks("me")
			if len(hooks) != 1 || hooks[0].ID != s.Name || hooks[0].URL != live.URL() || hooks[0].State != hub.StateEnabled {
				t.Errorf("after %+v the Hub has %+v", s, hooks)
			}
			// An update without the secret would have cleared it.
			if secret, _ := w.Secret(hooks[0].ID); secret != "s3cret" {
				t.Errorf("it carries the secret %q", secret)
			}
			r.stop()
			w.nothingLeft()
		})
	}
}

func TestAHubThatIsAwayIsToldOnceAndThenItsReturn(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	cfg := w.config()
	cfg.Times.Tend = 5 * time.Millisecond
	r := w.start(cfg)
	live := r.live()
	back := w.Fault("GET "+webhooksPath+"/*", sandbox.Fault{Status: http.StatusServiceUnavailable})
	r.state(live, event.SubjectWebhook, "unknown")
	back()
	r.state(live, event.SubjectWebhook, "known again")
	r.stop()
	w.nothingLeft()
}

func TestMutedWebhooksAreEnabledAgainIfTheyWereEnabled(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	client := w.client(w.token)
	var ids []string
	for range 2 {
		h, err := client.CreateWebhook(t.Context(), hub.WebhookSpec{URL: "https://app.example/hook", Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{"repo"}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, h.ID)
	}
	on, off := ids[0], ids[1]
	if err := w.DisableWebhook(off); err != nil {
		t.Fatal(err)
	}
	cfg := w.config()
	cfg.Mute = ids
	cfg.Like = on
	r := w.start(cfg)
	live := r.live()
	if !slices.Equal(live.Domains, []hub.Domain{"repo"}) {
		t.Errorf("domains %v are not those of the webhook it is like", live.Domains)
	}
	for _, h := range w.Webhooks("me") {
		if (h.State != hub.StateEnabled) != slices.Contains(ids, h.ID) {
			t.Errorf("meanwhile %s is disabled: %q", h.ID, h.State)
		}
	}
	if sum := r.stop(); !slices.Equal(sum.Enabled, []string{on}) {
		t.Errorf("the summary is %+v", sum)
	}
	for _, h := range w.Webhooks("me") {
		if (h.State == hub.StateEnabled) != (h.ID == on) {
			t.Errorf("afterwards %s is disabled: %q", h.ID, h.State)
		}
	}
}

func TestAPanicTakesTheOrdinaryRoad(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	_, err := Run(t.Context(), w.config(), panicking{})
	if err == nil || !strings.Contains(err.Error(), "the screen broke") {
		t.Errorf("got %v", err)
	}
	if w.CallCount("POST "+webhooksPath) != 1 {
		t.Error("there was no webhook to delete")
	}
	w.nothingLeft()
}

func TestAPanicInATargetsGoroutineTakesTheOrdinaryRoad(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	cfg := w.config()
	cfg.Times.Drain = time.Millisecond // the event stays unsettled
	cfg.Receiver.Routes = []receiver.Route{{Target: broken{}}}
	r := w.start(cfg)
	r.live()
	if _, err := w.Happen("repo.update", hub.Repo{Type: "model", Name: "me/m"}, nil); err != nil {
		t.Fatal(err)
	}
	<-r.done
	if r.err == nil || !strings.Contains(r.err.Error(), "the target broke") || r.sum.Pending != 1 {
		t.Errorf("got %v and %+v", r.err, r.sum)
	}
	w.nothingLeft()
}

func TestAPanicAtTheVeryEndIsAnErrorToo(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	r := w.start(w.config())
	r.front.last = func(*Live) { panic("the last line broke") }
	r.live()
	r.cancel()
	<-r.done
	if r.err == nil || !strings.Contains(r.err.Error(), "the last line broke") {
		t.Errorf("got %v", r.err)
	}
	w.nothingLeft()
}

type broken struct{ receiver.Target }

func (broken) Name() string { return "broken" }
func (broken) Try(context.Context, *event.Event) (event.Attempt, receiver.Outcome) {
	panic("the target broke")
}

type panicking struct{}

func (panicking) Run(context.Context, *Live) error  { panic("the screen broke") }
func (panicking) Last(context.Context, *Live) error { return nil }

func TestASignalAtAnyCallLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		pattern string
		when    sandbox.When
	}{
		{"GET /api/whoami-v2", sandbox.Before},
		{"GET /api/whoami-v2", sandbox.After},
		{"POST " + webhooksPath, sandbox.Before},
		{"POST " + webhooksPath, sandbox.After},
		{"GET " + webhooksPath + "/*", sandbox.Before},
		{"DELETE " + webhooksPath + "/*", sandbox.Before},
		{"DELETE " + webhooksPath + "/*", sandbox.After},
	} {
		t.Run(c.pattern+map[sandbox.When]string{sandbox.Before: " before", sandbox.After: " after"}[c.when], func(t *testing.T) {
			w := newWorld(t, sandbox.Config{})
			hold := w.Hold(c.pattern, c.when)
			r := w.start(w.config())
			if strings.HasPrefix(c.pattern, "DELETE") {
				r.live()
				r.cancel()
			}
			<-hold.Reached()
			r.cancel()
			hold.Release()
			r.stop()
			w.nothingLeft()
		})
	}
}

func TestADeleteThatFailsIsToldAndLeftToTheNextStart(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	r := w.start(w.config())
	live := r.live()
	heal := w.Fault("DELETE "+webhooksPath+"/*", sandbox.Fault{Status: http.StatusForbidden})
	r.cancel()
	<-r.done
	if r.err == nil || r.sum.Left != live.Webhook() {
		t.Errorf("got %v and %+v", r.err, r.sum)
	}
	heal()
	swept, err := Sweep(t.Context(), w.dir, w.client(w.token), w.endpoint, "me")
	if err != nil || !slices.Equal(swept.Deleted, []string{live.Webhook()}) {
		t.Errorf("the sweep: %+v, %v", swept, err)
	}
	w.nothingLeft()
}

func TestEventsThatADeadSessionNeverHandedOverArePending(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	if err := w.dir.Make(); err != nil {
		t.Fatal(err)
	}
	store, err := history.Open(t.Context(), w.dir.History())
	if err != nil {
		t.Fatal(err)
	}
	e := &event.Event{Session: "dead", Phase: event.PhaseOpen, Verdict: event.VerdictOK, Targets: []string{"http://127.0.0.1:1"}, ReceivedAt: time.Now()}
	err = errors.Join(store.StartSession(t.Context(), history.Session{ID: "dead", StartedAt: time.Now()}), store.Append(t.Context(), e), store.Close())
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 10)
	cfg := w.config()
	cfg.Tell = func(line string) { told <- line }
	r := w.start(cfg)
	r.live()
	if line := <-told; line != "1 event may not have been handed over: hf-tap events replay --pending, or events dismiss --pending" {
		t.Errorf("told %q", line)
	}
	r.stop()
}

func TestAStrangerAtThePublicAddressIsAnErrorAndNothingIsMade(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	cfg := w.config()
	// The stand-in Hub itself answers there, as a gateway without the tunnel would.
	cfg.Tunnel.PublicURL = w.endpoint
	cfg.Times.Verify = 20 * time.Millisecond
	_, err := Run(t.Context(), cfg, newFront())
	var wrong *tunnel.WrongAnswerError
	if !errors.As(err, &wrong) {
		t.Errorf("got %v", err)
	}
	if w.CallCount("POST "+webhooksPath) != 0 {
		t.Error("a webhook was made")
	}
	w.nothingLeft()
}

func TestWithoutAWebhookNoHubIsAsked(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	cfg := w.config()
	cfg.Hub, cfg.NoWebhook = nil, true
	r := w.start(cfg)
	live := r.live()
	at, err := LiveAt(w.dir)
	if err != nil || at[live.ID].URL == "" || at[live.ID].Key == "" {
		t.Errorf("callers on this machine find %v, %v", at, err)
	}
	r.stop()
	if calls := w.Calls(); len(calls) != 0 {
		t.Errorf("the Hub was asked: %v", calls)
	}
	w.nothingLeft()
}
