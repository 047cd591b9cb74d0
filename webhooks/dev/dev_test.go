package dev

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/webhooks"
)

const push = `{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"model","name":"me/m"}}`

// send posts a delivery to a URL and returns the status of the answer.
func send(t *testing.T, url, secret string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(push))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(event.SecretHeader, secret)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestOneWebhookFeedsEachEndpointItsOwnEvents(t *testing.T) {
	w, c := newWorld(t), counter{}
	s := newServer(t, webhooks.Config{Secret: "of the server"})
	must(t, s, "train", c.handler("train"), webhooks.Match("repo.content.update,dataset:me/*"))
	must(t, s, "review", c.handler("review"), webhooks.Match("model:me/m"))
	must(t, s, "by_hand", c.handler("by_hand"))
	r := w.start(s, Options{}).up()
	hooks := w.Webhooks("me")
	if len(hooks) != 1 || len(hooks[0].Watched) != 2 || hooks[0].Watched[0].String() != "user:me" || hooks[0].Watched[1].String() != "model:me/m" {
		t.Fatalf("the webhooks are %+v", hooks)
	}
	for _, name := range []string{"train", "review"} {
		if line := r.wait(&r.err, "/webhooks/"+name+" "); !strings.HasSuffix(line, "webhook "+hooks[0].ID+" feeds it") || !strings.HasPrefix(r.url(name), hooks[0].URL+"/webhooks/") {
			t.Errorf("the start message has %q", line)
		}
	}
	if line := r.wait(&r.err, "/webhooks/by_hand "); !strings.HasSuffix(line, "paste this URL into a webhook") {
		t.Errorf("the start message has %q", line)
	}
	r.wait(&r.err, "secret  of the server")
	w.happen("repo.content.update", datasetD)
	r.wait(&r.out, "train 200 in")
	w.happen("discussion.create", modelM)
	r.wait(&r.out, "review 200 in")
	w.happen("discussion.create", datasetD) // of the account, and nobody's
	r.wait(&r.out, "#3 ")
	if status := send(t, r.url("by_hand"), "of the server"); status != http.StatusOK {
		t.Errorf("the endpoint's own URL answers %d", status)
	}
	r.wait(&r.out, "by_hand 200 in")
	if status := send(t, r.url("by_hand"), "guessed"); status != http.StatusForbidden {
		t.Errorf("a wrong secret is answered %d", status)
	}
	if status := send(t, r.url("by_hand")+"x", "of the server"); status != http.StatusNotFound {
		t.Errorf("a URL of no endpoint is answered %d", status)
	}
	r.stop()
	w.nothingLeft()
	if c.of("train") != "dataset:me/d" || c.of("review") != "model:me/m" || c.of("by_hand") != "model:me/m" {
		t.Errorf("the endpoints had %q", c.seen)
	}
}

func TestEndpointsWithOverlappingWatchesGetAnEventOnceEach(t *testing.T) {
	w, c := newWorld(t), counter{}
	s := newServer(t, webhooks.Config{})
	must(t, s, "all", c.handler("all"), webhooks.Match("user:me"), webhooks.Match("model:me/m"), webhooks.Match("discussion.*,model:me/*"))
	must(t, s, "model", c.handler("model"), webhooks.Match("model:me/m"))
	r := w.start(s, Options{}).up()
	if hooks := w.Webhooks("me"); len(hooks) != 1 || len(hooks[0].Watched) != 2 {
		t.Errorf("the webhooks are %+v", hooks)
	}
	w.happen("discussion.create", modelM)
	r.wait(&r.out, "#1 ")
	w.happen("repo.content.update", datasetD)
	r.wait(&r.out, "#2 ")
	r.stop()
	w.nothingLeft()
	if c.of("all") != "model:me/m dataset:me/d" || c.of("model") != "model:me/m" {
		t.Errorf("the endpoints had %q", c.seen)
	}
}

func TestAnEndpointThatPanicsAgainAndAgainDisturbsNobody(t *testing.T) {
	w, c := newWorld(t), counter{}
	s := newServer(t, webhooks.Config{})
	must(t, s, "bad", func(context.Context, *webhooks.Delivery) (any, error) { panic("no \x1b[2J model") }, webhooks.Match("model:me/m"))
	must(t, s, "queued", func(context.Context, *webhooks.Delivery) (any, error) { panic("later") }, webhooks.Match("model:me/m"), webhooks.AnswerFirst(1))
	must(t, s, "gone", func(context.Context, *webhooks.Delivery) (any, error) { runtime.Goexit(); return nil, nil }, webhooks.Match("model:me/m"))
	must(t, s, "failing", func(context.Context, *webhooks.Delivery) (any, error) { return nil, errors.New("out of memory") }, webhooks.Match("model:me/m"))
	must(t, s, "good", c.handler("good"), webhooks.Match("model:me/m"))
	r := w.start(s, Options{JSON: true}).up()
	const n = 20
	for i := range n {
		w.happen("discussion.create", modelM)
		var line struct {
			Answer   struct{ Status int }
			Attempts []struct {
				Target, Error string
				Status        int
			}
		}
		text := r.wait(&r.out, fmt.Sprintf(`"n":%d,`, i+1))
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, a := range line.Attempts {
			got[a.Target] = strings.TrimSpace(fmt.Sprint(a.Status, " ", a.Error))
		}
		if !strings.HasPrefix(got["bad"], "0 panic: no ") || strings.Contains(text, "\x1b") || got["queued"] != "0 panic: later" ||
			got["gone"] != "0 the handler ended its goroutine" || got["failing"] != "0 out of memory" || got["good"] != "200" || line.Answer.Status != http.StatusOK {
			t.Fatalf("event %d: the Hub is answered %d, the attempts are %q", i+1, line.Answer.Status, got)
		}
	}
	r.stop()
	w.nothingLeft()
	if got := len(strings.Fields(c.of("good"))); got != n {
		t.Errorf("the good endpoint had %d events", got)
	}
}

