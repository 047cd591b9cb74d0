package promises

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// secrets are what no output may show, by what they are. The token of the Hub and
// the secret of the webhook come on top.
var secrets = map[string]string{
	"the sender's Authorization":   "bearer-5c1e8a",
	"the sender's cookie":          "cookie-77ab01",
	"the sender's API key":         "apikey-90fe12",
	"the sender's own token":       "token-31cd55",
	"a wrong secret":               "wrong-secret-8e02",
	"the secret in the query":      "query-secret-44d7",
	"the target's password":        "target-password-6b3c",
	"the token of the target":      "target-token-2f9a",
	"the password of a proxy":      "proxy-password-c0de",
	"the token of ngrok":           "ngrok-token-a1b2",
	"a token that the Hub refuses": "hf_refusedtokenrefusedtokenref",
}

func TestNoOutputShowsASecret(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"--plain", "--json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.extra = []string{"NGROK_AUTHTOKEN=" + secrets["the token of ngrok"], "HTTPS_PROXY=http://me:" + secrets["the password of a proxy"] + "@127.0.0.1:1"}
			a := newTarget(t, func(a *target) {
				a.status = func(r request) int {
					if r.id == "refused" {
						return http.StatusForbidden
					}
					return http.StatusOK
				}
			})
			withPassword := fmt.Sprintf("http://me:%s@%s/hook?token=%s", secrets["the target's password"], a.addr, secrets["the token of the target"])
			down := fmt.Sprintf("http://me:%s@%s/?api_key=%s", secrets["the target's password"], downAddress(t), secrets["the token of the target"])
			p := w.listen(format, "--forward", withPassword, "--forward", down, "--wait-target", "0")
			url := p.ready(t)
			for _, id := range []string{"fine", "refused", "refused", "refused"} {
				w.revealing(t, url, id, webhookSecret, http.StatusOK)
			}
			w.revealing(t, url, "stranger", secrets["a wrong secret"], http.StatusForbidden)
			for _, got := range a.requests(t, 4, p) {
				if got.header.Get("X-Webhook-Secret") != webhookSecret || got.header.Get("Cookie") == "" || !strings.Contains(got.path, "token=") {
					t.Errorf("the target did not get what it was sent: %+v", got)
				}
			}

			outputs := map[string]*process{"listen": p}
			run := func(code int, args ...string) {
				t.Helper()
				outputs[strings.Join(args, " ")] = w.run(code, args...)
			}
			run(0, "webhooks", "ls")
			run(0, "webhooks", "ls", "--json")
			w.interruptOrKill(p)
			events := w.history(0)
			if len(events) != 5 {
				t.Errorf("the history has %d events, want 5", len(events))
			}
			for _, e := range events {
				n := strconv.FormatInt(e.N, 10)
				run(0, "events", "show", n)
				run(0, "events", "show", n, "--json")
				if e.Verdict == "ok" {
					run(0, "events", "replay", n, "--forward", withPassword)
					run(0, "events", "replay", n, "--forward", down, "--json")
				}
			}
			run(0, "events", "ls", "-n", "0")
			run(0, "events", "ls", "-n", "0", "--json")
			run(2, "listen", "model:me/m", "--forward", "ftp://me:"+secrets["the target's password"]+"@127.0.0.1/")
			w.extra = append(w.extra, "HF_TOKEN="+secrets["a token that the Hub refuses"])
			run(1, "listen", "model:me/m")
			run(1, "webhooks", "ls")
			for name, p := range outputs {
				w.showsNoSecret(t, name, p.stdout.text()+p.stderr.text())
			}
			w.logsShowNoSecret(t)
		})
	}
}

// revealing sends a delivery with everything in it that is to be masked.
func (w *world) revealing(t *testing.T, url, id, secret string, status int) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url+"?secret="+secrets["the secret in the query"]+"&n=1", strings.NewReader(`{"event":{"action":"update","scope":"repo"},"repo":{"type":"model","name":"me/m"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Webhook-Id": id, "X-Webhook-Secret": secret,
		"Authorization": "Bearer " + secrets["the sender's Authorization"], "Cookie": "session=" + secrets["the sender's cookie"],
		"X-Api-Key": secrets["the sender's API key"], "X-Sender-Token": secrets["the sender's own token"],
	} {
		req.Header.Set(name, value)
	}
	resp, err := newSender(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != status {
		t.Errorf("delivery %s was answered %d, want %d", id, resp.StatusCode, status)
	}
}

func (w *world) showsNoSecret(t *testing.T, what, text string) {
	t.Helper()
	check := func(name, secret string) {
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("%s shows %s: …%q…", what, name, text[max(0, at-80):min(len(text), at+len(secret)+20)])
		}
	}
	check("the secret of the webhook", webhookSecret)
	check("the token", w.bearer())
	for name, secret := range secrets {
		check(name, secret)
	}
}

// logsShowNoSecret checks the files of the state folder that people send around:
// its logs.
func (w *world) logsShowNoSecret(t *testing.T) {
	t.Helper()
	logs := 0
	err := filepath.WalkDir(w.state, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".log" {
			return err
		}
		logs++
		text, err := os.ReadFile(file)
		w.showsNoSecret(t, file, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if logs == 0 {
		t.Error("the state folder has no log: this test looks for it in the wrong place")
	}
}
