package receiver_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestATargetsOwnPathLeadsToItAlone(t *testing.T) {
	target := func(name string) receiver.Target {
		return receiver.FuncTarget(name, func(context.Context, *event.Event) error { return nil })
	}
	all, bot, deep := target("all"), target("bot"), target("deep")
	tap := open(t, receiver.Config{Routes: routes(
		receiver.Route{Target: all},
		receiver.Route{Target: bot, Path: "/webhooks/bot"},
		receiver.Route{Target: deep, Path: "/webhooks/x/webhooks/bot"},
		receiver.Route{Target: bot, Match: event.Match{Kinds: []string{"discussion.*"}}},
	)})
	const body = `{"event":{"action":"create","scope":"repo"}}`
	n := 0
	check := func(what string, resp *http.Response, want string) {
		t.Helper()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d", what, resp.StatusCode)
		}
		n++
		var got []string
		for _, a := range tap.history.settled(t, n)[n-1].Attempts {
			got = append(got, a.Target)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: it went to %q, want %q", what, got, want)
		}
	}
	auth := []string{"X-Webhook-Secret", secret}
	check("the receiver's path", tap.deliver(t, body), "all")
	check("an own path", post(t, tap.url+"/webhooks/bot", []byte(body), auth...), "bot")
	check("an own path that ends like another", post(t, tap.url+"/webhooks/x/webhooks/bot", []byte(body), auth...), "deep")
	check("an own path with the secret in its query", post(t, tap.url+"/webhooks/bot?secret="+url.QueryEscape(secret), []byte(body)), "bot")
	check("a replay", post(t, tap.local+"/webhooks/bot", []byte(body), "Hf-Tap-Key", localKey, "Hf-Tap-Source", "replay", "Hf-Tap-Replay-Of", "2"), "bot")
	check("a replay from a session with other routes", post(t, tap.local+"/webhooks/gone", []byte(body), "Hf-Tap-Key", localKey, "Hf-Tap-Source", "replay", "Hf-Tap-Replay-Of", "2"), "all")
	again := &event.Event{Source: event.SourceReplay, ReplayOf: 2, Method: http.MethodPost, Path: "/another/session/webhooks/bot", Header: http.Header{"X-Webhook-Secret": {secret}}, Body: []byte(body)}
	settled, err := tap.Deliver(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	<-settled
	check("an event of another session", &http.Response{StatusCode: http.StatusOK}, "bot")

	for _, address := range []string{tap.url + "/webhooks/bo", tap.url + "/webhooks/bot/", tap.url + "/webhooks/%62ot", tap.url + "x/webhooks/bot", strings.TrimSuffix(tap.url, path) + "/webhooks/bot"} {
		if status := post(t, address, []byte(body), auth...).StatusCode; status != http.StatusNotFound {
			t.Errorf("%s answers %d", address, status)
		}
	}
	if status := post(t, tap.url+"/webhooks/bot", []byte(body), "X-Webhook-Secret", "guessed").StatusCode; status != http.StatusForbidden {
		t.Errorf("a wrong secret at an own path is answered %d", status)
	}
	if _, err := receiver.New(receiver.Config{Path: path, Recorder: newMemory(), Routes: routes(receiver.Route{Target: all, Path: "bot"})}); err == nil {
		t.Error("a path without a slash is accepted")
	}
}