func TestTheWebhookIsDeletedWhileAHandlerStillRuns(t *testing.T) {
	w := newWorld(t)
	s := newServer(t, webhooks.Config{})
	working, finish := make(chan struct{}), make(chan struct{})
	must(t, s, "slow", func(ctx context.Context, _ *webhooks.Delivery) (any, error) {
		close(working)
		<-ctx.Done() // at the end of the time to stop
		<-finish     // what the context says is of no interest to this one
		return "done", nil
	}, webhooks.Match("model:me/m"))
	r := w.start(s, Options{}).up()
	w.happen("discussion.create", modelM)
	<-working
	r.stop()
	w.nothingLeft()
	if text := r.out.text(); !strings.Contains(text, "slow") || strings.Contains(text, "200 in") {
		t.Errorf("the lines are\n%s", text)
	}
	close(finish)
}

func TestAHandlerThatReturnsInTimeIsRecordedAtTheEnd(t *testing.T) {
	w := newWorld(t)
	s := newServer(t, webhooks.Config{})
	working := make(chan struct{})
	must(t, s, "slow", func(ctx context.Context, _ *webhooks.Delivery) (any, error) {
		close(working)
		<-ctx.Done()
		if left := w.Webhooks("me"); len(left) > 0 {
			t.Errorf("the webhook is there until the handler's context ends: %+v", left)
		}
		return nil, ctx.Err()
	}, webhooks.Match("model:me/m"), webhooks.AnswerFirst(1))
	r := w.start(s, Options{}).up()
	w.happen("discussion.create", modelM)
	<-working
	r.stop()
	w.nothingLeft()
}

func TestWithoutWatchesNoTokenIsNeeded(t *testing.T) {
	w, c := newWorld(t), counter{}
	delete(w.env, "HF_TOKEN")
	s := newServer(t, webhooks.Config{})
	must(t, s, "any", c.handler("any"))
	must(t, s, "kind", c.handler("kind"), webhooks.Match("repo.content.update,dataset:*"))
	r := w.start(s, Options{}).up()
	w.nothingLeft()
	secret := strings.TrimSpace(strings.TrimPrefix(r.wait(&r.err, "  secret  "), "  secret  "))
	if status := send(t, r.url("any"), secret); status != http.StatusOK {
		t.Errorf("it is answered %d", status)
	}
	r.wait(&r.out, "any 200 in")
	if status := send(t, r.url("kind"), secret); status != http.StatusOK {
		t.Errorf("it is answered %d", status)
	}
	r.wait(&r.out, "kind 200 in")
	r.stop()
	if c.of("any") != "model:me/m" || c.of("kind") != "" {
		t.Errorf("the endpoints had %q", c.seen)
	}
}

func TestErrorsHaveAHintInASecondLine(t *testing.T) {
	handler := func(context.Context, *webhooks.Delivery) (any, error) { return nil, nil }
	w := newWorld(t)
	s := newServer(t, webhooks.Config{})
	must(t, s, "train", handler, webhooks.Match("model:me/m"))
	for _, c := range []struct {
		name, env, value string
		options          Options
		want             string
	}{
		{"no token", "HF_TOKEN", "", Options{}, "hf auth login"},
		{"a wrong token", "HF_TOKEN", "hf_wrong", Options{}, "hf auth login"},
		{"a tunnel that does not exist", "", "", Options{Tunnel: "ngork"}, `dev.Options{Tunnel: "auto"}`},
	} {
		was := w.env[c.env]
		w.env[c.env] = c.value
		r := w.start(s, c.options)
		<-r.done
		w.env[c.env] = was
		if r.failed == nil || strings.Count(r.failed.Error(), "\n") != 1 || !strings.Contains(r.failed.Error(), "\nhint: ") || !strings.Contains(r.failed.Error(), c.want) {
			t.Errorf("%s: the error is %v", c.name, r.failed)
		}
	}
	r := w.start(newServer(t, webhooks.Config{}), Options{})
	if <-r.done; r.failed == nil || !strings.Contains(r.failed.Error(), "no endpoint is registered") {
		t.Errorf("without endpoints the error is %v", r.failed)
	}
	w.nothingLeft()
}

func TestWatchesAreWhatMatchesName(t *testing.T) {
	s := newServer(t, webhooks.Config{})
	handler := func(context.Context, *webhooks.Delivery) (any, error) { return nil, nil }
	must(t, s, "a", handler, webhooks.Match("repo.*,model:me/m,dataset:*,space:us/*"), webhooks.Match("user:me"))
	must(t, s, "b", handler, webhooks.Match("*:me/*,model:me/m,org:us,dataset:them/d-*"))
	must(t, s, "c", handler, webhooks.Match("discussion.*"))
	all, asked := endpointsOf(s), 0
	watches, err := all.watches(func() (hub.Identity, error) {
		asked++
		return hub.Identity{Name: "me", Orgs: []hub.Org{{Name: "us"}}}, nil
	})
	var got []string
	for _, w := range watches {
		got = append(got, w.String())
	}
	if want := []string{"model:me/m", "org:us", "user:me", "user:them"}; err != nil || !slices.Equal(got, want) || asked != 1 {
		t.Errorf("watches are %q, %v, after %d calls; want %q", got, err, asked, want)
	}
	if !fed(all[0]) || !fed(all[1]) || fed(all[2]) {
		t.Errorf("fed are %t %t %t", fed(all[0]), fed(all[1]), fed(all[2]))
	}
}
