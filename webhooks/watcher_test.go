package webhooks_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/webhooks"
)

// watching is a response writer that is told why a handler failed.
type watching struct {
	*httptest.ResponseRecorder
	failed error
	stack  string
}

func (w *watching) HandlerFailed(err error, stack []byte) { w.failed, w.stack = err, string(stack) }

func TestAWatcherIsToldWhyAHandlerFailedAlsoAfterTheAnswer(t *testing.T) {
	s := newServer(t, webhooks.Config{})
	handler := func(_ context.Context, d *webhooks.Delivery) (any, error) {
		switch d.ID {
		case "panics":
			panic("as it says")
		case "ends":
			runtime.Goexit()
		case "fails":
			return nil, errors.New("the detail")
		}
		return "done", nil
	}
	s.handle("before", handler).handle("after", handler, webhooks.AnswerFirst(1))
	// The first call is that which panicked.
	first := regexp.MustCompile(`^goroutine \d+ \[running\]:\n\S*TestAWatcherIsTold.*\n\t\S*watcher_test\.go:`)
	for _, c := range []struct{ path, id, failed, answer string }{
		{"before", "panics", "panic: as it says", "Internal server error."},
		{"before", "fails", "the detail", "Internal server error."},
		{"before", "works", "", `"done"`},
		{"after", "panics", "panic: as it says", "Internal server error."},
		{"after", "ends", "the handler ended its goroutine", "Internal server error."},
		{"after", "fails", "the detail", "Internal server error."},
		{"after", "works", "", `"done"`},
	} {
		w := &watching{ResponseRecorder: httptest.NewRecorder()}
		req := httptest.NewRequest(http.MethodPost, "/webhooks/"+c.path, strings.NewReader("{}"))
		req.Header.Set("Webhook-Id", c.id)
		s.ServeHTTP(w, req)
		failed := ""
		if w.failed != nil {
			failed = w.failed.Error()
		}
		if failed != c.failed || !strings.Contains(w.Body.String(), c.answer) || first.MatchString(w.stack) != strings.HasPrefix(c.failed, "panic") {
			t.Errorf("%s %s: the watcher is told %q, the sender %q, the stack is\n%s", c.path, c.id, failed, w.Body, w.stack)
		}
	}
	if text := s.log.String(); strings.Count(text, "as it says") != 2 || strings.Contains(text, "stack=") {
		t.Errorf("the log has\n%s", text)
	}
}

func TestTheSecretOfAServerIsThatOfItsConfigElseOfTheEnvironment(t *testing.T) {
	want(t, "without one", newServer(t, webhooks.Config{}).Secret(), "")
	t.Setenv("WEBHOOK_SECRET", "from outside")
	want(t, "of the environment", newServer(t, webhooks.Config{}).Secret(), "from outside")
	want(t, "of the config", newServer(t, webhooks.Config{Secret: "of its own"}).Secret(), "of its own")
}
