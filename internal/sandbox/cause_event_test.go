package sandbox_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestEveryKindHappensInEveryRepoThatCanHaveIt(t *testing.T) {
	for _, typ := range hub.RepoTypes() {
		for _, kind := range event.KindsOf(typ) {
			p, a := watching(t, hub.Watch{Type: "user", Name: "me"})
			repo := hub.Repo{Type: typ, Name: "me/new"}
			h, err := p.Happen(kind, repo, nil)
			p.must(err)
			p.idle()
			want := string(kind)
			if got := a.kinds(); got != want || h.Webhooks != 1 || len(h.Deliveries) != 1 {
				t.Errorf("%s in a %s: arrived %q, and %+v is told", kind, typ, got, h)
			}
			got := a.arrivals()[0]
			sample, err := event.Sample(kind, repo, event.SampleOptions{Variant: variantLike(kind, got.payload)})
			p.must(err)
			if want, got := topKeys(t, sample), rawKeys(t, got.body); want != got {
				t.Errorf("%s in a %s has the keys %s, a sample %s", kind, typ, got, want)
			}
			if again, err := p.Happen(kind, repo, nil); err != nil || len(again.Deliveries) != 1 {
				t.Errorf("%s in a %s does not happen twice: %+v, %v", kind, typ, again, err)
			}
			p.idle()
		}
	}
}

// variantLike is the variant that a payload is one of, where there are two.
func variantLike(kind event.Kind, p hub.Payload) event.Variant {
	if p.Discussion != nil && kind != "discussion.update" && kind != "discussion.comment.update" {
		if p.Discussion.IsPullRequest {
			return event.VariantPullRequest
		}
		return event.VariantDiscussion
	}
	return ""
}

func topKeys(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return rawKeys(t, b)
}

func rawKeys(t *testing.T, body []byte) string {
	t.Helper()
	var top map[string]json.RawMessage
	if err := json.Unmarshal(body, &top); err != nil {
		t.Fatal(err)
	}
	for key := range top {
		top[key] = nil
	}
	b, err := json.Marshal(top)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhatHappensIsWhatWasAskedFor(t *testing.T) {
	p, a := watching(t, model.Watch())
	for _, tt := range []struct {
		kind  event.Kind
		set   map[string]any
		check func(hub.Payload) bool
	}{
		{"discussion.create", map[string]any{"discussion.title": "T", "comment.content": "C"},
			func(p hub.Payload) bool {
				return p.Discussion.Title == "T" && *p.Comment.Content == "C" && !p.Discussion.IsPullRequest
			}},
		{"discussion.comment.create", map[string]any{"discussion.author.id": "x"}, func(p hub.Payload) bool { return p.Discussion.Author.ID == "x" && p.Discussion.Title == "T" }},
		{"discussion.comment.update", map[string]any{"comment.hidden": true}, func(p hub.Payload) bool { return p.Comment.Hidden && p.Comment.Content == nil }},
		{"discussion.update", map[string]any{"discussion.status": "merged"}, func(p hub.Payload) bool { return p.Discussion.Status == "merged" && p.Discussion.Changes != nil }},
		{"discussion.update", nil, func(p hub.Payload) bool { return p.Discussion.Status == "closed" && p.Discussion.Num == 1 }},
		{"discussion.update", map[string]any{"discussion.status": "open"}, func(p hub.Payload) bool { return p.Discussion.Status == "open" && p.Discussion.Num == 1 }},
		{"repo.config.update", map[string]any{"updatedConfig.private": true}, func(p hub.Payload) bool { return p.Repo.Private && string(p.UpdatedConfig) == `{"private":true}` }},
		{"repo.config.update", map[string]any{"updatedConfig": map[string]any{}}, func(p hub.Payload) bool { return p.Repo.Private && string(p.UpdatedConfig) == `{}` }},
		{"repo.config.update", nil, func(p hub.Payload) bool { return !p.Repo.Private && string(p.UpdatedConfig) == `{"private":false}` }},
		{"repo.content.update", map[string]any{"updatedRefs.0.ref": "refs/convert/parquet"}, func(p hub.Payload) bool { return p.UpdatedRefs[0].Ref == "refs/convert/parquet" }},
		{"repo.config.dois.create", map[string]any{"new.field": 1}, func(p hub.Payload) bool {
			return p.Event == hub.PayloadEvent{Scope: "repo.config.dois", Action: "create"} && strings.Contains(string(p.Raw), `"new":{"field":1}`)
		}},
		{"repo.update", map[string]any{"repo.tags": []any{"a", "b"}}, func(p hub.Payload) bool { return len(p.Repo.Tags) == 2 }},
		{"repo.move", map[string]any{"movedTo.name": "you/z"}, func(p hub.Payload) bool { return p.MovedTo.Name == "you/z" && p.Repo.Name == "me/m" }},
		{"repo.move", nil, func(p hub.Payload) bool { return p.MovedTo.Name == "you/z-2" && p.Repo.Name == "you/z" }},
	} {
		_, err := p.Happen(tt.kind, model, tt.set)
		p.must(err)
		// A merge brings a second event along, which comes last.
		p.idle()
		var got hub.Payload
		for _, arrival := range a.arrivals() {
			if arrival.payload.Event.Scope == tt.kind.Scope() {
				got = arrival.payload
			}
		}
		if !tt.check(got) {
			t.Errorf("%s with %v: got %s", tt.kind, tt.set, got.Raw)
		}
	}
}

func TestAPullRequestThatHappensBringsItsRefAlong(t *testing.T) {
	p, a := watching(t, model.Watch())
	h, err := p.Happen("discussion.create", model, map[string]any{"discussion.isPullRequest": true})
	p.must(err)
	p.idle()
	if a.kinds() != "discussion.create repo.content.update" || h.Webhooks != 1 || len(h.Deliveries) != 2 {
		t.Errorf("arrived %q, and %+v is told", a.kinds(), h)
	}
}

func TestAPullRequestThatWasMadeFirstHasARefToPushTo(t *testing.T) {
	p, a := watching(t, model.Watch())
	_, err := p.Happen("discussion.comment.create", model, map[string]any{"discussion.isPullRequest": true})
	p.must(err)
	if _, err := p.PushCommit(model, "refs/pr/1"); err != nil {
		t.Error(err)
	}
	p.idle()
	if want := "discussion.comment.create repo.content.update"; a.kinds() != want {
		t.Errorf("arrived: %s, want %s", a.kinds(), want)
	}
}

func TestWhatCannotHappenIsAnErrorAndNothingIsSent(t *testing.T) {
	p, a := watching(t, model.Watch(), bucket.Watch())
	for _, tt := range []struct {
		kind event.Kind
		repo hub.Repo
		set  map[string]any
		want string
	}{
		{"discussion.create", bucket, nil, "no discussion.create for a bucket"},
		{"repo.explode", model, nil, "no events of the kind"},
		{"repo.update", hub.Repo{Type: "user", Name: "me"}, nil, "is not a repo"},
		{"repo.update", model, map[string]any{"repo.name.first": 1}, "cannot stand in a plain value"},
		{"repo.update", model, map[string]any{"repo..name": 1}, "is empty"},
		{"repo.content.update", model, map[string]any{"updatedRefs.9.ref": 1}, "not an item of the list"},
		{"repo.move", model, map[string]any{"movedTo.name": "me/m/x"}, "too many slashes"},
	} {
		if _, err := p.Happen(tt.kind, tt.repo, tt.set); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s in %s with %v: got %v, want %q", tt.kind, tt.repo, tt.set, err, tt.want)
		}
	}
	p.idle()
	if n := len(a.arrivals()); n != 0 {
		t.Errorf("%d arrivals", n)
	}
}

