package sandbox_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

var keyPattern = regexp.MustCompile(`"(\w+)":`)

// keyOrder lists the keys of a JSON text as they come.
func keyOrder(text string) string {
	var keys []string
	for _, m := range keyPattern.FindAllStringSubmatch(text, -1) {
		keys = append(keys, m[1])
	}
	return strings.Join(keys, " ")
}

func TestAnswersAndPayloadsKeepTheOrderOfTheirKeys(t *testing.T) {
	p, a := watching(t, model.Watch())
	for _, tt := range []struct{ method, path, body, want string }{
		{"GET", "/api/whoami-v2", "", "type id name fullname email emailVerified canPay billingMode periodEnd isPro avatarUrl orgs auth type accessToken displayName role createdAt"},
		{"GET", "/api/users/me/overview", "", "_id user fullname avatarUrl"},
		{"POST", hooks, `{"watched":[{"type":"model","name":"me/m"}],"domains":["repo"],"job":{"dockerImage":"alpine","flavor":"cpu-basic",
			"environment":{"ZZ":"1","AA":"2","MM":"3"},"labels":{"z":"1","a":"2"},"secrets":{"Z":"1","A":"2"}}}`,
			"webhook id job dockerImage environment ZZ AA MM flavor timeoutSeconds labels z a secrets watched type name avatarUrl domains hasSecret disabled"},
	} {
		_, text := p.call(tt.method, tt.path, p.token, tt.body)
		if got := keyOrder(text); got != tt.want || !strings.HasSuffix(text, "}\n") {
			t.Errorf("%s %s: got the keys %s in %q, want %s", tt.method, tt.path, got, text, tt.want)
		}
		if strings.Contains(tt.body, "secrets") && !strings.Contains(text, `"secrets":["Z","A"]`) {
			t.Errorf("the secrets are named as %s", text)
		}
	}
	p.must(p.UpdateRepo(model))
	p.idle()
	plain := keyOrder(string(a.arrivals()[0].body))
	_, text := p.call("POST", "/sandbox/events", p.token, `{"kind":"repo.update","repo":"model:me/m","set":{"zoo":{"z":1,"b":{"y":1.50,"a":[{"d":1,"c":2}]},"a":null},"repo.private":true}}`)
	p.idle()
	body := string(a.arrivals()[1].body)
	if got := keyOrder(body); got != plain+" zoo z b y a d c a" || !strings.Contains(body, `"y":1.50`) {
		t.Errorf("a payload with values of its own has the keys %s, want %s and these", got, plain)
	}
	if want := "kind repo type name webhooks dropped deliveries id logId webhook kind id logId webhook kind"; keyOrder(text) != want {
		t.Errorf("the answer has the keys %s", keyOrder(text))
	}
}

func TestValuesThatAreSetStayAsTheyAreForTheNextDelivery(t *testing.T) {
	p, a := watching(t, model.Watch())
	_, err := p.client.CreateWebhook(t.Context(), hub.WebhookSpec{URL: a.URL, Watched: []hub.Watch{model.Watch()}, Domains: []hub.Domain{"discussion"}})
	p.must(err)
	mine := map[string]any{"title": "mine"}
	_, err = p.Happen("discussion.create", model, map[string]any{"discussion": mine, "discussion.title": "theirs"})
	p.must(err)
	if mine["title"] != "mine" {
		t.Error("a value of the caller was changed")
	}
}

func TestAHiddenCommentHasNoContentFromTheStart(t *testing.T) {
	p, a := watching(t, model.Watch())
	for _, kind := range []string{"discussion.create", "discussion.comment.create", "discussion.comment.update"} {
		_, text := p.call("POST", "/sandbox/events", p.token, `{"kind":"`+kind+`","repo":"model:me/m","set":{"comment.hidden":true}}`)
		got := p.last(a)
		if string(got.Event.Scope)+"."+string(got.Event.Action) != kind || !got.Comment.Hidden || got.Comment.Content != nil || strings.Contains(string(got.Raw), `"content"`) {
			t.Errorf("%s is answered %s and sent as %s", kind, text, got.Raw)
		}
	}
	_, text := p.call("GET", "/api/models/me/m/discussions/1", "", "")
	if strings.Count(text, `"hidden":true`) != 3 {
		t.Errorf("the discussion is %s", text)
	}
}

func TestAnOrganizationsReposBelongToItsMembers(t *testing.T) {
	s := newStory(t)
	s.step("POST", "/api/repos/create", `{"name":"ours","organization":"us","private":true}`, "repo.create")
	s.commit("/api/models/us/ours", "main", write("a", "a"))
	s.events()
	you := s.newToken("you", sandbox.Token{})
	s.refused("GET", "/api/models/us/ours", you, "", 404)
	s.refused("POST", "/api/repos/create", you, `{"name":"theirs","organization":"us"}`, 403)
	s.must(s.AddOrg("us", "you"))
	if resp, text := s.call("GET", "/api/models/us/ours", you, ""); resp.StatusCode != 200 {
		t.Errorf("a new member gets %s", text)
	}
	if _, text := s.call("GET", "/api/whoami-v2", you, ""); !strings.Contains(text, `"orgs":[{"type":"org","id":"`) {
		t.Errorf("whoami of a new member is %s", text)
	}
}
