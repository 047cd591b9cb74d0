package receiver_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestTargetsThatDifferOnlyInASecretAreTwo(t *testing.T) {
	for _, c := range []struct{ one, other, user, query string }{
		{"http://me:hunter2@%s/hook", "http://me:hunter3@%s/hook", "me:***@", ""},
		{"http://%s/hook?secret=hunter2", "http://%s/hook?secret=hunter3", "", "?secret=***"},
		{"http://%s/hook?v=1&api_token=hunter2", "http://%s/hook?v=1&api_token=hunter3", "", "?v=1&api_token=***"},
	} {
		app := runApp(t, nil)
		one, other := route(t, fmt.Sprintf(c.one, app.addr)), route(t, fmt.Sprintf(c.other, app.addr))
		never := event.Match{Kinds: []string{"repo.move"}}
		// The same configuration twice is one target; with Deliver, what is added
		// is told apart from those, too.
		tap := open(t, receiver.Config{Routes: routes(one, other, receiver.Route{Target: one.Target, Match: never})})
		name := "http://" + c.user + app.addr + "/hook" + c.query
		want(t, "added", tap.AddTarget(other.Target), name+"#2")
		third := route(t, strings.Replace(fmt.Sprintf(c.one, app.addr), "hunter2", "hunter4", 1))
		want(t, "added", tap.AddTarget(third.Target), name+"#3")
		want(t, "added again", tap.AddTarget(third.Target), name+"#3")

		tap.deliver(t, "{}")
		e := tap.history.settled(t, 1)[0]
		want(t, "targets", fmt.Sprint(e.Targets), fmt.Sprint([]string{name, name + "#2"}))
		want(t, "attempts", len(e.Attempts), 2)
		var sent []string
		for _, took := range app.all() {
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
		want(t, "sent to the one that is named", len(app.all()), 3)
		if text := fmt.Sprint(tap.history.all(), tap.Stats()); strings.Contains(text, "hunter") {
			t.Errorf("a secret is in what is recorded: %s", text)
		}
	}
}

func TestNoSecretOfATargetIsInWhatItsAnswersLeave(t *testing.T) {
	app := runApp(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Location", req.URL.String())
		w.Header().Set("Content-Location", "http://me:hunter2@h/hook?secret=hunter2&v=1")
		w.Header().Set("Refresh", "0; url="+req.URL.String())
		w.Header().Set("Link", "<"+req.URL.String()+">; rel=canonical")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	tap := open(t, receiver.Config{Respond: receiver.Relay, Routes: routes(route(t, "http://me:hunter2@"+app.addr+"/hook?v=1&secret=hunter2"))})
	req, _ := http.NewRequest(http.MethodPost, tap.url, strings.NewReader("{}"))
	req.Header.Set("X-Webhook-Secret", secret)
	resp, err := client().Transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	want(t, "what the sender gets", resp.Header.Get("Location"), "/hook?v=1&secret=***")
	e := tap.history.settled(t, 1)[0]
	text, err := json.Marshal(e.Attempts)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") {
		t.Errorf("the attempts hold a secret: %s", text)
	}
	want(t, "recorded", e.Attempts[0].Header.Get("Content-Location"), "http://me:***@h/hook?secret=***&v=1")
}

func TestAnAnswerOfATargetWithoutASecretIsKeptAsItCame(t *testing.T) {
	app := runApp(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "/x?key=value") })
	tap := open(t, receiver.Config{Routes: routes(app.route(t, ""))})
	tap.deliver(t, "{}")
	want(t, "location", tap.history.settled(t, 1)[0].Attempts[0].Header.Get("Location"), "/x?key=value")
}

func TestARecordedTargetWhoseSecretIsNotKeptCannotBeUsed(t *testing.T) {
	for name, fill := range map[string]string{
		"http://me:***@h:1/hook":            "http://me:PASSWORD@h:1/hook",
		"http://me:***@h:1/hook#2":          "http://me:PASSWORD@h:1/hook",
		"http://h/?secret=***":              "http://h/?secret=VALUE",
		"https://a:***@h/?x=1&token=***#12": "https://a:PASSWORD@h/?x=1&token=VALUE",
	} {
		for _, s := range []string{name, "repo.*=" + name, "default=" + name} {
			_, err := receiver.ParseRoute(s)
			hidden := (*receiver.HiddenError)(nil)
			if !errors.As(err, &hidden) {
				t.Errorf("%s: %v", s, err)
				continue
			}
			want(t, s, hidden.Fill, fill)
		}
	}
	for _, s := range []string{"http://me:x@h/", "http://h/?q=***", "http://h/***", "http://***@h/", "http://h/?secret=x"} {
		if _, err := receiver.ParseRoute(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestNoErrorAboutATargetHoldsItsSecret(t *testing.T) {
	for _, s := range []string{
		"http://me:hunter2@h:x/", "http://me:hunter2@h:0/", "ftp://me:hunter2@h/", "http://me:hunter2@/", "http://me:hunter2@h\x00/", "me:hunter2@h:80",
		"repo.*=me:hunter2@h:80", "repo.*=http://me:hunter2@h:x/", "default=http://me:hunter2@h:x/", "discusion.*=http://me:hunter2@h/",
		"http://h:x/?secret=hunter2", "http://h:0/?secret=hunter2", "h:x/?secret=hunter2", "h/?secret=hunter2", "me:hunter=hunter2@h:80", "me:hunter2@h",
		"http://me:hunter2%zz@h/", "modle:me=http://me:hunter2@h/x", "http://me:hun/ter2hunter2@h:1/", "http://me:hunter2?x@h/", "http://me:hunter2#x@h/",
	} {
		_, err := receiver.ParseRoute(s)
		if err == nil {
			t.Errorf("%q is taken", s)
			continue
		}
		if strings.Contains(err.Error(), "hunter") {
			t.Errorf("%q: %v", s, err)
		}
	}
}