func TestEventsCanBeMadeOverHTTP(t *testing.T) {
	p, a := watching(t, model.Watch())
	resp, text := p.call("POST", "/sandbox/events", p.token, `{"kind":"discussion.create","repo":"model:me/m","set":{"discussion.title":"<b>"},"count":2}`)
	var h sandbox.Happening
	p.must(json.Unmarshal([]byte(text), &h))
	if resp.StatusCode != http.StatusOK || h.Webhooks != 1 || len(h.Deliveries) != 2 || h.Kind != "discussion.create" || h.Repo != model {
		t.Errorf("got %d %s", resp.StatusCode, text)
	}
	p.idle()
	got := a.arrivals()
	if len(got) != 2 || got[0].header.Get("Webhook-Id") != h.Deliveries[0].ID || !strings.Contains(string(got[1].body), `"title":"<b>"`) {
		t.Errorf("%d arrivals, the last one %s", len(got), got[len(got)-1].body)
	}
	if resp, _ := p.call("POST", "/sandbox/events", "", `{"kind":"repo.update","repo":"model:me/m"}`); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: got %d", resp.StatusCode)
	}
	for body, want := range map[string]string{
		``:                                     "Invalid event",
		`{"kind":"repo.update"}`:               "Invalid repo",
		`{"kind":"x","repo":"model:me/m"}`:     "no events of the kind",
		`{"repo":"model:me/m","sets":{}}`:      "unknown field",
		`{"kind":"repo.update","repo":"gpt2"}`: "has no type",
		`{"kind":"repo.update","repo":"model:me/m","count":0}`:             "from 1 to 10000",
		`{"kind":"repo.update","repo":"model:me/m"} x`:                     "more after the object",
		`{"kind":"repo.update","repo":"model:me/m","set":{"repo.id.a":1}}`: "plain value",
	} {
		resp, text := p.call("POST", "/sandbox/events", p.token, body)
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("%s: got %d %s, want 400 and %q", body, resp.StatusCode, text, want)
		}
	}
}
