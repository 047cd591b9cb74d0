package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/webhooks"
)

func TestAFailureOfAHandlerIsA500WhoseTextIsOnlyInTheLog(t *testing.T) {
	for name, h := range map[string]webhooks.Handler{
		"error":       func(context.Context, *webhooks.Delivery) (any, error) { return "x", errors.New("the detail") },
		"panic":       func(context.Context, *webhooks.Delivery) (any, error) { panic("the detail") },
		"nil panic":   func(_ context.Context, d *webhooks.Delivery) (any, error) { return d.Discussion.Num, nil },
		"bad result":  func(context.Context, *webhooks.Delivery) (any, error) { return make(chan int), nil },
		"bad marshal": func(context.Context, *webhooks.Delivery) (any, error) { return panicsInJSON{}, nil },
		"abort":       func(context.Context, *webhooks.Delivery) (any, error) { panic(http.ErrAbortHandler) },
	} {
		s := newServer(t, webhooks.Config{}).handle("a", h).handle("b", echo).serve()
		status, answer := s.post("/webhooks/a", kindBody("repo", "create", "model:me/m"), "Webhook-Id", "d-7")
		want(t, name+": status", status, 500)
		want(t, name+": answer", answer, `{"error":"Internal server error."}`)
		logged := s.log.String()
		for _, part := range []string{"level=ERROR", "endpoint=a", "delivery=d-7", "kind=repo.create", "repo=model:me/m"} {
			if !strings.Contains(logged, part) {
				t.Errorf("%s: the log lacks %s: %s", name, part, logged)
			}
		}
		if name == "panic" && !strings.Contains(logged, "handler_test.go") || name == "error" && !strings.Contains(logged, "the detail") {
			t.Errorf("%s: the log does not show where or why: %s", name, logged)
		}
		if status, _ := s.post("/webhooks/b", "{}"); status != 200 {
			t.Errorf("after %s the server answers %d", name, status)
		}
	}
}

type panicsInJSON struct{}

func (panicsInJSON) MarshalJSON() ([]byte, error) { panic("the detail") }

func TestALogLineCannotBeForgedByASender(t *testing.T) {
	s := newServer(t, webhooks.Config{}).handle("a", func(_ context.Context, d *webhooks.Delivery) (any, error) { return nil, errors.New(d.Repo.Name) })
	s.direct("/webhooks/a", `{"repo":{"type":"model","name":"m\nlevel=INFO msg=forged \u001b[2J"}}`)
	if lines := strings.Count(s.log.String(), "\n"); lines != 1 || strings.Contains(s.log.String(), "\x1b") {
		t.Errorf("the log is %q", s.log.String())
	}
}

func TestAHandlerThatHangsEndsWithItsSender(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	s := newServer(t, webhooks.Config{}).handle("hangs", func(ctx context.Context, _ *webhooks.Delivery) (any, error) {
		close(began)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}).handle("works", echo).serve()
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if resp, err := http.DefaultClient.Do(s.request("/webhooks/hangs", "{}").WithContext(ctx)); err == nil {
			resp.Body.Close()
			t.Error("a handler that hangs was answered")
		}
	}()
	<-began
	status, _ := s.post("/webhooks/works", "{}")
	want(t, "another endpoint meanwhile", status, 200)
	hangUp()
	<-gone
	want(t, "the handler's context", <-ended, context.Canceled)
}

func TestAHandlerThatEndsAfterItsSenderLeftHasHandledTheDelivery(t *testing.T) {
	calls := 0
	began, left := make(chan struct{}), make(chan struct{})
	s := newServer(t, webhooks.Config{}).handle("slow", func(ctx context.Context, _ *webhooks.Delivery) (any, error) {
		if calls++; calls == 1 {
			close(began)
			<-left
			<-ctx.Done()
		}
		return strings.Repeat("x", 1<<20), nil
	}, webhooks.DropRepeats()).serve()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /webhooks/slow HTTP/1.1\r\nHost: h\r\nWebhook-Id: d-1\r\nContent-Length: 2\r\n\r\n{}")
	<-began
	conn.Close()
	close(left)
	// The Hub saw no answer and delivers again.
	status, answer := s.post("/webhooks/slow", "{}", "Webhook-Id", "d-1")
	want(t, "status", status, 200)
	want(t, "answer", answer, `{"ignored":"this delivery is a repeat"}`)
	want(t, "calls", calls, 1)
	if !strings.Contains(s.log.String(), "sender hung up before the handler was done") {
		t.Errorf("the log does not say that the sender left: %s", s.log)
	}
}

func TestAHandlerThatEndsItsGoroutineHarmsNoOther(t *testing.T) {
	s := newServer(t, webhooks.Config{}).handle("a", func(context.Context, *webhooks.Delivery) (any, error) {
		runtime.Goexit()
		return nil, nil
	}, webhooks.DropRepeats()).handle("b", echo).serve()
	for range 2 { // the second is handled, too: the first was not
		resp, err := http.DefaultClient.Do(s.request("/webhooks/a", "{}", "Webhook-Id", "d-1"))
		if err == nil {
			resp.Body.Close()
			t.Errorf("answered %d", resp.StatusCode)
		}
	}
	status, _ := s.post("/webhooks/b", "{}")
	want(t, "another endpoint", status, 200)
}
