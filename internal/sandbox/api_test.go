package sandbox_test

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

const hooks = "/api/settings/webhooks"

func TestAWebhookCanBeMadeReadChangedAndDeleted(t *testing.T) {
	p := open(t, sandbox.Config{})
	ctx := t.Context()
	made := p.listen("http://127.0.0.1:1/a", model.Watch())
	if !made.HasSecret || made.State != hub.StateEnabled || made.URL != "http://127.0.0.1:1/a" {
		t.Errorf("made %+v", made)
	}
	read, err := p.client.GetWebhook(ctx, made.ID)
	p.must(err)
	if diff := cmp.Diff(made, read); diff != "" {
		t.Errorf("what was made is not what is read:\n%s", diff)
	}
	changed, err := p.client.UpdateWebhook(ctx, made.ID, hub.WebhookSpec{
		URL: "http://127.0.0.1:1/b", Watched: []hub.Watch{{Type: "user", Name: "me"}}, Domains: []hub.Domain{"discussion"}, Secret: "other",
	})
	p.must(err)
	if changed.ID != made.ID || changed.URL != "http://127.0.0.1:1/b" || changed.Watched[0].String() != "user:me" || !slices.Equal(changed.Domains, []hub.Domain{"discussion"}) {
		t.Errorf("changed to %+v", changed)
	}
	if secret, ok := p.Secret(made.ID); secret != "other" || !ok {
		t.Errorf("the secret is %q", secret)
	}
	list, err := p.client.ListWebhooks(ctx)
	p.must(err)
	if len(list) != 1 || list[0].ID != made.ID {
		t.Errorf("the list is %+v", list)
	}
	p.must(p.client.DeleteWebhook(ctx, made.ID))
	if left := p.Webhooks("me"); len(left) != 0 {
		t.Errorf("left after the delete: %+v", left)
	}
}

func TestAnAnswerTellsOnlyTheDocumentedKeysAndNeverTheSecret(t *testing.T) {
	p := open(t, sandbox.Config{})
	_, text := p.call("POST", hooks, p.token,
		`{"watched":[{"type":"model","name":"me/m"}],"domains":["repo"],"url":"http://127.0.0.1:1/","secret":"hidden words"}`)
	webhook := decode(t, text)["webhook"].(map[string]any)
	want := []string{"disabled", "domains", "hasSecret", "id", "url", "watched"}
	if got := slices.Sorted(maps.Keys(webhook)); !slices.Equal(got, want) || strings.Contains(text, "hidden") {
		t.Errorf("the answer is %s", text)
	}
	_, text = p.call("POST", hooks, p.token, `{"watched":[{"type":"model","name":"me/m"}],"domains":["repo"],
		"job":{"dockerImage":"alpine","flavor":"cpu-basic","arch":"arm64","environment":{"AB":"x"},"secrets":{"KEY":"hidden"},"attempts":2,"timeoutSeconds":60}}`)
	webhook = decode(t, text)["webhook"].(map[string]any)
	job := map[string]any{
		"dockerImage": "alpine", "flavor": "cpu-basic", "environment": map[string]any{"AB": "x"},
		"secrets": []any{"KEY"}, "timeoutSeconds": 60.0,
	}
	if diff := cmp.Diff(job, webhook["job"]); diff != "" {
		t.Errorf("the job is told otherwise:\n%s", diff)
	}
	if _, told := webhook["url"]; told {
		t.Errorf("a webhook with a job has a URL: %s", text)
	}
}

func TestAListIsABareArrayAndADeleteAnswersAnEmptyObject(t *testing.T) {
	p := open(t, sandbox.Config{})
	if _, text := p.call("GET", hooks, p.token, ""); text != "[]\n" {
		t.Errorf("an empty list is %s", text)
	}
	made := p.listen("http://127.0.0.1:1/", model.Watch())
	if _, text := p.call("DELETE", hooks+"/"+made.ID, p.token, ""); text != "{}\n" {
		t.Errorf("a delete answers %s", text)
	}
}

func TestAWebhookIsEnabledAndDisabled(t *testing.T) {
	p := open(t, sandbox.Config{})
	made := p.listen("http://127.0.0.1:1/", model.Watch())
	off, err := p.client.DisableWebhook(t.Context(), made.ID)
	p.must(err)
	p.must(p.SuspendWebhook(made.ID))
	suspended, err := p.client.GetWebhook(t.Context(), made.ID)
	p.must(err)
	on, err := p.client.EnableWebhook(t.Context(), made.ID)
	p.must(err)
	got := []hub.State{off.State, suspended.State, on.State}
	if want := []hub.State{hub.StateDisabled, hub.StateSuspended, hub.StateEnabled}; !slices.Equal(got, want) {
		t.Errorf("disabled was %q, want %q", got, want)
	}
}

