package sandbox_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

func TestABodyThatTheHubWouldRefuseIsRefused(t *testing.T) {
	p := open(t, sandbox.Config{})
	p.must(p.AddOrg("us", "me"))
	p.must(p.AddRepo(hub.Repo{Type: "model", Name: "you/hidden"}, true))
	const rest = `,"domains":["repo"],"url":"http://127.0.0.1:1/"}`
	const watched = `{"watched":[{"type":"model","name":"me/m"}]`
	p.refuses(map[string]string{
		`{"domains":["repo"],"url":"http://127.0.0.1:1/"}`:              `"watched": is required`,
		`{"watched":[]` + rest:                                          "at least 1 item",
		`{"watched":null` + rest:                                        "must be an array",
		`{"watched":[{"type":"model"}]` + rest:                          `"name": is required`,
		`{"watched":[{"type":"robot","name":"x"}]` + rest:               `"type": must be one of`,
		`{"watched":[{"type":"model","name":"me/none"}]` + rest:         "does not exist",
		`{"watched":[{"type":"dataset","name":"me/m"}]` + rest:          "does not exist",
		`{"watched":[{"type":"user","name":"us"}]` + rest:               "does not exist",
		`{"watched":[{"type":"org","name":"me"}]` + rest:                "does not exist",
		`{"watched":[{"type":"model","name":"you/hidden"}]` + rest:      "does not exist",
		watched + `,"url":"http://127.0.0.1:1/"}`:                       `"domains": is required`,
		watched + `,"domains":[],"url":"http://127.0.0.1:1/"}`:          "at least 1 item",
		watched + `,"domains":["discussions"],"url":"http://a/"}`:       "domains.0",
		watched + `,"domains":["repo"]}`:                                "exactly one of",
		watched + `,"domains":["repo"],"url":"http://a/","job":{}}`:     "exactly one of",
		watched + `,"domains":["repo"],"url":"localhost:1"}`:            "valid http or https URL",
		watched + `,"domains":["repo"],"url":"ftp://a/"}`:               "valid http or https URL",
		watched + `,"domains":["repo"],"url":"http://a/","secret":"é"}`: `"secret": must match`,
		watched + `,"domains":["repo"],"url":"http://a/","secret":1}`:   `"secret": must be a string`,
		watched + `,"domains":["repo"],"jobSourceId":""}`:               "no such job",
		`[]`: "Invalid JSON",
		`{`:  "Invalid JSON",
	})
}

// TestBodiesOfThePythonLibraryAreTaken: it sends null for each argument that its
// caller left out, as the examples of "hf webhooks create --help" do.
func TestBodiesOfThePythonLibraryAreTaken(t *testing.T) {
	const given = `"watched":[{"type":"model","name":"me/m"}]`
	p := open(t, sandbox.Config{})
	for body, want := range map[string]string{
		`{` + given + `,"url":"https://a.example/","domains":null,"secret":null}`:                     `"domains":["repo","discussion"],"hasSecret":false`,
		`{` + given + `,"url":"https://a.example/","domains":["repo"],"secret":null}`:                 `"domains":["repo"],"hasSecret":false`,
		`{` + given + `,"url":null,"job":null,"jobSourceId":"68a1","domains":["discussion"]}`:         `"domains":["discussion"],"hasSecret":false`,
		`{` + given + `,"url":"https://a.example/","job":null,"jobSourceId":null,"domains":["repo"]}`: `"domains":["repo"],"hasSecret":false`,
	} {
		resp, text := p.call("POST", hooks, p.token, body)
		if resp.StatusCode != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: got %d %s, want %s", body, resp.StatusCode, text, want)
		}
		var made struct{ Webhook struct{ ID string } }
		p.must(json.Unmarshal([]byte(text), &made))
		update := `{` + given + `,"url":"https://b.example/","domains":null,"secret":null}`
		if resp, text := p.call("POST", hooks+"/"+made.Webhook.ID, p.token, update); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d %s", update, resp.StatusCode, text)
		}
	}
}

