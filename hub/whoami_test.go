package hub

import (
	"fmt"
	"strings"
	"testing"
)

const exampleUser = `{"type":"user","id":"61d2000c3c2083e1c08af22d","name":"me","fullname":"Me","email":null,"isPro":true,"avatarUrl":"/a",` +
	`"orgs":[{"type":"org","id":"2","name":"us","fullname":"Us","avatarUrl":"/b","roleInOrg":"admin"}],"auth":%s}`

func TestWhoAmITellsUserAndToken(t *testing.T) {
	body := fmt.Sprintf(exampleUser, `{"type":"access_token","accessToken":{"displayName":"ci","role":"write","createdAt":"2026-01-01T00:00:00Z"}}`)
	who, err := clientFor(t, answer(200, nil, body)).WhoAmI(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if who.Name != "me" || who.Type != "user" || !who.IsPro || len(who.Orgs) != 1 || who.Orgs[0] != (Org{"2", "us", "Us", "admin"}) ||
		who.Auth.Type != "access_token" || *who.Auth.AccessToken != (AccessToken{DisplayName: "ci", Role: "write"}) {
		t.Errorf("%+v", who)
	}
	// A field of another type than today's does not lose the others.
	who, err = clientFor(t, answer(200, nil, `{"orgs":5,"isPro":"very","name":"me","auth":{"type":7}}`)).WhoAmI(t.Context())
	if err != nil || who.Name != "me" {
		t.Errorf("%+v, %v", who, err)
	}
}

func TestWhetherATokenMayWriteWebhooksIsKnownBeforehand(t *testing.T) {
	token := func(rest string) string {
		return `{"type":"access_token","accessToken":{"displayName":"ci","createdAt":"2026-01-01T00:00:00Z",` + rest + `}}`
	}
	fine := func(entity string, permissions ...string) string {
		return token(fmt.Sprintf(`"role":"fineGrained","fineGrained":{"scoped":[{"entity":%s,"permissions":["repo.write","%s"]}],"global":["post.write"]}`,
			entity, strings.Join(permissions, `","`)))
	}
	const user, read, write = `{"_id":"61d2000c3c2083e1c08af22d","type":"user","name":"me"}`, "user.webhooks.read", "user.webhooks.write"
	yes, no, unknown := Permission{Known: true, Allowed: true}, Permission{Known: true}, Permission{}
	for name, c := range map[string]struct {
		auth   string
		want   Permission
		reason string
	}{
		"write":                    {token(`"role":"write"`), yes, ""},
		"god":                      {token(`"role":"god"`), yes, ""},
		"read":                     {token(`"role":"read"`), no, `"ci" has the role read`},
		"a new role":               {token(`"role":"admin"`), unknown, `"admin"`},
		"no role":                  {token(`"x":1`), unknown, `""`},
		"OAuth":                    {`{"type":"oauth","resource":{"sub":"x"}}`, unknown, `"oauth"`},
		"nothing":                  {`{}`, unknown, `""`},
		"fine-grained":             {fine(user, read, write), yes, ""},
		"by id":                    {fine(`{"_id":"61d2000c3c2083e1c08af22d","type":"user"}`, read, write), yes, ""},
		"only reading":             {fine(user, read), no, write},
		"only writing":             {fine(user, write), unknown, read},
		"neither":                  {fine(user, "inference.serverless.write"), no, write},
		"on an org":                {fine(`{"_id":"2","type":"org","name":"us"}`, read, write), no, write},
		"on an org of that name":   {fine(`{"_id":"2","type":"org","name":"me"}`, read, write), no, write},
		"on another user":          {fine(`{"_id":"61d2000c3c2083e1c08af22e","type":"user","name":"you"}`, read, write), no, write},
		"a new permission":         {fine(user, read, "user.webhooks.manage"), unknown, "unknown permissions"},
		"no scopes told":           {token(`"role":"fineGrained"`), unknown, "scopes"},
		"no scopes":                {token(`"role":"fineGrained","fineGrained":{"scoped":[]}`), no, write},
		"scopes of another shape":  {token(`"role":"fineGrained","fineGrained":5`), unknown, "scopes"},
		"scoped is no list at all": {token(`"role":"fineGrained","fineGrained":{"scoped":5}`), unknown, "scopes"},
	} {
		who, err := clientFor(t, answer(200, nil, fmt.Sprintf(exampleUser, c.auth))).WhoAmI(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := who.CanWriteWebhooks()
		if got.Known != c.want.Known || got.Allowed != c.want.Allowed || !strings.Contains(got.Reason, c.reason) || (got.Reason == "") != got.Allowed {
			t.Errorf("%s: %+v", name, got)
		}
		if got.Refused() != (c.want == no) {
			t.Errorf("%s: refused %v", name, got.Refused())
		}
	}
	if (Identity{}).CanWriteWebhooks().Refused() {
		t.Error("nothing known counts as refused")
	}
}
