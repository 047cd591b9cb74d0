package receiver_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/receiver"
)

func TestHeadersOfAnAnswerDoNotHoldTheTargetsSecret(t *testing.T) {
	app := runApp(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Location", req.URL.String())
		w.Header().Set("Content-Location", "http://me:hunter2@h/hook?secret=hunter2&v=1")
		w.Header().Set("Refresh", "0; url="+req.URL.String())
		w.Header().Set("Link", "<"+req.URL.String()+">; rel=canonical")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	tap := startTap(t, receiver.Config{Respond: receiver.Relay, Routes: routes(route(t, "http://me:hunter2@"+app.addr+"/hook?v=1&secret=hunter2"))})
	req, _ := http.NewRequest(http.MethodPost, tap.url, strings.NewReader("{}"))
	req.Header.Set("X-Webhook-Secret", secret)
	resp, err := client().Transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	want(t, "what the sender gets", resp.Header.Get("Location"), "/hook?v=1&secret=***")
	e := tap.history.waitSettled(t, 1)[0]
	text, err := json.Marshal(e.Attempts)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") {
		t.Errorf("the attempts hold a secret: %s", text)
	}
	want(t, "recorded", e.Attempts[0].Header.Get("Content-Location"), "http://me:***@h/hook?secret=***&v=1")
}

func TestHeadersOfAnAnswerAreKeptIfTheTargetHasNoSecret(t *testing.T) {
	app := runApp(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "/x?key=value") })
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	tap.deliver(t, "{}")
	want(t, "location", tap.history.waitSettled(t, 1)[0].Attempts[0].Header.Get("Location"), "/x?key=value")
}

func TestRecordedNameWithAMaskedSecretIsNotATarget(t *testing.T) {
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

func TestErrorsAboutATargetDoNotHoldItsSecret(t *testing.T) {
	for _, s := range []string{
		"http://me:hunter2@h:x/", "http://me:hunter2@h:0/", "ftp://me:hunter2@h/", "http://me:hunter2@/", "http://me:hunter2@h\x00/", "me:hunter2@h:80",
		"repo.*=me:hunter2@h:80", "repo.*=http://me:hunter2@h:x/", "default=http://me:hunter2@h:x/", "discusion.*=http://me:hunter2@h/",
		"http://h:x/?secret=hunter2", "http://h:0/?secret=hunter2", "h:x/?secret=hunter2", "h/?secret=hunter2", "me:hunter=hunter2@h:80", "me:hunter2@h",
		"http://me:hunter2%zz@h/", "modle:me=http://me:hunter2@h/x", "http://me:hun/ter2hunter2@h:1/", "http://me:hunter2?x@h/", "http://me:hunter2#x@h/",
	} {
		_, err := receiver.ParseRoute(s)
		if err == nil {
			t.Errorf("%q is accepted", s)
			continue
		}
		if strings.Contains(err.Error(), "hunter") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestUserAndPasswordOfATargetAreSentAndNotShown(t *testing.T) {
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(route(t, "http://me:hunter2@"+app.addr+"/"))})
	tap.deliver(t, "{}")
	e := tap.history.waitSettled(t, 1)[0]
	want(t, "name", e.Targets[0], "http://me:***@"+app.addr+"/")
	user, password, _ := app.requests()[0].BasicAuth()
	want(t, "sent", user+":"+password, "me:hunter2")

	post(t, tap.url, nil, "X-Webhook-Secret", secret, "Authorization", "Bearer of the sender")
	tap.history.waitSettled(t, 2)
	want(t, "the sender's own", app.requests()[1].Header.Get("Authorization"), "Bearer of the sender")
}
