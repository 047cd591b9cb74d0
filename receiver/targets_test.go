package receiver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestPathOfARouteLeadsToItsTargetOnly(t *testing.T) {
	target := func(name string) receiver.Target {
		return receiver.FuncTarget(name, func(context.Context, *event.Event) error { return nil })
	}
	all, bot, deep := target("all"), target("bot"), target("deep")
	tap := startTap(t, receiver.Config{Routes: routes(
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
		for _, a := range tap.history.waitSettled(t, n)[n-1].Attempts {
			got = append(got, a.Target)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: it went to %q, want %q", what, got, want)
		}
	}
	auth := []string{"X-Webhook-Secret", secret}
	check("Config.Path", tap.deliver(t, body), "all")
	check("a path of a route", post(t, tap.url+"/webhooks/bot", []byte(body), auth...), "bot")
	check("a path of a route that ends like another", post(t, tap.url+"/webhooks/x/webhooks/bot", []byte(body), auth...), "deep")
	check("a path of a route with the secret in its query", post(t, tap.url+"/webhooks/bot?secret="+url.QueryEscape(secret), []byte(body)), "bot")
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
		t.Errorf("a wrong secret at a path of a route is answered %d", status)
	}
	if _, err := receiver.New(receiver.Config{Path: path, Recorder: newMemory(), Routes: routes(receiver.Route{Target: all, Path: "bot"})}); err == nil {
		t.Error("a path without a slash is accepted")
	}
}

func TestAddedTargetGetsOnlyTheEventsThatNameIt(t *testing.T) {
	usual, added := runApp(t, nil), runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(usual.route(t, ""))})
	target := added.route(t, "").Target
	tap.AddTarget(target)
	tap.AddTarget(target)
	tap.deliver(t, "live")
	settled, err := tap.Deliver(t.Context(), &event.Event{Method: "POST", Path: path, Header: http.Header{"X-Webhook-Secret": {secret}}, Body: []byte("again"), Targets: []string{target.Name()}})
	if err != nil {
		t.Fatal(err)
	}
	<-settled
	tap.history.waitSettled(t, 2)
	want(t, "the usual target got", len(usual.requests()), 1)
	want(t, "the added target got", len(added.requests()), 1)
	want(t, "body", string(added.requests()[0].body), "again")
	stats := tap.Stats()
	want(t, "targets in Stats when no event is queued", len(stats.Targets), 1)
	want(t, "deliveries of the sender's", stats.Today, 1)
	for _, s := range stats.Targets {
		if s.Status != 200 || s.Down || s.At.IsZero() {
			t.Errorf("%+v", s)
		}
	}
}

func TestEventGoesToEveryMatchingTargetOnce(t *testing.T) {
	repos, models, rest := runApp(t, nil), runApp(t, nil), runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(
		rest.route(t, "default="), repos.route(t, "repo.*="), models.route(t, "model:*="), repos.route(t, "*.update="))})
	names := map[string]string{
		"http://" + repos.addr + "/hook": "repos", "http://" + models.addr + "/hook": "models", "http://" + rest.addr + "/hook": "rest",
	}
	for i, c := range []struct{ body, to string }{
		{`{"event":{"scope":"repo.content","action":"update"},"repo":{"type":"model","name":"me/m"}}`, "repos models"},
		{`{"event":{"scope":"discussion","action":"create"},"repo":{"type":"model","name":"me/m"}}`, "models"},
		{`{"event":{"scope":"discussion","action":"update"},"repo":{"type":"space","name":"me/m"}}`, "repos"},
		{`{"event":{"scope":"discussion","action":"create"},"repo":{"type":"space","name":"me/m"}}`, "rest"},
		{`nonsense`, "rest"},
	} {
		tap.deliver(t, c.body)
		var to []string
		for _, target := range tap.history.waitSettled(t, i+1)[i].Targets {
			to = append(to, names[target])
		}
		slices.Sort(to)
		wanted := strings.Fields(c.to)
		slices.Sort(wanted)
		want(t, c.body, strings.Join(to, " "), strings.Join(wanted, " "))
	}
	want(t, "repos", len(repos.requests()), 2)
	want(t, "models", len(models.requests()), 2)
	want(t, "rest", len(rest.requests()), 2)
}

