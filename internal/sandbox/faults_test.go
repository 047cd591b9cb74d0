package sandbox_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestAFaultAnswersInPlaceOfTheHubSoManyTimes(t *testing.T) {
	p := open(t, sandbox.Config{})
	p.Fault("POST /api/settings/webhooks", sandbox.Fault{
		Times: 2, Status: 500, Body: "<html>", Header: http.Header{"Content-Type": {"text/html"}, "X-Amz-Cf-Id": {"abc"}},
	})
	const body = `{"watched":[{"type":"model","name":"me/m"}],"domains":["repo"],"url":"http://127.0.0.1:1/"}`
	for i, want := range []int{500, 500, 200} {
		resp, text := p.call("POST", hooks, p.token, body)
		if resp.StatusCode != want || want == 500 && (text != "<html>" || resp.Header.Get("Content-Type") != "text/html" || resp.Header.Get("X-Amz-Cf-Id") != "abc") {
			t.Errorf("call %d: got %d %s, want %d", i+1, resp.StatusCode, text, want)
		}
	}
	if n := len(p.Webhooks("me")); n != 1 {
		t.Errorf("%d webhooks were made, want 1", n)
	}
}

func TestAFaultOfAPatternHitsNothingElseAndEndsWhenItIsRemoved(t *testing.T) {
	p := open(t, sandbox.Config{})
	made := p.listen("http://127.0.0.1:1/", model.Watch())
	remove := p.Fault("* /api/settings/webhooks/*", sandbox.Fault{Status: 503})
	for _, tt := range []struct {
		method, path string
		want         int
	}{{"GET", hooks, 200}, {"GET", hooks + "/" + made.ID, 503}, {"DELETE", hooks + "/" + made.ID, 503}, {"POST", hooks + "/" + made.ID + "/enable", 200}} {
		if resp, _ := p.call(tt.method, tt.path, p.token, ""); resp.StatusCode != tt.want {
			t.Errorf("%s %s: got %d, want %d", tt.method, tt.path, resp.StatusCode, tt.want)
		}
	}
	remove()
	if resp, _ := p.call("GET", hooks+"/"+made.ID, p.token, ""); resp.StatusCode != 200 {
		t.Errorf("after the removal: got %d", resp.StatusCode)
	}
}

func TestAFaultAfterTheWorkHidesThatItWasDone(t *testing.T) {
	p := open(t, sandbox.Config{})
	p.Fault("POST /api/settings/webhooks", sandbox.Fault{When: sandbox.After, Times: 1, Drop: true})
	_, err := p.client.CreateWebhook(t.Context(), hub.WebhookSpec{URL: "http://127.0.0.1:1/", Watched: []hub.Watch{model.Watch()}, Domains: []hub.Domain{"repo"}})
	if !hub.OutcomeUnknown(err) || len(p.Webhooks("me")) != 1 {
		t.Errorf("the client has %v, and the Hub %d webhooks", err, len(p.Webhooks("me")))
	}
	p.Fault("DELETE /api/settings/webhooks/*", sandbox.Fault{When: sandbox.After, Times: 1, Status: 502, Body: "bad gateway"})
	if resp, text := p.call("DELETE", hooks+"/"+p.Webhooks("me")[0].ID, p.token, ""); resp.StatusCode != 502 || text != "bad gateway" || len(p.Webhooks("me")) != 0 {
		t.Errorf("got %d %s, %d webhooks", resp.StatusCode, text, len(p.Webhooks("me")))
	}
}

func TestAFaultWithoutAStatusAddsHeadersToTheRealAnswer(t *testing.T) {
	p := open(t, sandbox.Config{})
	p.Fault("GET /api/whoami-v2", sandbox.Fault{Delay: time.Nanosecond, Header: http.Header{"X-Hf-Warning": {"tokens; yours is old"}}})
	resp, text := p.call("GET", "/api/whoami-v2", p.token, "")
	if resp.StatusCode != 200 || resp.Header.Get("X-HF-Warning") != "tokens; yours is old" || !strings.Contains(text, `"name":"me"`) {
		t.Errorf("got %d %v %s", resp.StatusCode, resp.Header, text)
	}
}