func TestAnotherAccountsWebhookIsNotFound(t *testing.T) {
	p := open(t, sandbox.Config{})
	a := startApp(t, nil)
	made := p.listen(a.URL, model.Watch())
	p.must(p.UpdateRepo(model))
	p.idle()
	yours := p.newToken("you", sandbox.Token{})
	for _, call := range []string{"GET ", "DELETE ", "POST ", "POST /enable", "POST /replay/" + p.Deliveries()[0].LogID} {
		method, rest, _ := strings.Cut(call, " ")
		body := `{"watched":[{"type":"model","name":"me/m"}],"domains":["repo"],"url":"http://127.0.0.1:1/"}`
		if resp, text := p.call(method, hooks+"/"+made.ID+rest, yours, body); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %d %s", call, resp.StatusCode, text)
		}
	}
	if _, text := p.call("GET", hooks, yours, ""); text != "[]\n" {
		t.Errorf("another account lists %s", text)
	}
	if n := len(p.Webhooks("me")); n != 1 || len(a.arrivals()) != 1 {
		t.Errorf("%d webhooks and %d arrivals, want 1 and 1", n, len(a.arrivals()))
	}
}

func TestATokenMayDoWhatItsRoleAndPermissionsSay(t *testing.T) {
	fine := func(permissions ...string) sandbox.Token {
		return sandbox.Token{Role: sandbox.RoleFineGrained, Permissions: permissions}
	}
	for _, tt := range []struct {
		name        string
		token       sandbox.Token
		modes       sandbox.Modes
		read, write int
	}{
		{"write", sandbox.Token{}, sandbox.Modes{}, 200, 400},
		{"god", sandbox.Token{Role: sandbox.RoleGod}, sandbox.Modes{}, 200, 400},
		{"read", sandbox.Token{Role: sandbox.RoleRead}, sandbox.Modes{}, 200, 403},
		{"read in the lenient mode", sandbox.Token{Role: sandbox.RoleRead}, sandbox.Modes{ReadTokenMayWrite: true}, 200, 400},
		{"fine-grained without permissions", fine(), sandbox.Modes{}, 403, 403},
		{"fine-grained read", fine(sandbox.WebhooksRead), sandbox.Modes{}, 200, 403},
		{"fine-grained write", fine(sandbox.WebhooksWrite), sandbox.Modes{}, 200, 400},
		{"fine-grained write in the strict mode", fine(sandbox.WebhooksWrite), sandbox.Modes{WriteNeedsRead: true}, 403, 400},
		{"OAuth with webhooks", sandbox.Token{OAuth: true, Scopes: []string{"openid", "webhooks"}}, sandbox.Modes{}, 200, 400},
		{"OAuth without", sandbox.Token{OAuth: true, Scopes: []string{"openid"}}, sandbox.Modes{}, 403, 403},
	} {
		p := open(t, sandbox.Config{Modes: tt.modes})
		token := p.newToken("me", tt.token)
		read, _ := p.call("GET", hooks, token, "")
		write, _ := p.call("POST", hooks, token, "{}") // 400: it may, but the body is empty
		who, _ := p.call("GET", "/api/whoami-v2", token, "")
		if read.StatusCode != tt.read || write.StatusCode != tt.write || who.StatusCode != http.StatusOK {
			t.Errorf("%s: reads %d, writes %d, whoami %d; want %d, %d, 200", tt.name, read.StatusCode, write.StatusCode, who.StatusCode, tt.read, tt.write)
		}
	}
}

func TestNoTokenAWrongOneAndARevokedOneAreRefused(t *testing.T) {
	p := open(t, sandbox.Config{})
	revoked := p.newToken("me", sandbox.Token{})
	p.RevokeToken(revoked)
	for _, token := range []string{"", "hf_wrong", revoked} {
		resp, _ := p.call("GET", "/api/whoami-v2", token, "")
		if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("X-Error-Message") == "" || resp.Header.Get("X-Request-Id") == "" {
			t.Errorf("%q: got %d with %v", token, resp.StatusCode, resp.Header)
		}
	}
}

func TestATokenCountsAsABearerTokenOnly(t *testing.T) {
	p := open(t, sandbox.Config{})
	for scheme, want := range map[string]int{"Bearer ": 200, "bearer ": 200, "Basic ": 401, "": 401} {
		req, err := http.NewRequest("GET", p.base+hooks, nil)
		p.must(err)
		req.Header.Set("Authorization", scheme+p.token)
		if resp, _ := p.do(req); resp.StatusCode != want {
			t.Errorf("%q: got %d, want %d", scheme, resp.StatusCode, want)
		}
	}
}

