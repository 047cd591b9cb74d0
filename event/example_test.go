package event_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// A handler that verifies and parses a delivery by itself. Package webhooks has
// a server that does this and more.
func Example() {
	secret, err := event.ParseSecret("my-secret")
	if err != nil {
		log.Fatal(err)
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		switch secret.Check(r.Header, r.URL.RawQuery) {
		case event.VerdictMissing:
			http.Error(w, "no secret", http.StatusUnauthorized)
			return
		case event.VerdictWrong:
			http.Error(w, "wrong secret", http.StatusForbidden)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 32<<20))
		if err != nil {
			http.Error(w, "cannot read the body", http.StatusBadRequest)
			return
		}
		p, ok := hub.ParsePayload(body)
		if !ok {
			http.Error(w, "not a JSON object", http.StatusBadRequest)
			return
		}
		switch kind := event.MakeKind(p.Event.Scope, p.Event.Action); kind.Documented() {
		case event.KindRepoContentUpdate:
			for _, ref := range p.UpdatedRefs {
				fmt.Println("pushed", ref.Ref, "of", p.Repo.Name)
			}
		default:
			fmt.Println("not handled:", kind)
		}
	}

	body := `{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"dataset","name":"me/d"},
		"updatedRefs":[{"ref":"refs/heads/main","oldSha":"ce9a46","newSha":"575db8"}],"webhook":{"id":"6390e8","version":3}}`
	for _, sent := range []string{"my-secret", "another"} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set(event.SecretHeader, sent)
		w := httptest.NewRecorder()
		handler(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// pushed refs/heads/main of me/d
	// 200
	// 403
}

// A payload of each kind for tests of a handler, as the Hub sends it.
func ExampleSample() {
	repo := hub.Repo{Type: hub.RepoTypeModel, Name: "me/m"}
	p, err := event.Sample(event.KindDiscussionCommentCreate, repo, event.SampleOptions{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Event.Scope, p.Event.Action, p.Repo.Name, p.Comment.Content != nil)
	// Output: discussion.comment create me/m true
}

func ExampleParseMatch() {
	match, err := event.ParseMatch("discussion.*,model:me/*")
	if err != nil {
		log.Fatal(err)
	}
	e := &event.Event{Kind: event.KindDiscussionCreate, Repo: hub.Repo{Type: hub.RepoTypeModel, Name: "me/m"}}
	fmt.Println(match.Matches(e))
	// Output: true
}

// An event as a line of JSON: its secrets are masked.
func ExampleEvent_JSONLine() {
	e := &event.Event{N: 1, Header: http.Header{event.SecretHeader: {"my-secret"}}, Body: []byte(`{"event":{"action":"create","scope":"repo"}}`)}
	e.ParseRequest()
	line, err := e.JSONLine(event.LineEvent)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Kind, strings.Contains(string(line), `["X-Webhook-Secret","***"]`))
	// Output: repo.create true
}

// A kind that this version of the package does not know, in a newer scope.
func ExampleKind_Documented() {
	kind := event.MakeKind("repo.config.dois", "create")
	fmt.Println(kind, kind.Known(), kind.Documented())
	// Output: repo.config.dois.create false repo.config.update
}
