package event

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestHeadersThatCarrySecretsAreMaskedByTheirNames(t *testing.T) {
	for _, name := range []string{
		"X-Webhook-Secret", "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "Apikey", "X-Auth-Token", "X-Auth", "X-Hub-Signature", "X-Hub-Signature-256",
		"Webhook-Signature", "Cf-Access-Jwt-Assertion", "X-Goog-Iap-Jwt-Assertion", "X-Forwarded-Access-Token", "Cf-Access-Client-Secret", "X-Amz-Credential", "X-Pass", "X-Pwd", "X-Sig", "Dpop", "Authentication-Info",
	} {
		if got := MaskHeader(name, "v4lue"); got != Masked {
			t.Errorf("%s is shown as %q", name, got)
		}
	}
	for _, name := range []string{"Webhook-Id", "X-Request-Id", "Idempotency-Key", "X-Author", "Content-Type", "X-Passenger", "X-Significance", "X-Compass", "User-Agent"} {
		if got := MaskHeader(name, "v4lue"); got != "v4lue" {
			t.Errorf("%s is shown as %q", name, got)
		}
	}
	for name, value := range map[string]string{"X-Original-Url": "/hook?v=1&secret=***", "X-Forwarded-Uri": "/hook?token=***", "Referer": "https://me:***@h.example/?sig=***&v=1"} {
		in := strings.NewReplacer("secret=***", "secret=v4lue", "token=***", "token=v4lue", "sig=***", "sig=v4lue", ":***@", ":v4lue@").Replace(value)
		if got := MaskHeader(name, in); got != value {
			t.Errorf("%s: %s is shown as %q", name, in, got)
		}
	}
}

func TestQueryKeysThatCarrySecretsAreMasked(t *testing.T) {
	for _, key := range []string{"secret", "pass", "pwd", "sig", "jwt", "X-Amz-Signature", "user_pass", "my-sig", "passwd", "db.pwd", "id_jwt", "%73ig", "credential", "access_token"} {
		if got := MaskURL("/h?" + key + "=v4lue&a=b"); got != "/h?"+key+"=***&a=b" {
			t.Errorf("%s: %s", key, got)
		}
	}
	for _, key := range []string{"passage", "sigma", "v", "design", "compass"} {
		if got := MaskURL("/h?" + key + "=v4lue"); got != "/h?"+key+"=v4lue" {
			t.Errorf("%s: %s", key, got)
		}
	}
}

func TestURLsInTextsLoseUserInfoAndQuery(t *testing.T) {
	for in, want := range map[string]string{
		"nothing here": "nothing here",
		`parse "http://me:hunter2@h ost/x": invalid`:                `parse "http://h ost/x": invalid`,
		`Get "https://hf_token@h.example:8443/a?b=c#d": EOF`:        `Get "https://h.example:8443/a": EOF`,
		`ssh://me@host:22 refused; ssh://me:hunter2@host refused`:   `ssh://me@host:22 refused; ssh://me:***@host refused`,
		`route "me:hunter2@host:3000/x" is wrong`:                   `route "me:***@host:3000/x" is wrong`,
		`went to http://me:***@h/hook?v=1&secret=***, and`:          `went to http://me:***@h/hook?v=1&secret=***, and`,
		`see https://huggingface.co/settings/tokens.`:               `see https://huggingface.co/settings/tokens.`,
		`socks5://u:hunter2@proxy:1080: refused`:                    `socks5://proxy:1080: refused`,
		`HTTPS://u:p%40w@h/`:                                        `HTTPS://h/`,
		`write it as http://h/?v=1&secret=VALUE`:                    `write it as http://h/?v=1&secret=VALUE`,
		`bad http://h/?token=x&secret=VALUE`:                        `bad http://h/`,
		`write it as http://me:PASSWORD@h/`:                         `write it as http://me:PASSWORD@h/`,
		`see https://h.example:8443/@me/x@1 or http://[::1]:80/@me`: `see https://h.example:8443/@me/x@1 or http://[::1]:80/@me`,
		`"http://me:hun/ter2@h/x"`:                                  `"http://h/x"`,
		`git@hf.co:me/m and a@b.example`:                            `git@hf.co:me/m and a@b.example`,
	} {
		if got := MaskText(in); got != want {
			t.Errorf("MaskText(%q) = %q, want %q", in, got, want)
		}
	}
}

// A proxy, a target or a body may repeat what stands in the header of the secret.
func TestWhatTheRequestCarriesAsSecretIsMaskedWhereverItStands(t *testing.T) {
	const secret = `s3cret "w/ 1+1`
	e := &Event{
		Method: "POST", Path: "/hook?token=t0ken-of-me&v=1", Kind: "repo.update",
		Header: http.Header{
			"X-Webhook-Secret": {secret}, "X-Original-Uri": {"/hook?x=s3cret+%22w%2F+1%2B1"}, "X-Note": {secret}, "Authorization": {"Bearer b3arer-of-me"}, "X-Rest": {"b3arer-of-me t0ken-of-me"},
		},
		Body:     []byte(`{"echo":"a s3cret \"w/ 1+1 b","n":123456,"key":"b3arer-of-me"}`),
		Attempts: []Attempt{{N: 1, Target: "http://127.0.0.1:1/", StartedAt: time.Now(), Err: "bad secret " + secret}},
	}
	for _, body := range []string{string(e.Body), "no JSON " + secret} {
		e.Body = []byte(body)
		b, err := e.JSONLine(LineEvent)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(b) {
			t.Errorf("not JSON: %s", b)
		}
		var got struct {
			Body struct {
				Echo string
				N    int
			}
			BodyBase64 []byte `json:"body_base64"`
		}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		for _, leaked := range []string{"s3cret", "t0ken", "b3arer"} {
			if strings.Contains(string(b)+string(got.BodyBase64), leaked) {
				t.Errorf("%s is told by %s (%s)", leaked, b, got.BodyBase64)
			}
		}
		if body[0] == '{' && (got.Body.Echo != "a *** b" || got.Body.N != 123456) {
			t.Errorf("the body is %+v", got.Body)
		}
	}
}

func TestShortSecretsMaskNoOrdinaryWords(t *testing.T) {
	if got := NewSecrets("", "abc", "***", "******").Mask("abc *** and so on"); got != "abc *** and so on" {
		t.Errorf("masked as %q", got)
	}
	if got := string(NewSecrets("123456").MaskBody([]byte(`{"n":123456,"123456" : "\"123456\\"}`))); got != `{"n":123456,"123456" : "\"***\\"}` {
		t.Errorf("masked as %s", got)
	}
}