func TestWhoamiTellsTheUserTheOrgsAndTheToken(t *testing.T) {
	p := open(t, sandbox.Config{})
	p.must(p.AddOrg("us", "me"))
	p.must(p.AddOrg("them", "you"))
	token := p.newToken("me", sandbox.Token{Name: "laptop", Role: sandbox.RoleFineGrained, Permissions: []string{sandbox.WebhooksWrite}})
	_, text := p.call("GET", "/api/whoami-v2", token, "")
	who := decode(t, text)
	orgs := who["orgs"].([]any)
	if who["name"] != "me" || who["type"] != "user" || len(orgs) != 1 || orgs[0].(map[string]any)["name"] != "us" {
		t.Errorf("whoami is %s", text)
	}
	access := who["auth"].(map[string]any)["accessToken"].(map[string]any)
	scoped := access["fineGrained"].(map[string]any)["scoped"].([]any)[0].(map[string]any)
	if access["displayName"] != "laptop" || access["role"] != "fineGrained" || scoped["permissions"].([]any)[0] != sandbox.WebhooksWrite {
		t.Errorf("the token is told as %v", access)
	}
	_, text = p.call("GET", "/api/whoami-v2", p.newToken("me", sandbox.Token{OAuth: true}), "")
	if auth := decode(t, text)["auth"].(map[string]any); auth["type"] != "oauth" || auth["accessToken"] != nil {
		t.Errorf("an OAuth token is told as %v", auth)
	}
}

func TestErrorsComeInTheFormOfTheMode(t *testing.T) {
	for form, want := range map[sandbox.ErrorForm]string{
		sandbox.ErrorString:      `{"error":"Webhook not found"}`,
		sandbox.ErrorList:        `{"error":["Webhook not found"]}`,
		sandbox.ErrorDescription: `{"error":"not_found","error_description":"Webhook not found"}`,
		sandbox.ErrorObjects:     `{"errors":[{"message":"Webhook not found"}]}`,
		sandbox.ErrorText:        `Webhook not found`,
		sandbox.ErrorHTML:        "<!doctype html>\n<html><body><h1>404</h1><p>Webhook not found</p></body></html>",
	} {
		p := open(t, sandbox.Config{Modes: sandbox.Modes{ErrorForm: form}})
		resp, text := p.call("GET", hooks+"/65a14fd933eca76f4639fc84", p.token, "")
		if text != want+"\n" || resp.Header.Get("X-Error-Message") != "Webhook not found" {
			t.Errorf("got %s, want %s", text, want)
		}
		if _, err := p.client.GetWebhook(t.Context(), "65a14fd933eca76f4639fc84"); !errors.Is(err, hub.ErrNotFound) {
			t.Errorf("the client understands %v", err)
		}
	}
}

func TestTheModesChangeWhatTheDocsLeaveOpen(t *testing.T) {
	const none = hooks + "/65a14fd933eca76f4639fc84"
	const unknown = `{"watched":[{"type":"model","name":"me/none"}],"domains":["repo"],"url":"http://127.0.0.1:1/"}`
	const good = `{"watched":[{"type":"model","name":"me/m"}],"domains":["repo"],"url":"http://127.0.0.1:1/"}`
	for _, tt := range []struct {
		modes              sandbox.Modes
		method, path, body string
		want               int
	}{
		{sandbox.Modes{}, "DELETE", none, "", 404},
		{sandbox.Modes{DeleteUnknownIs400: true}, "DELETE", none, "", 400},
		{sandbox.Modes{DeleteUnknownIs400: true}, "GET", none, "", 404},
		{sandbox.Modes{}, "POST", hooks, unknown, 400},
		{sandbox.Modes{Invalid422: true}, "POST", hooks, unknown, 422},
		{sandbox.Modes{}, "POST", hooks, good, 200},
		{sandbox.Modes{RefuseHTTP: true}, "POST", hooks, good, 400},
		{sandbox.Modes{RefuseHTTP: true}, "POST", hooks, strings.ReplaceAll(good, "http:", "https:"), 200},
	} {
		p := open(t, sandbox.Config{Modes: tt.modes})
		if resp, text := p.call(tt.method, tt.path, p.token, tt.body); resp.StatusCode != tt.want {
			t.Errorf("%+v: %s %s: got %d %s, want %d", tt.modes, tt.method, tt.path, resp.StatusCode, text, tt.want)
		}
	}
}

func TestAnUpdateWithoutASecretClearsOrKeepsIt(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		p := open(t, sandbox.Config{Modes: sandbox.Modes{UpdateKeepsSecret: keeps}})
		made := p.listen("http://127.0.0.1:1/", model.Watch())
		changed, err := p.client.UpdateWebhook(t.Context(), made.ID, hub.WebhookSpec{
			URL: made.URL, Watched: made.Watched, Domains: made.Domains,
		})
		p.must(err)
		if secret, _ := p.Secret(made.ID); changed.HasSecret != keeps || (secret == "s3cret") != keeps {
			t.Errorf("keeps %v: hasSecret is %v, the secret %q", keeps, changed.HasSecret, secret)
		}
	}
}

