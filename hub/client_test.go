package hub

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const exampleWebhook = `{"id":"65a14fd933eca76f4639fc84","url":"https://x.example/h","watched":[{"type":"model","name":"me/m","avatarUrl":"https://x.example/a.png"}],` +
	`"domains":["repo","discussion"],"hasSecret":true,"disabled":false,"lastTriggerAt":"2026-11-23T20:00:00.123Z"}`

// The paths, methods and bodies are those of the Hub's OpenAPI document.
func TestEachCallIsOneOfTheHubsAPI(t *testing.T) {
	const one = `{"webhook":` + exampleWebhook + `}`
	const spec = `{"url":"https://x.example/hf-tap/abc?a=1\u0026b=2","watched":[{"type":"model","name":"me/m"},{"type":"user","name":"me"}],` +
		`"domains":["repo","discussion"],"secret":"s3cret-of-the-webhook"}`
	const base = "/api/settings/webhooks"
	const who = `{"type":"user","id":"1","name":"me","fullname":"Me","isPro":false,"orgs":[],"auth":{"type":"access_token"}}`
	for name, want := range map[string]struct{ method, uri, body, answer string }{
		"list":    {"GET", base, "", `[` + exampleWebhook + `]`},
		"get":     {"GET", base + "/" + testID, "", one},
		"create":  {"POST", base, spec, one},
		"update":  {"POST", base + "/" + testID, spec, one},
		"enable":  {"POST", base + "/" + testID + "/enable", "", one},
		"disable": {"POST", base + "/" + testID + "/disable", "", one},
		"delete":  {"DELETE", base + "/" + testID, "", `{}`},
		"replay":  {"POST", base + "/" + testID + "/replay/log1", "", `{"status":200}`},
		"whoami":  {"GET", "/api/whoami-v2", "", who},
	} {
		t.Run(name, func(t *testing.T) {
			var rec recorder
			c := clientFor(t, rec.wrap(answer(200, nil, want.answer)), func(cfg *ClientConfig) { cfg.Origin = "a\r\nb" })
			if err := calls()[name].call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			all := rec.all()
			if len(all) != 1 {
				t.Fatalf("%d requests, want 1", len(all))
			}
			got := all[0]
			if got.method != want.method || got.uri != want.uri || got.body != want.body {
				t.Errorf("%s %s %s\nwant %s %s %s", got.method, got.uri, got.body, want.method, want.uri, want.body)
			}
			contentType := ""
			if want.body != "" {
				contentType = "application/json"
			}
			for key, value := range map[string]string{
				"Authorization": "Bearer " + testToken, "User-Agent": "hf-tap/1.2.3; origin/ab",
				"Accept": "application/json", "Content-Type": contentType,
			} {
				if got.header.Get(key) != value {
					t.Errorf("%s is %q, want %q", key, got.header.Get(key), value)
				}
			}
		})
	}
	if len(calls()) != 9 {
		t.Error("a call is missing from the table")
	}
}

func TestAnswersAreRead(t *testing.T) {
	c := clientFor(t, answer(200, nil, `[`+exampleWebhook+`]`))
	list, err := c.ListWebhooks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var want Webhook
	if err := json.Unmarshal([]byte(exampleWebhook), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Webhook{want}, list); diff != "" {
		t.Error(diff)
	}
	if got := mustJSON(t, list[0]); got != exampleWebhook {
		t.Errorf("written again it is\n%s\nwant\n%s", got, exampleWebhook)
	}

	c = clientFor(t, answer(200, nil, `{"status":503}`))
	if status, err := c.ReplayDelivery(t.Context(), testID, "a"); err != nil || status != 503 {
		t.Errorf("the replay was answered %d, %v", status, err)
	}
	c = clientFor(t, answer(200, nil, `[]`))
	if list, err := c.ListWebhooks(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("an empty list is %v, %v", list, err)
	}
	c = clientFor(t, answer(204, nil, ``))
	if err := c.DeleteWebhook(t.Context(), testID); err != nil {
		t.Errorf("an empty answer to a delete: %v", err)
	}
}

func TestAnAnswerThatIsNotTheHubsIsAnError(t *testing.T) {
	for _, body := range []string{"<!doctype html><p>Log in", "", "null", "5", `"x"`, `{"webhook":null}`, `{"webhook":{}}`, `[5]`, "{", strings.Repeat(" ", maxAnswer) + "[]"} {
		c := clientFor(t, answer(200, nil, body))
		for name, each := range calls() {
			err := each.call(t.Context(), c)
			if name == "delete" && (body == "" || json.Valid([]byte(body)) && len(body) <= maxAnswer) {
				if err != nil {
					t.Errorf("delete, answered %.20q: %v", body, err)
				}
				continue
			}
			// What was answered with 200 has most likely been done.
			if !errors.Is(err, ErrBadAnswer) || OutcomeUnknown(err) != each.changes {
				t.Errorf("%s, answered %.20q: %v, may be done: %v", name, body, err, OutcomeUnknown(err))
			}
		}
	}
}

