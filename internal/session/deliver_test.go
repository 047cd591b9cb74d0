package session

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/receiver"
)

// handler is an app that tells what it got.
func handler(t *testing.T) (url string, got chan string) {
	t.Helper()
	got = make(chan string, 16)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		got <- fmt.Sprintf("%s secret=%s id=%s %s", req.URL.Path, req.Header.Get("X-Webhook-Secret"), req.Header.Get("Webhook-Id"), body)
	}))
	t.Cleanup(app.Close)
	return app.URL, got
}

func TestAFrontEndReplaysSendsAndTriggers(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	url, got := handler(t)
	other, otherGot := handler(t)
	cfg := w.config()
	for _, s := range []string{url + "/hook", "default=" + other + "/other"} {
		route, err := receiver.ParseRoute(s)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Receiver.Routes = append(cfg.Receiver.Routes, route)
	}
	r := w.start(cfg)
	live := r.live()
	n := live.await(t, live.must(t, "repo.update"))
	first := <-got

	again := live.await(t, sent(live.Replay(t.Context(), n, Again{})))
	if second := <-got; second != first {
		t.Errorf("the replay is\n%s, and the event was\n%s", second, first)
	}
	if e := live.event(t, again); e.ReplayOf != n || e.Source != event.SourceReplay {
		t.Errorf("the replay is recorded as %+v", e)
	}

	live.await(t, sent(live.Replay(t.Context(), n, Again{Targets: []string{other + "/other"}})))
	if moved := <-otherGot; strings.Replace(moved, "/other", "/hook", 1) != first {
		t.Errorf("the other target got %s", moved)
	}

	edited := &event.Event{ReplayOf: n, Method: http.MethodPost, Path: "/x", Header: http.Header{"Webhook-Id": {"mine"}, "Connection": {"close"}}, Body: []byte("{broken")}
	live.await(t, sent(live.Send(t.Context(), edited, true)))
	if took := <-got; took != "/hook secret=s3cret id=mine {broken" {
		t.Errorf("what was edited arrived as %s", took)
	}
	unsigned := live.await(t, sent(live.Send(t.Context(), edited, false)))
	if e := live.event(t, unsigned); e.Verdict != event.VerdictMissing || len(e.Attempts) > 0 || e.Answer.Status != 0 {
		t.Errorf("without a secret: %+v", e)
	}
	if _, err := live.Replay(t.Context(), unsigned, Again{}); !errors.Is(err, ErrUntrusted) {
		t.Errorf("a stranger's event is sent again: %v", err)
	}
	changed := &event.Event{ReplayOf: unsigned, Edited: true, Method: http.MethodPost, Path: "/x", Header: http.Header{"X-Webhook-Secret": {"guess"}}, Body: []byte("{}")}
	if _, err := live.Send(t.Context(), changed, true); !errors.Is(err, ErrUntrusted) {
		t.Errorf("a stranger's event gets the right secret: %v", err)
	}
	kept := live.await(t, sent(live.Send(t.Context(), changed, false)))
	if e := live.event(t, kept); e.Verdict != event.VerdictWrong || len(e.Attempts) > 0 {
		t.Errorf("with the secret that it carries: %+v", e)
	}
	changed.ReplayOf = kept // of what was made from a stranger's
	if _, err := live.Send(t.Context(), changed, true); !errors.Is(err, ErrUntrusted) {
		t.Errorf("a stranger's event gets the right secret at the second time: %v", err)
	}
	if _, err := live.Trigger(t.Context(), "discussion.create", hub.Repo{Type: "bucket", Name: "me/b"}); err == nil {
		t.Error("a bucket has a discussion")
	}
	select {
	case extra := <-got:
		t.Errorf("somebody got %s, too", extra)
	default:
	}
}

func TestAnEventWhoseSenderWasRefusedIsNotSentAgain(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	url, got := handler(t)
	cfg := w.config()
	route, err := receiver.ParseRoute(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Receiver.Routes = []receiver.Route{route}
	cfg.Receiver.Limits.MaxBody = 10
	r := w.start(cfg)
	live := r.live()
	req, err := http.NewRequest(http.MethodPost, live.URL(), strings.NewReader("more than ten bytes"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Webhook-Secret", cfg.Secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %s", resp.Status)
	}
	if err := live.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := live.event(t, 1); !e.Refused() || e.Refusal() != "the body is too large" || e.Size != 19 || e.Phase != event.PhaseSettled || !e.Done() {
		t.Errorf("recorded as %+v", e)
	}
	if _, err := live.Replay(t.Context(), 1, Again{}); !errors.Is(err, ErrRefused) {
		t.Errorf("it is sent again: %v", err)
	}
	for name, q := range map[string]history.Query{"failed": {Failed: true}, "pending": {Pending: true}} {
		if n, err := live.store.Count(t.Context(), q); n != 0 || err != nil {
			t.Errorf("it counts as %s: %d %v", name, n, err)
		}
	}
	select {
	case took := <-got:
		t.Errorf("the target got %s", took)
	default:
	}
}

func TestEveryKindCanBeTriggered(t *testing.T) {
	w := newWorld(t, sandbox.Config{})
	url, got := handler(t)
	cfg := w.config()
	route, err := receiver.ParseRoute(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Receiver.Routes = []receiver.Route{route}
	live := w.start(cfg).live()
	for _, kind := range event.Kinds() {
		n := live.await(t, sent(live.Trigger(t.Context(), kind, hub.Repo{Type: "model", Name: "me/m"})))
		<-got
		e := live.event(t, n)
		if e.Kind != kind || e.Verdict != event.VerdictOK || e.Source != event.SourceTrigger || e.Repo.String() != "model:me/m" || e.WebhookID != live.Webhook() || !slices.ContainsFunc(e.Attempts, event.Attempt.OK) {
			t.Errorf("%s: recorded as %+v", kind, e)
		}
	}
}

func sent(s Sent, err error) func(*testing.T) Sent {
	return func(t *testing.T) Sent {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func (l *Live) must(t *testing.T, kind event.Kind) func(*testing.T) Sent {
	return sent(l.Trigger(t.Context(), kind, hub.Repo{Type: "model", Name: "me/m"}))
}

// await waits until what was sent is settled and stored.
func (l *Live) await(t *testing.T, made func(*testing.T) Sent) int64 {
	t.Helper()
	s := made(t)
	<-s.Settled
	if err := l.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.N
}

func (l *Live) event(t *testing.T, n int64) *event.Event {
	t.Helper()
	e, err := l.store.Get(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