func TestReplayGoesToTheTargetsThatItNames(t *testing.T) {
	never := event.Match{Kinds: []string{"repo.move"}}
	one, two := &scriptedTarget{name: "one", try: ok}, &scriptedTarget{name: "two", try: ok}
	tap := newTap(t, receiver.Config{Routes: routes(receiver.Route{Target: one}, receiver.Route{Target: two, Match: never})})
	for _, targets := range [][]string{{"two", "gone"}, {"gone"}, nil} {
		settled, err := tap.Deliver(t.Context(), &event.Event{Header: http.Header{"X-Webhook-Secret": {secret}}, Targets: targets})
		if err != nil {
			t.Fatal(err)
		}
		<-settled
	}
	all := tap.history.list()
	want(t, "a target whose route never matches", fmt.Sprint(all[0].Targets), "[two]")
	want(t, "a target that does not exist", fmt.Sprint(all[1].Targets), "[]")
	want(t, "no target named", fmt.Sprint(all[2].Targets), "[one]")
}

func TestTargetsThatDifferOnlyInASecretAreTwo(t *testing.T) {
	for _, c := range []struct{ one, other, user, query string }{
		{"http://me:hunter2@%s/hook", "http://me:hunter3@%s/hook", "me:***@", ""},
		{"http://%s/hook?secret=hunter2", "http://%s/hook?secret=hunter3", "", "?secret=***"},
		{"http://%s/hook?v=1&api_token=hunter2", "http://%s/hook?v=1&api_token=hunter3", "", "?v=1&api_token=***"},
	} {
		app := runApp(t, nil)
		one, other := route(t, fmt.Sprintf(c.one, app.addr)), route(t, fmt.Sprintf(c.other, app.addr))
		never := event.Match{Kinds: []string{"repo.move"}}
		// The same configuration twice is one target. Added targets are compared with
		// those of the routes, too.
		tap := startTap(t, receiver.Config{Routes: routes(one, other, receiver.Route{Target: one.Target, Match: never})})
		name := "http://" + c.user + app.addr + "/hook" + c.query
		want(t, "added", tap.AddTarget(other.Target), name+"#2")
		third := route(t, strings.Replace(fmt.Sprintf(c.one, app.addr), "hunter2", "hunter4", 1))
		want(t, "added", tap.AddTarget(third.Target), name+"#3")
		want(t, "added again", tap.AddTarget(third.Target), name+"#3")

		tap.deliver(t, "{}")
		e := tap.history.waitSettled(t, 1)[0]
		want(t, "targets", fmt.Sprint(e.Targets), fmt.Sprint([]string{name, name + "#2"}))
		want(t, "attempts", len(e.Attempts), 2)
		var sent []string
		for _, took := range app.requests() {
			_, password, _ := took.BasicAuth()
			sent = append(sent, password+took.FormValue("secret")+took.FormValue("api_token"))
		}
		slices.Sort(sent)
		want(t, "sent", strings.Join(sent, " "), "hunter2 hunter3")

		settled, err := tap.Deliver(t.Context(), &event.Event{Header: http.Header{"X-Webhook-Secret": {secret}}, Targets: []string{name + "#2"}})
		if err != nil {
			t.Fatal(err)
		}
		<-settled
		want(t, "requests after the named target has got its event", len(app.requests()), 3)
		if text := fmt.Sprint(tap.history.list(), tap.Stats()); strings.Contains(text, "hunter") {
			t.Errorf("a secret is in what is recorded: %s", text)
		}
	}
}