// endless is an answer without an end, and counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 10*maxAnswer {
		return 0, errors.New("this much was read")
	}
	return len(p), nil
}

func (e *endless) Close() error { return nil }

func TestAnAnswerWithoutAnEndIsReadToALimit(t *testing.T) {
	for status, limit := range map[int]int{200: maxAnswer, 500: maxRefusal} {
		var body endless
		c := clientAt(t, "https://hub.example", func(cfg *ClientConfig) {
			cfg.Transport = transport(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Header: http.Header{}, Body: &body, Request: r}, nil
			})
		})
		if _, err := c.ListWebhooks(t.Context()); err == nil || body.read > limit+1 {
			t.Errorf("%d: %v after %d bytes", status, err, body.read)
		}
	}
}

func TestAnIDCannotNameAnotherPath(t *testing.T) {
	var rec recorder
	c := clientFor(t, rec.wrap(answer(404, nil, "")))
	for _, id := range []string{"", ".", ".."} {
		_, getErr := c.GetWebhook(t.Context(), id)
		_, replayErr := c.ReplayDelivery(t.Context(), testID, id)
		for _, err := range []error{getErr, replayErr, c.DeleteWebhook(t.Context(), id)} {
			if !errors.Is(err, ErrInvalid) || OutcomeUnknown(err) {
				t.Errorf("id %q: %v", id, err)
			}
		}
	}
	if n := len(rec.all()); n > 0 {
		t.Fatalf("%d requests were sent", n)
	}
	err := c.DeleteWebhook(t.Context(), "../a b?\x1b[m")
	if got := rec.all()[0].uri; got != webhooksPath+"/..%2Fa%20b%3F%1B%5Bm" {
		t.Errorf("path %s", got)
	}
	if strings.Contains(err.Error(), "\x1b") {
		t.Errorf("an id was not quoted: %q", err)
	}
}

func TestTheTokenNeverGoesOverPlainHTTPToAnotherMachine(t *testing.T) {
	sent := 0
	count := func(cfg *ClientConfig) {
		cfg.Transport = transport(func(*http.Request) (*http.Response, error) { sent++; return nil, io.EOF })
	}
	for _, endpoint := range []string{"http://hub.example", "HTTP://10.0.0.1:80", "http://localhost.example", "http://127.0.0.1.example/x", "http://128.1", "http://0.0.0.0.example"} {
		c := clientAt(t, endpoint, count)
		for name, each := range calls() {
			if err := each.call(t.Context(), c); !errors.Is(err, ErrInsecure) || OutcomeUnknown(err) {
				t.Errorf("%s at %s: %v", name, endpoint, err)
			}
		}
	}
	if sent > 0 {
		t.Errorf("%d requests were sent", sent)
	}
	for _, endpoint := range []string{"https://hub.example", "http://127.0.0.1:9", "http://localhost", "http://[::1]:9", "http://127.1.2.3", "http://[::ffff:127.0.0.1]", "http://0.0.0.0", "http://localhost.:9", "http://0x7f.1"} {
		_ = calls()["get"].call(t.Context(), clientAt(t, endpoint, count))
	}
	if sent != 9 {
		t.Errorf("%d requests were sent to safe endpoints, want 9", sent)
	}
	// Without a token there is nothing to keep, but for the secret of a webhook.
	c := clientAt(t, "http://hub.example", count, func(cfg *ClientConfig) { cfg.Token = "" })
	_, err := c.CreateWebhook(t.Context(), exampleSpec())
	if !errors.Is(err, ErrInsecure) || sent != 9 {
		t.Errorf("the secret was sent: %v", err)
	}
}

func TestAHubOnThisMachineIsReachedInEverySpelling(t *testing.T) {
	var rec recorder
	server := httptest.NewServer(rec.wrap(answer(404, nil, "")))
	t.Cleanup(server.Close)
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	for i, host := range []string{"no-such-name.localhost", "localhost.", "127.1", "0.0.0.0", "[::ffff:127.0.0.1]"} {
		_, err := clientAt(t, "http://"+host+port).GetWebhook(t.Context(), testID)
		if !errors.Is(err, ErrNotFound) || len(rec.all()) != i+1 {
			t.Errorf("%s: %v after %d requests", host, err, len(rec.all()))
		}
	}
}

