package webhooks_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/hf-tap/hf-tap/webhooks"
)

func TestProgramsFindThePathsOfTheEndpoints(t *testing.T) {
	s := newServer(t, webhooks.Config{})
	s.handle("say_hello", sayHello).handle("a/b", sayHello, webhooks.Match("model:me/m"))
	w, body := page(t, s, "http://127.0.0.1:7860/openapi.json")
	var said struct {
		OpenAPI string
		Info    struct{ Title, Version string }
		Paths   map[string]map[string]struct {
			OperationID string
			Responses   map[string]struct{ Description string }
		}
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("it is answered %d %q %s: %v", w.Code, w.Header(), body, err)
	}
	paths := slices.Sorted(maps.Keys(said.Paths))
	if said.OpenAPI == "" || said.Info.Title == "" || said.Info.Version == "" || !slices.Equal(paths, []string{"/webhooks/a/b", "/webhooks/say_hello"}) ||
		said.Paths["/webhooks/a/b"]["post"].Responses["200"].Description == "" || said.Paths["/webhooks/a/b"]["post"].OperationID != "a/b" {
		t.Errorf("the description is %s", body)
	}
	own := newServer(t, webhooks.Config{Page: http.NotFoundHandler()})
	if w, _ := page(t, own, "http://127.0.0.1:7860/openapi.json"); w.Code != http.StatusNotFound {
		t.Errorf("beside a page of its own it is answered %d", w.Code)
	}
}