func TestAJobThatTheHubWouldRefuseIsRefused(t *testing.T) {
	bodies := map[string]string{}
	for job, want := range map[string]string{
		`1`:                        "must be an object",
		`{"dockerImage":"alpine"}`: `"flavor": must be one of`,
		`{"flavor":"abacus"}`:      `"flavor": must be one of`,
		`{"flavor":"h200","environment":{"1A":"x"}}`:                    "environment",
		`{"flavor":"h200","environment":{"AB":null}}`:                   "environment.AB: must be a string",
		`{"flavor":"h200","command":[]}`:                                `"command": must have at least 1 item`,
		`{"flavor":"h200","command":[""]}`:                              "an item is empty",
		`{"flavor":"h200","arguments":[null]}`:                          "arguments.0",
		`{"flavor":"h200","timeoutSeconds":0}`:                          "timeoutSeconds",
		`{"flavor":"h200","timeoutSeconds":1.5}`:                        "timeoutSeconds",
		`{"flavor":"h200","attempts":0}`:                                "attempts",
		`{"flavor":"h200","arch":"z80"}`:                                "arch",
		`{"flavor":"h200","labels":{"a b":"x"}}`:                        "labels",
		`{"flavor":"h200","secrets":["KEY"]}`:                           "secrets",
		`{"flavor":"h200","volumes":[]}`:                                "volumes",
		`{"flavor":"h200","volumes":[{"type":"model","source":"a/b"}]}`: "mountPath",
		`{"flavor":"h200","expose":{}}`:                                 `"ports": is required`,
		`{"flavor":"h200","expose":{"ports":[0]}}`:                      "ports from 1 to 65535",
		`{"flavor":"h200","ssh":{"enabled":"yes"}}`:                     "ssh",
		`{"flavor":"h200","resourceGroupId":"x"}`:                       "24 hex digits",
	} {
		bodies[`{"watched":[{"type":"model","name":"me/m"}],"domains":["repo"],"job":`+job+`}`] = want
	}
	open(t, sandbox.Config{}).refuses(bodies)
}

// refuses checks that each body is answered with 400 and a message, and that
// no webhook is made.
func (p *place) refuses(bodies map[string]string) {
	p.t.Helper()
	for body, want := range bodies {
		resp, text := p.call("POST", hooks, p.token, body)
		message, _ := decode(p.t, text)["error"].(string)
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(message, want) {
			p.t.Errorf("%s: got %d %s, want 400 and %q", body, resp.StatusCode, text, want)
		}
	}
	if n := len(p.Webhooks("me")); n != 0 {
		p.t.Errorf("%d webhooks were made all the same", n)
	}
}

func TestBodiesThatTheHubTakesAreTaken(t *testing.T) {
	p := open(t, sandbox.Config{})
	p.must(p.AddOrg("us", "me"))
	p.must(p.AddRepo(hub.Repo{Type: "model", Name: "us/hidden"}, true))
	p.must(p.AddRepo(hub.Repo{Type: "model", Name: "gpt2"}, false))
	for _, body := range []string{
		`{"watched":[{"type":"org","name":"us","avatarUrl":"/x.svg"},{"type":"user","name":"you"}],"domains":["repo","discussion"],"url":"https://a.example/?secret=1"}`,
		`{"watched":[{"type":"model","name":"us/hidden"},{"type":"model","name":"gpt2"}],"domains":["repo"],"url":"http://localhost:1","extra":1,"secret":" ~\u007f"}`,
		`{"watched":[{"type":"bucket","name":"me/b"}],"domains":["repo"],"jobSourceId":"68a1"}`,
		`{"watched":[{"type":"bucket","name":"me/b"}],"domains":["repo"],"job":{"flavor":"cpu-basic","timeoutSeconds":null,"volumes":[{"type":"bucket","source":"me/b","mountPath":"/data"}],"expose":{"ports":[80]},"ssh":{},"labels":{"a.b":""}}}`,
	} {
		if resp, text := p.call("POST", hooks, p.token, body); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d %s", body, resp.StatusCode, text)
		}
	}
}
