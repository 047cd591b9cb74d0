package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An error names what it is about, and a password or a secret may stand in that.
func TestNoErrorPrintsAPasswordThatItWasGiven(t *testing.T) {
	const password = "hunter2"
	w := newWorld(t)
	for _, bad := range []string{
		"http://me:hunter2@h ost:1/", "http://me:hunter2@127.0.0.1:x/", "me:hunter2@host:3000", "me:hunter2@host", "http://me:hunter2@[::1", "ftp://me:hunter2@h/", "http://h:1/?token=hunter2#%zz", "http://me:hun%zzhunter2@h:1/",
		"http://h.example:99999/?secret=hunter2", "https://hunter2@h.example:x/", "http://me:a@hunter2@h ost/", "http://h ost/?pwd=hunter2", "http://h/?sig=hunter2&x=\x7f", "x=*=http://me:hunter2@h", "http://h ost/?a=b&hunter2",
	} {
		for _, args := range [][]string{
			{"listen", "--no-webhook", "--tunnel", "loopback", "--wait", "1ms", "--forward", bad}, {"listen", "--no-webhook", "--wait", "1ms", "--tunnel", "public", "--public-url", bad}, {"doctor", "--tunnel", "loopback", "--forward", bad},
			{"doctor", "--tunnel", "public", "--public-url", bad}, {"listen", "--no-webhook", "--wait", "1ms", "--gradio-server", bad, "--tunnel", "gradio"}, {"listen", "--no-webhook", "--wait", "1ms", "--tunnel", bad},
			{"webhooks", "create", "--watch", "model:me/m", "--url", bad}, {"listen", bad, "--tunnel", "loopback"},
		} {
			if p := w.runAny(args...); strings.Contains(p.stdout.text()+p.stderr.text(), password) {
				t.Errorf("%q prints\n%s%s", args, p.stdout.text(), p.stderr.text())
			}
		}
		for _, name := range []string{"HF_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY", "HF_TOKEN"} {
			for _, args := range [][]string{{"webhooks", "ls"}, {"doctor", "--tunnel", "loopback"}} {
				if p := w.with(name + "=" + bad).runAny(args...); strings.Contains(p.stdout.text()+p.stderr.text(), password) {
					t.Errorf("%s=%s %q prints\n%s%s", name, bad, args, p.stdout.text(), p.stderr.text())
				}
			}
		}
	}
	if w.keeps(password) {
		t.Error("the state folder keeps a password")
	}
}

// runAny runs the program to its end, whatever that is.
func (w *world) runAny(args ...string) *process {
	w.t.Helper()
	p := w.start(args...)
	<-p.exited
	return p
}

// What a proxy and a target repeat of a request holds its secrets, too.
func TestASecretThatIsRepeatedIsShownNowhere(t *testing.T) {
	w := newWorld(t)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Echo", r.Header.Get("X-Webhook-Secret"))
		rw.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(rw, `{"you sent":%q}`, r.Header.Get("X-Webhook-Secret"))
	}))
	t.Cleanup(s.Close)
	secret := strings.TrimSpace(w.run(0, "secret").stdout.text())
	token := ""
	for _, pair := range w.env {
		if value, ok := strings.CutPrefix(pair, "HF_TOKEN="); ok {
			token = value
		}
	}
	plain := w.start(listenArgs("--forward", s.URL, "--plain")...)
	lines := w.start(listenArgs("--forward", s.URL, "--json")...)
	for _, p := range []*process{plain, lines} {
		url := p.ready()
		for _, header := range []http.Header{
			{"X-Webhook-Secret": {secret}},
			{"X-Webhook-Secret": {secret}, "X-Original-Url": {"/hook?a=1&secret=" + secret}, "X-Forwarded-Uri": {"/hook/" + secret}, "Referer": {"https://h.example/?secret=" + secret}, "X-Hub-Signature": {"sha1=" + secret},
				"Cf-Access-Jwt-Assertion": {"jwt-of-somebody"}, "Webhook-Id": {"of " + token}},
			{"X-Copy": {secret}}, // without the header that it belongs in
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"?pwd=hunter22&sig=hunter22&jwt=hunter22&pass=hunter22", strings.NewReader(`{"event":{"action":"update","scope":"repo"},"note":"`+secret+` and `+token+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header = header
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
	}
	plain.wait(plain.stdout, "NO SECRET")
	lines.wait(lines.stdout, `"verdict":"missing"`)
	outputs := map[string]string{}
	for _, p := range []*process{plain, lines} {
		p.signal(os.Interrupt)
		p.ends(0)
		outputs[strings.Join(p.cmd.Args[1:], " ")] = p.stdout.text() + p.stderr.text()
	}
	for n := range 6 {
		for _, args := range [][]string{{"events", "show", fmt.Sprint(n + 1)}, {"events", "show", fmt.Sprint(n + 1), "--json"}} {
			p := w.run(0, args...)
			outputs[strings.Join(args, " ")] = p.stdout.text()
		}
	}
	for _, args := range [][]string{{"events", "ls"}, {"events", "ls", "--json"}, {"events", "replay", "1"}, {"events", "replay", "1", "--json"}} {
		p := w.run(0, args...)
		outputs[strings.Join(args, " ")] = p.stdout.text() + p.stderr.text()
	}
	log, err := os.ReadFile(filepath.Join(w.state, "hf-tap.log"))
	if err != nil {
		t.Fatal(err)
	}
	outputs["the log"] = string(log)
	for name, out := range outputs {
		for what, text := range map[string]string{"the secret": secret, "the token": token, "what stands in the query": "hunter22", "a proxy's assertion": "jwt-of"} {
			if strings.Contains(out, text) {
				t.Errorf("%s tells %s:\n%s", name, what, out)
			}
		}
	}
	if !strings.Contains(outputs["events show 1"], `"you sent": "***"`) && !strings.Contains(outputs["events show 2"], `"you sent": "***"`) {
		t.Errorf("the answer is shown as %s", outputs["events show 1"])
	}
}

// A webhook or a record may hold the secret anywhere, not only in a place that has a
// name.
func TestNoTableOfWebhooksShowsTheSecret(t *testing.T) {
	w := newWorld(t)
	secret := strings.TrimSpace(w.run(0, "secret").stdout.text())
	id := w.create("--url", "https://h.example/hook/"+secret)
	path, record := w.killed()
	outputs := map[string]string{}
	for _, args := range [][]string{{"webhooks", "ls"}, {"webhooks", "info", id}, {"webhooks", "ls", "--json"}, {"webhooks", "delete", id}} {
		p := w.runAny(args...)
		outputs[strings.Join(args, " ")] = p.stdout.text() + p.stderr.text()
	}
	for field, value := range map[string]string{"user": secret, "endpoint": "https://h.example/" + secret, "webhook_id": secret} {
		rewrite(t, path, record, map[string]any{"user": "you", field: value})
		for _, args := range [][]string{{"webhooks", "prune"}, {}} {
			p := w.runAny(args...)
			outputs[fmt.Sprintf("%q of a record with another %s", args, field)] = p.stdout.text() + p.stderr.text()
		}
	}
	for name, out := range outputs {
		if strings.Contains(out, secret) {
			t.Errorf("%s tells the secret:\n%s", name, out)
		}
	}
	if out := outputs["webhooks ls"]; !strings.Contains(out, "https://h.example/hook/***") {
		t.Errorf("the list is\n%s", out)
	}
}