func TestOfflineTouchesNothing(t *testing.T) {
	var rec recorder
	c := clientFor(t, rec.wrap(answer(200, nil, "[]")), func(cfg *ClientConfig) { cfg.Offline = true })
	for name, each := range calls() {
		if err := each.call(t.Context(), c); !errors.Is(err, ErrOffline) || OutcomeUnknown(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(rec.all()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestAWrongConfigurationIsAnErrorOfNewClient(t *testing.T) {
	for words, cfg := range map[string]ClientConfig{
		`"ftp://x"`:           {Endpoint: "ftp://x"},
		"no user or password": {Endpoint: "https://u:hf_pass@x"},
		"invalid token":       {Token: "hf_a\r\nX-Evil: 1"},
	} {
		c, err := NewClient(cfg)
		if err == nil || c != nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "hf_") {
			t.Errorf("%v, want %q", err, words)
		}
		if errors.Is(err, ErrBadToken) != (cfg.Token != "") {
			t.Errorf("%v is ErrBadToken: %v", err, errors.Is(err, ErrBadToken))
		}
	}
}

func TestNoRedirectIsFollowedToAnotherHost(t *testing.T) {
	var rec recorder
	other := httptest.NewServer(rec.wrap(answer(200, nil, "[]")))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := clientFor(t, answer(status, map[string]string{"Location": other.URL + "/x?sig=s3cret"}, ""))
		for name, each := range calls() {
			err := each.call(t.Context(), c)
			var e *Error
			if !errors.As(err, &e) || e.Status != status || !strings.Contains(e.Message, other.URL) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s, answered %d: %v", name, status, err)
			}
			// 307 and 308 ask to send it elsewhere: it was not done here.
			if OutcomeUnknown(err) != (each.changes && status < 307) {
				t.Errorf("%s, answered %d: may be done: %v", name, status, OutcomeUnknown(err))
			}
		}
	}
	if n := len(rec.all()); n > 0 {
		t.Errorf("%d requests went to the other host", n)
	}
}

func TestNoRedirectIsFollowedToPlainHTTP(t *testing.T) {
	var seen []string
	c := clientAt(t, "https://hub.example", func(cfg *ClientConfig) {
		cfg.Transport = transport(func(r *http.Request) (*http.Response, error) {
			seen = append(seen, r.URL.String())
			header := http.Header{"Location": {"http://hub.example" + r.URL.Path}}
			return &http.Response{StatusCode: 307, Header: header, Body: http.NoBody, Request: r}, nil
		})
	})
	err := calls()["list"].call(t.Context(), c)
	if len(seen) != 1 || err == nil {
		t.Errorf("%v after %q", err, seen)
	}
}

func TestARedirectWithinTheHostIsFollowedAsTheSameRequest(t *testing.T) {
	var rec recorder
	c := clientFor(t, rec.wrap(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/new") {
			http.Redirect(w, r, "/new"+r.URL.Path, http.StatusTemporaryRedirect)
			return
		}
		answer(200, nil, `{"webhook":`+exampleWebhook+`}`)(w, r)
	}))
	if _, err := c.CreateWebhook(t.Context(), exampleSpec()); err != nil {
		t.Fatal(err)
	}
	all := rec.all()
	if len(all) != 2 || all[1].method != "POST" || all[1].body != all[0].body || all[1].header.Get("Authorization") == "" {
		t.Errorf("%+v", all)
	}

	// A POST that would become a GET is another request.
	c = clientFor(t, rec.wrap(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/new"+r.URL.Path, http.StatusFound)
	}))
	if _, err := c.EnableWebhook(t.Context(), testID); err == nil || len(rec.all()) != 3 {
		t.Errorf("%v after %d requests", err, len(rec.all()))
	}

	c = clientFor(t, rec.wrap(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	}))
	before := len(rec.all())
	if _, err := c.ListWebhooks(t.Context()); err == nil {
		t.Error("a circle of redirects ended well")
	}
	if n := len(rec.all()) - before; n > 5 {
		t.Errorf("went round %d times", n)
	}
}

func TestAWarningIsToldOnceATopic(t *testing.T) {
	var got []string
	c := clientFor(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("X-HF-Warning", "old; upgrade; now")
		w.Header().Add("X-HF-Warning", "no topic")
		w.Header().Add("X-HF-Warning", "; still none")
		w.Header().Add("X-HF-Warning", "empty;")
		if r.Method == http.MethodDelete {
			w.Header().Add("X-HF-Warning", "late;"+strings.Repeat("x", 5000))
			w.WriteHeader(404) // an error's answer carries them, too
		}
		_, _ = io.WriteString(w, "[]")
	}, func(cfg *ClientConfig) {
		cfg.OnWarning = func(topic, message string) { got = append(got, topic+"|"+message) }
	})
	for range 2 {
		_, _ = c.ListWebhooks(t.Context())
		_ = c.DeleteWebhook(t.Context(), testID)
	}
	if len(got) != 3 || got[0] != "old|upgrade; now" || got[1] != "|no topic" || !strings.HasPrefix(got[2], "late|xxx") || len(got[2]) > 600 {
		t.Errorf("%q", got)
	}
}

func TestAnEndedContextSendsNothing(t *testing.T) {
	var rec recorder
	c := clientFor(t, rec.wrap(answer(200, nil, "[]")))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user left")
	cancel(why)
	for name, each := range calls() {
		err := each.call(ctx, c)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, why) || errors.Is(err, ErrUnreachable) || OutcomeUnknown(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(rec.all()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}