func TestADelayEndsWhenTheClientGoes(t *testing.T) {
	calls := make(chan sandbox.Entry, 1)
	p := open(t, sandbox.Config{Log: func(e sandbox.Entry) { calls <- e }})
	p.Fault("GET /api/settings/webhooks", sandbox.Fault{Delay: time.Hour, Status: 200})
	hold := p.Hold("GET /api/settings/webhooks", sandbox.Before) // to know that the call is there
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := p.client.ListWebhooks(ctx)
		ended <- err
	}()
	<-hold.Reached()
	hold.Release()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the call ended with %v", err)
	}
	if e := <-calls; e.Duration >= time.Hour { // hangs, rather, if the delay goes on
		t.Errorf("the call took %v", e.Duration)
	}
}

func TestACallHeldBeforeItsWorkIsCarriedOutOnReleaseThoughItsClientIsGone(t *testing.T) {
	p := open(t, sandbox.Config{})
	hold := p.Hold("POST /api/settings/webhooks", sandbox.Before)
	done := p.Hold("POST /api/settings/webhooks", sandbox.After)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := p.client.CreateWebhook(ctx, hub.WebhookSpec{URL: "http://127.0.0.1:1/", Watched: []hub.Watch{model.Watch()}, Domains: []hub.Domain{"repo"}})
		ended <- err
	}()
	<-hold.Reached()
	cancel()
	<-ended
	if n := len(p.Webhooks("me")); n != 0 {
		t.Errorf("%d webhooks while the call is held", n)
	}
	hold.Release()
	<-done.Reached()
	if n := len(p.Webhooks("me")); n != 1 {
		t.Errorf("%d webhooks after the release, want 1", n)
	}
	done.Release()
	done.Release()
}

func TestACallHeldAfterItsWorkIsDoneAndItsAnswerNeverComes(t *testing.T) {
	p := open(t, sandbox.Config{})
	hold := p.Hold("POST /api/settings/webhooks", sandbox.After)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := p.client.CreateWebhook(ctx, hub.WebhookSpec{URL: "http://127.0.0.1:1/", Watched: []hub.Watch{model.Watch()}, Domains: []hub.Domain{"repo"}})
		ended <- err
	}()
	<-hold.Reached()
	if n := len(p.Webhooks("me")); n != 1 {
		t.Errorf("%d webhooks while the answer is held, want 1", n)
	}
	cancel()
	if err := <-ended; !hub.OutcomeUnknown(err) {
		t.Errorf("the client has %v", err)
	}
}

func TestCloseLetsGoOfHeldCallsWithoutCarryingThemOut(t *testing.T) {
	p := open(t, sandbox.Config{})
	hold := p.Hold("POST /api/settings/webhooks", sandbox.Before)
	ended := make(chan error, 1)
	go func() {
		_, err := p.client.CreateWebhook(context.Background(), hub.WebhookSpec{URL: "http://127.0.0.1:1/", Watched: []hub.Watch{model.Watch()}, Domains: []hub.Domain{"repo"}})
		ended <- err
	}()
	<-hold.Reached()
	p.Close()
	if err := <-ended; err == nil || len(p.Webhooks("me")) != 0 {
		t.Errorf("the call ended with %v, and %d webhooks", err, len(p.Webhooks("me")))
	}
}

func TestCallsAreCounted(t *testing.T) {
	p := open(t, sandbox.Config{})
	made := p.listen("http://127.0.0.1:1/", model.Watch())
	p.call("GET", hooks+"/"+made.ID, p.token, "")
	p.call("GET", hooks+"/other", p.token, "")
	if got := p.Calls()["GET "+hooks+"/"+made.ID]; got != 1 {
		t.Errorf("one call counts as %d", got)
	}
	for pattern, want := range map[string]int{"POST " + hooks: 1, "GET " + hooks + "/*": 2, "* /api/*/*": 1, "GET /api/whoami-v2": 0} {
		if got := p.CallCount(pattern); got != want {
			t.Errorf("%s counts %d, want %d", pattern, got, want)
		}
	}
}

func TestAMalformedPatternPanics(t *testing.T) {
	p := open(t, sandbox.Config{})
	defer func() {
		if recover() == nil {
			t.Error("it was taken")
		}
	}()
	p.Hold("/api/whoami-v2", sandbox.Before)
}
