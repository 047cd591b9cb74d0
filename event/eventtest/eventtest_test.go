package eventtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/eventtest"
	"github.com/hf-tap/hf-tap/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAllHasEachKindOfEachTypeOnceInEachForm(t *testing.T) {
	seen := map[string]bool{}
	kinds := map[hub.RepoType]map[event.Kind]bool{}
	for _, d := range eventtest.All() {
		if seen[d.String()] {
			t.Errorf("%s is there twice", d)
		}
		seen[d.String()] = true
		if kinds[d.Repo.Type] == nil {
			kinds[d.Repo.Type] = map[event.Kind]bool{}
		}
		kinds[d.Repo.Type][d.Kind] = true
		body, err := d.Payload()
		if err != nil || !json.Valid(body) || event.MakeKind(hub.ParseHead(body).Scope, hub.ParseHead(body).Action) != d.Kind {
			t.Errorf("%s: %.200s, %v", d, body, err)
		}
	}
	for _, typ := range hub.RepoTypes() {
		if len(kinds[typ]) != len(event.KindsOf(typ)) {
			t.Errorf("a %s has the kinds %v", typ, kinds[typ])
		}
	}
}

func TestADeliveryIsWhatTheHubSends(t *testing.T) {
	got := make(chan *http.Request, 1)
	bodies := make(chan string, 1)
	hook := eventtest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r
		bodies <- string(body)
		w.Header().Set("X-Said", "yes")
		w.WriteHeader(http.StatusAccepted)
	}))
	defer hook.Close()
	send := func(d eventtest.Delivery) (http.Header, string) {
		t.Helper()
		answer, err := hook.Send(t.Context(), d)
		if err != nil || answer.Status != http.StatusAccepted || !answer.OK() || answer.Header.Get("X-Said") != "yes" {
			t.Fatalf("answered %+v, %v", answer, err)
		}
		return (<-got).Header, <-bodies
	}
	first, body := send(eventtest.Delivery{})
	if first.Get("X-Webhook-Secret") != eventtest.Secret || first.Get("Content-Type") != "application/json" || len(first.Get("Webhook-Id")) < 16 {
		t.Errorf("the headers are %v", first)
	}
	if !strings.Contains(body, `"name":"me/my-model"`) || !strings.Contains(body, `"scope":"repo"`) {
		t.Errorf("the body is %s", body)
	}
	if second, again := send(eventtest.Delivery{}); second.Get("Webhook-Id") == first.Get("Webhook-Id") || again != body {
		t.Errorf("a second one is %v, %s", second, again)
	}
	if h, _ := send(eventtest.Delivery{ID: "one"}); h.Get("Webhook-Id") != "one" {
		t.Errorf("its id is %q", h.Get("Webhook-Id"))
	}
	if h, _ := send(eventtest.Delivery{Header: http.Header{"X-Webhook-Secret": nil, "x-more": {"1", "2"}}}); h["X-Webhook-Secret"] != nil || len(h["X-More"]) != 2 {
		t.Errorf("the headers are %v", h)
	}
	if _, body := send(eventtest.Delivery{Body: []byte("not JSON")}); body != "not JSON" {
		t.Errorf("the body is %q", body)
	}
	if _, other := send(eventtest.Delivery{Seed: 2}); other == body {
		t.Error("another seed gives the same")
	}
}

func TestWhatCannotBeSentIsAnError(t *testing.T) {
	hook := eventtest.NewServer(http.RedirectHandler("https://example.com/", http.StatusTemporaryRedirect))
	bucket := eventtest.Delivery{Kind: event.KindDiscussionCreate, Repo: hub.Repo{Type: hub.RepoTypeBucket, Name: "me/b"}}
	if _, err := hook.Send(t.Context(), bucket); err == nil || !strings.Contains(err.Error(), "no discussion.create for a bucket") {
		t.Errorf("a discussion of a bucket: %v", err)
	}
	if answer, err := hook.Send(t.Context(), eventtest.Delivery{}); err != nil || answer.Status != http.StatusTemporaryRedirect {
		t.Errorf("a redirect is followed: %+v, %v", answer, err)
	}
	hook.Close()
	if _, err := hook.Send(t.Context(), eventtest.Delivery{}); err == nil || !strings.Contains(err.Error(), "repo.update of model:me/my-model") {
		t.Errorf("a handler that is down: %v", err)
	}
	if _, err := url.Parse(hook.URL); err != nil {
		t.Error(err)
	}
}