func TestAnUpdateLeavesADisabledWebhookDisabled(t *testing.T) {
	p := open(t, sandbox.Config{})
	made := p.listen("http://127.0.0.1:1/", model.Watch())
	p.must(p.SuspendWebhook(made.ID))
	changed, err := p.client.UpdateWebhook(t.Context(), made.ID, hub.WebhookSpec{URL: made.URL, Watched: made.Watched, Domains: made.Domains})
	p.must(err)
	if changed.State != hub.StateSuspended {
		t.Errorf("disabled is %q", changed.State)
	}
}

func TestWrongMethodsPathsAndContentTypesAreRefused(t *testing.T) {
	p := open(t, sandbox.Config{})
	resp, _ := p.call("PUT", hooks, p.token, "{}")
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, POST" {
		t.Errorf("PUT: got %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
	if resp, _ := p.call("GET", "/api/none/such/thing/at/all", p.token, ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown path: got %d", resp.StatusCode)
	}
	req, err := http.NewRequest("POST", p.base+hooks, strings.NewReader("{}"))
	p.must(err)
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Content-Type", "text/plain")
	if resp, _ := p.do(req); resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("text/plain: got %d", resp.StatusCode)
	}
	if resp, _ := p.call("POST", hooks, p.token, `{"secret":"`+strings.Repeat("x", 1<<20)+`"}`); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body above 1 MiB: got %d", resp.StatusCode)
	}
}

func TestAnAccountHasSoManyCallsInFiveMinutes(t *testing.T) {
	now := newClock()
	p := open(t, sandbox.Config{RateLimit: 3, WhoamiLimit: 1, Now: now.read})
	first, _ := p.call("GET", hooks, p.token, "")
	if got := first.Header.Get("RateLimit"); got != `"api";r=2;t=300` {
		t.Errorf("RateLimit is %q", got)
	}
	if got := first.Header.Get("RateLimit-Policy"); got != `"fixed window";"api";q=3;w=300` {
		t.Errorf("RateLimit-Policy is %q", got)
	}
	for i, want := range []int{200, 429} {
		if resp, _ := p.call("GET", "/api/whoami-v2", p.token, ""); resp.StatusCode != want {
			t.Errorf("whoami %d: got %d, want %d", i+1, resp.StatusCode, want)
		}
	}
	now.advance(time.Minute)
	over, _ := p.call("GET", hooks, p.token, "")
	if over.StatusCode != http.StatusTooManyRequests || over.Header.Get("Retry-After") != "240" || over.Header.Get("RateLimit") != `"api";r=0;t=240` {
		t.Errorf("the fourth call: got %d with %v", over.StatusCode, over.Header)
	}
	if other, _ := p.call("GET", hooks, p.newToken("you", sandbox.Token{}), ""); other.StatusCode != http.StatusOK {
		t.Errorf("another account: got %d", other.StatusCode)
	}
	now.advance(4 * time.Minute)
	if again, _ := p.call("GET", hooks, p.token, ""); again.StatusCode != http.StatusOK {
		t.Errorf("in the next window: got %d", again.StatusCode)
	}
}

func TestReposAndAccountsCanBeLookedUp(t *testing.T) {
	p := open(t, sandbox.Config{})
	p.must(p.AddOrg("us", "me"))
	p.must(p.AddRepo(hub.Repo{Type: "dataset", Name: "us/hidden"}, true))
	p.must(p.AddRepo(hub.Repo{Type: "model", Name: "gpt2"}, false))
	yours := p.newToken("you", sandbox.Token{})
	for _, tt := range []struct {
		path, token string
		want        int
	}{
		{"/api/models/me/m", "", 200}, {"/api/models/gpt2", "", 200}, {"/api/spaces/me/m", "", 401}, {"/api/spaces/me/m", yours, 404}, {"/api/robots/me/m", "", 404},
		{"/api/datasets/us/hidden", p.token, 200}, {"/api/datasets/us/hidden", yours, 404}, {"/api/datasets/us/hidden", "", 401},
		{"/api/users/me/overview", "", 200}, {"/api/users/us/overview", "", 404}, {"/api/organizations/us/overview", "", 200},
	} {
		if resp, text := p.call("GET", tt.path, tt.token, ""); resp.StatusCode != tt.want {
			t.Errorf("%s: got %d %s, want %d", tt.path, resp.StatusCode, text, tt.want)
		}
	}
}
