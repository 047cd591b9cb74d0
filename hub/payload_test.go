package hub

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func samples() map[string]string {
	return map[string]string{
		"a pull request": samplePullRequest, "a new ref": sampleNewRef, "a bucket upload": sampleBucket, "the other parts": sampleRest,
	}
}

func TestTheSamplesOfTheHubsDocsComeBackWhole(t *testing.T) {
	for name, body := range samples() {
		p, ok := ParsePayload([]byte(body))
		if !ok || string(p.Raw) != body {
			t.Errorf("%s: not read, or not kept", name)
		}
		written, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-sample +written):\n%s", name, diff)
		}
	}
}

func TestAHeadIsReadFromEachSample(t *testing.T) {
	for name, want := range map[string]Head{
		"a pull request":  {"discussion", "create", Repo{"model", "openai-community/gpt2"}, "6390e855e30d9209411de93b"},
		"a new ref":       {"repo.content", "update", Repo{"space", "Wauplin/gradio-user-history"}, "65a14fd933eca76f4639fc84"},
		"a bucket upload": {"repo.content", "update", Repo{"bucket", "some-user/some-bucket"}, "6390e855e30d9209411de93b"},
		"the other parts": {"repo", "move", Repo{"dataset", "me/d"}, "6390e855e30d9209411de93b"},
	} {
		if got := ParseHead([]byte(samples()[name])); got != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAHeadIsReadFromBodiesOfOtherShapes(t *testing.T) {
	wide := strings.Repeat(`{},[],{"a":1},[1],`, maxDepth) + "1"
	deep := strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1)
	for body, want := range map[string]Head{
		"":                      {},
		"null":                  {},
		"5":                     {},
		`"event"`:               {},
		`[{"event":{}}]`:        {},
		`{}`:                    {},
		`{"event":5,"repo":[]}`: {},
		`{"event":null,"repo":null,"webhook":null}`: {},
		`{"event":{"scope":5,"action":"update"}}`:   {Action: "update"},
		`{"event":{"scope":{"scope":"x"}}}`:         {},
		`{"event":{"scope":null,"action":["a"]},"repo":{"type":"kernel","name":"a/b"},"webhook":{"id":"1"}}`: {Repo: Repo{"kernel", "a/b"}, WebhookID: "1"},
		`{"x":{"event":{"scope":"no"}},"event":{"x":{"scope":"no"},"scope":"galaxy"}}`:                       {Scope: "galaxy"},
		// Of two keys the last one counts, whatever it holds.
		`{"event":{"scope":"a","scope":"b"}}`:            {Scope: "b"},
		`{"event":{"scope":"a","scope":5}}`:              {},
		`{"event":{"scope":"a","action":"b"},"event":5}`: {},
		`{"repo":{"type":"a"},"repo":{"name":"b"}}`:      {Repo: Repo{Name: "b"}},
		// Capitals make another key, as they do for everyone but encoding/json.
		`{"Event":{"scope":"a"},"event":{"Scope":"b"}}`: {},
		// Escapes in keys and texts, and bytes that are no UTF-8.
		`{"\u0065vent":{"s\u0063ope":"r\u00e9po\n"}}`: {Scope: "répo\n"},
		"{\"event\":{\"scope\":\"a\xffb\"}}":          {Scope: "a\ufffdb"},
		`{"event":{"scope":"\ud800"}}`:                {Scope: "\ufffd"},
		// What is no JSON has no head, however well it begins.
		`{"event":{"scope":"a"}`:                      {},
		`{"event":{"scope":"a"}} x`:                   {},
		`{"event":{"scope":"a"},}`:                    {},
		"\ufeff" + `{"event":{"scope":"a"}}`:          {},
		`{"x":[` + wide + `],"event":{"scope":"a"}}`:  {Scope: "a"},
		`{"event":{"scope":"a"},"x":` + deep + `}`:    {Scope: "a"},
		`{"event":{"scope":"a"},"x":[` + deep + `]}`:  {},
		"\t {\"event\" : {\n\"scope\":\r\"a\" } } \n": {Scope: "a"},
	} {
		if got := ParseHead([]byte(body)); got != want {
			t.Errorf("%.80q: %+v, want %+v", body, got, want)
		}
	}
}

func TestAFieldOfAnotherShapeLosesNoneOfItsNeighbours(t *testing.T) {
	const body = `{"event":{"action":"create","scope":"discussion","new":{"a":[1]}},
		"repo":{"type":"galaxy","name":"me/m","id":5,"private":"yes","tags":"a","url":[],"headSha":"abc","owner":{"id":7,"name":"x"}},
		"discussion":{"id":"1","title":null,"num":"19","status":"open","isPullRequest":1,"changes":"x","author":{"id":"u"},"pinned":true,"url":{"web":1,"api":"a"}},
		"comment":[],"webhook":{"id":"w","version":"3"},"updatedRefs":[5,{"ref":"refs/heads/main","oldSha":1,"newSha":"n"}],
		"updatedFiles":{"path":"x"},"updatedFilesTruncated":"true","updatedConfig":[1],"movedTo":5,"unheardOf":{"x":1}}`
	p, ok := ParsePayload([]byte(body))
	if !ok {
		t.Fatal("not read")
	}
	yes, sha := true, "n"
	want := Payload{
		Event:         PayloadEvent{Action: "create", Scope: "discussion"},
		Repo:          PayloadRepo{Type: "galaxy", Name: "me/m", HeadSHA: "abc"},
		Discussion:    &Discussion{ID: "1", Status: "open", Author: Account{ID: "u"}, Pinned: &yes, URL: URLs{API: "a"}, Changes: &Changes{}},
		Webhook:       WebhookRef{ID: "w"},
		UpdatedRefs:   []RefUpdate{{}, {Ref: "refs/heads/main", NewSHA: &sha}},
		UpdatedConfig: json.RawMessage(`[1]`),
		Raw:           []byte(body),
	}
	// What has another shape as a whole may be nil or empty: nobody can tell.
	if p.Comment != nil && *p.Comment == (Comment{}) {
		p.Comment = nil
	}
	if p.MovedTo != nil && *p.MovedTo == (MovedTo{}) {
		p.MovedTo = nil
	}
	if p.UpdatedRefs[1].OldSHA != nil && *p.UpdatedRefs[1].OldSHA == "" {
		p.UpdatedRefs[1].OldSHA = nil
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestANarrowerScopeCountsAsAnUpdateOfTheBroaderOne(t *testing.T) {
	for _, c := range []struct {
		scope    Scope
		action   Action
		countsAs Scope
		as       Action
	}{
		{"repo", "create", "repo", "create"},
		{"repo.config", "update", "repo.config", "update"},
		{"repo.config.dois", "create", "repo.config", "update"},
		{"repo.config.dois.more", "delete", "repo.config", "update"},
		{"repo.stars", "create", "repo", "update"},
		{"discussion.comment.reaction", "create", "discussion.comment", "update"},
		{"discussion.comment", "create", "discussion.comment", "create"},
		{"galaxy", "create", "galaxy", "create"},
		{"galaxy.star", "create", "galaxy.star", "create"},
		{"repository.content", "update", "repository.content", "update"},
		{"", "update", "", "update"},
		{".", "update", ".", "update"},
		{"repo.", "create", "repo", "update"},
	} {
		if got := (PayloadEvent{Scope: c.scope, Action: c.action}).Documented(); got != (PayloadEvent{Scope: c.countsAs, Action: c.as}) {
			t.Errorf("%s %s counts as %s %s", c.scope, c.action, got.Scope, got.Action)
		}
	}
}

func TestAddressesAreThoseOfTheHub(t *testing.T) {
	const e = "https://huggingface.co"
	for typ, want := range map[RepoType]URLs{
		"model":   {e + "/me/m", e + "/api/models/me/m"},
		"dataset": {e + "/datasets/me/m", e + "/api/datasets/me/m"},
		"space":   {e + "/spaces/me/m", e + "/api/spaces/me/m"},
		"bucket":  {e + "/buckets/me/m", e + "/api/buckets/me/m"},
	} {
		repo := Repo{Type: typ, Name: "me/m"}.URLs(e)
		if repo != want {
			t.Errorf("%s: %+v", typ, repo)
		}
		discussion := DiscussionURLs(repo, 19)
		if discussion != (URLs{want.Web + "/discussions/19", want.API + "/discussions/19"}) {
			t.Errorf("%s: %+v", typ, discussion)
		}
		if got := CommentURL(discussion, "6399"); got != want.Web+"/discussions/19#6399" {
			t.Errorf("%s: %s", typ, got)
		}
	}
	p, _ := ParsePayload([]byte(samplePullRequest))
	if d := DiscussionURLs(p.Repo.Repo().URLs(e), p.Discussion.Num); d != p.Discussion.URL || CommentURL(d, p.Comment.ID) != p.Comment.URL.Web {
		t.Errorf("the docs' sample has other addresses than %+v", d)
	}
	if got := (Repo{Type: "x/../y", Name: "a b/c?d#e"}).URLs(e).Web; got != e+"/x%2F..%2Fys/a%20b/c%3Fd%23e" {
		t.Errorf("odd names make %s", got)
	}
}

// FuzzParsePayload holds the readers to what encoding/json reads from the same
// bytes, and to never failing.
func FuzzParsePayload(f *testing.F) {
	for _, body := range samples() {
		f.Add([]byte(body))
	}
	for _, s := range []string{
		`{"repo":{"Type":"a","name":"b","name":5},"webhook":{"ID":"c"}}`,
		``, `null`, `{}`, `[]`, `{"event":{"scope":"a","scope":5},"event":{"action":"b"}}`, `{"\u0065vent":{"scope":"\ud83d\ude00\q"}}`,
		"{\"repo\":{\"name\":\"\xff\"}}", `{"a":-0.0e+1,"b":01}`, `{"a":1.}`, `{"a":-}`, `{"a":tru}`, `{"":{"":""}}`, "{\"a\":\"\x1f\"}", `{"a":"\u12G4"}`,
		`{"webhook":{"id":"` + strings.Repeat(`\\\"`, 50) + `"}}`, strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		head := ParseHead(body)
		p, ok := ParsePayload(body)
		if !bytes.Equal(body, before) || !bytes.Equal(p.Raw, before) {
			t.Fatal("the body was changed or not kept")
		}
		if got := (Head{p.Event.Scope, p.Event.Action, p.Repo.Repo(), p.Webhook.ID}); got != head {
			t.Fatalf("head %+v, payload %+v", head, got)
		}
		var top map[string]json.RawMessage
		isObject := json.Unmarshal(body, &top) == nil && top != nil
		if ok != isObject {
			t.Fatalf("read: %v, an object: %v", ok, isObject)
		}
		want := Head{
			Scope(textOf(top["event"], "scope")), Action(textOf(top["event"], "action")),
			Repo{RepoType(textOf(top["repo"], "type")), textOf(top["repo"], "name")}, textOf(top["webhook"], "id"),
		}
		if head != want {
			t.Fatalf("head %+v, want %+v", head, want)
		}
		s := scanner{b: body}
		s.space()
		valid := s.skip()
		if s.space(); (valid && s.i == len(body)) != json.Valid(body) {
			t.Fatalf("valid: %v, up to %d of %d bytes; encoding/json: %v", valid, s.i, len(body), json.Valid(body))
		}
		if ok {
			if _, err := json.Marshal(p); err != nil {
				t.Fatalf("cannot be written again: %v", err)
			}
		}
		_ = p.Event.Documented()
	})
}

// textOf reads one text of an object with encoding/json alone.
func textOf(object json.RawMessage, key string) string {
	var m map[string]json.RawMessage
	var s string
	if len(object) > 0 && json.Unmarshal(object, &m) == nil && len(m[key]) > 0 {
		_ = json.Unmarshal(m[key], &s)
	}
	return s
}
