package hub

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testToken = "hf_abcdefghijklmnopqrstuvwxyz"
	testID    = "65a14fd933eca76f4639fc84"
)

// clientFor returns a client of a server on loopback, which is closed with the
// test.
func clientFor(t *testing.T, h http.HandlerFunc, change ...func(*ClientConfig)) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return clientAt(t, server.URL, change...)
}

func clientAt(t *testing.T, endpoint string, change ...func(*ClientConfig)) *Client {
	t.Helper()
	cfg := ClientConfig{Endpoint: endpoint, Token: testToken, Version: "1.2.3", Retries: -1}
	for _, f := range change {
		f(&cfg)
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// answer returns a handler that answers every request in the same way.
func answer(status int, header map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for key, value := range header {
			w.Header().Set(key, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// heard is what a server was sent.
type heard struct {
	method, uri, body string
	header            http.Header
}

// recorder keeps what a server was sent.
type recorder struct {
	mu    sync.Mutex
	heard []heard
}

func (rec *recorder) wrap(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rec.mu.Lock()
		rec.heard = append(rec.heard, heard{r.Method, r.RequestURI, string(body), r.Header})
		rec.mu.Unlock()
		next(w, r)
	}
}

func (rec *recorder) all() []heard {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]heard(nil), rec.heard...)
}

// transport is a function in place of the network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func exampleSpec() WebhookSpec {
	return WebhookSpec{
		URL: "https://x.example/hf-tap/abc?a=1&b=2", Secret: "s3cret-of-the-webhook",
		Watched: []Watch{{Type: "model", Name: "me/m", AvatarURL: "https://x.example/a.png"}, {Type: "user", Name: "me"}},
		Domains: []Domain{"repo", "discussions", "discussion"},
	}
}

// calls are all calls of the API, by name, and whether they change something.
func calls() map[string]struct {
	call    func(context.Context, *Client) error
	changes bool
} {
	type one = struct {
		call    func(context.Context, *Client) error
		changes bool
	}
	return map[string]one{
		"list":   {func(ctx context.Context, c *Client) error { _, err := c.ListWebhooks(ctx); return err }, false},
		"get":    {func(ctx context.Context, c *Client) error { _, err := c.GetWebhook(ctx, testID); return err }, false},
		"create": {func(ctx context.Context, c *Client) error { _, err := c.CreateWebhook(ctx, exampleSpec()); return err }, true},
		"update": {func(ctx context.Context, c *Client) error {
			_, err := c.UpdateWebhook(ctx, testID, exampleSpec())
			return err
		}, true},
		"enable":  {func(ctx context.Context, c *Client) error { _, err := c.EnableWebhook(ctx, testID); return err }, true},
		"disable": {func(ctx context.Context, c *Client) error { _, err := c.DisableWebhook(ctx, testID); return err }, true},
		"delete":  {func(ctx context.Context, c *Client) error { return c.DeleteWebhook(ctx, testID) }, true},
		"replay": {func(ctx context.Context, c *Client) error {
			_, err := c.ReplayDelivery(ctx, testID, "log1")
			return err
		}, true},
		"whoami": {func(ctx context.Context, c *Client) error { _, err := c.WhoAmI(ctx); return err }, false},
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// discardLog keeps what a test's server has to say out of the test's output.
func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }
