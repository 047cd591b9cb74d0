package webhooks_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/webhooks"
)

func TestEachServerOfTheRegisteredHandlersIsOneOfItsOwn(t *testing.T) {
	handled := make(chan string, 2)
	webhooks.Handle("of/the/package", func(_ context.Context, d *webhooks.Delivery) (any, error) {
		handled <- d.ID
		return nil, nil
	}, webhooks.Match("model:me/m"), webhooks.AnswerFirst(1), webhooks.DropRepeats())
	config := webhooks.Config{Secret: "s3cret", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for _, id := range []string{"first", "first"} { // no server knows what another one has seen
		s, err := webhooks.Registered(config)
		if err != nil {
			t.Fatal(err)
		}
		all := s.Endpoints()
		if len(all) != 1 || all[0].Path != "/webhooks/of/the/package" || len(all[0].Matches) != 1 || s.Secret() != "s3cret" {
			t.Errorf("the server has %+v and the secret %q", all, s.Secret())
		}
		req := httptest.NewRequest(http.MethodPost, all[0].Path, strings.NewReader(`{"repo":{"type":"model","name":"me/m"}}`))
		req.Header.Set("Webhook-Id", id)
		req.Header.Set("X-Webhook-Secret", "s3cret")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if got := <-handled; got != id || w.Code != http.StatusOK {
			t.Errorf("it is answered %d %s, and %q is handled", w.Code, w.Body, got)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := webhooks.Registered(webhooks.Config{URL: "nonsense"}); err == nil || !strings.Contains(err.Error(), "Config.URL") {
		t.Errorf("a wrong configuration is %v", err)
	}
}
