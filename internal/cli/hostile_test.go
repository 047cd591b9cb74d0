package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNothingFromTheNetworkReachesATerminalAsItCame(t *testing.T) {
	w := newWorld(t)
	const evil = "\x1b]0;owned\x07\x1b[31m\u009b2J\u202e\u2028\x7f"
	a := newApp(t, "127.0.0.1:0")
	p := w.start(listenArgs("--forward", a.port, "--plain")...)
	q := w.start(listenArgs("--json")...)
	secret := strings.TrimSpace(w.run(0, "secret").stdout.text())
	body := fmt.Sprintf(`{"event":{"scope":%[1]q,"action":%[1]q},"repo":{"type":%[1]q,"name":%[1]q},"webhook":{"id":%[1]q}}`, "X"+strings.NewReplacer("\x1b", "␛ESC", "\x07", "␇BEL", "\x7f", "␡DEL").Replace(evil))
	body = strings.NewReplacer("␛ESC", `\u001b`, "␇BEL", `\u0007`, "␡DEL", `\u007f`).Replace(strings.NewReplacer(`\u009b`, `\u009b`).Replace(body))
	for _, url := range []string{p.ready(), q.ready()} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"?"+strings.Repeat("%1b", 3)+"\u202e", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Webhook-Secret", secret)
		req.Header.Set("Webhook-Id", "d\u009b\u202e")
		req.Header.Set("X-Evil", "h\u009b\u202e\xff")
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Fatalf("it was answered %s", resp.Status)
		}
	}
	p.wait(p.stdout, "answered 200")
	q.wait(q.stdout, `"type":"event"`)
	for _, r := range []*process{p, q} {
		r.signal(os.Interrupt)
		r.ends(0)
	}
	outputs := []string{p.stdout.text(), p.stderr.text(), q.stdout.text(), q.stderr.text()}
	for _, args := range [][]string{{"events", "ls"}, {"events", "show", "1"}, {"events", "ls", "--json"}, {"events", "show", "1", "--json"}} {
		outputs = append(outputs, w.run(0, args...).stdout.text())
	}
	for _, out := range outputs {
		if i := strings.IndexFunc(out, func(r rune) bool {
			return r < 0x20 && r != '\n' || r >= 0x7f && r <= 0x9f || r == 0x202e || r == 0x2028 || r == 0xfffd
		}); i >= 0 {
			t.Errorf("a terminal would obey %q in %q", out[i:min(i+8, len(out))], out)
		}
	}
	if !strings.Contains(p.stdout.text(), "␛]0;owned␇") {
		t.Errorf("the kind is not shown as what it is: %s", p.stdout.text())
	}
}

func TestAWebhookIsDeletedAlsoWhenTheDiskIsFull(t *testing.T) {
	w := newWorld(t)
	state := smallDisk(t, w.state)
	p := w.start(listenArgs()...)
	url := p.ready()
	secret := strings.TrimSpace(w.run(0, "secret").stdout.text())
	full := false
	for i := 0; i < 64 && !full; i++ {
		switch got := post(t, url, secret, strings.Repeat("x", 100<<10)); got {
		case http.StatusOK:
		case http.StatusServiceUnavailable:
			full = true // the Hub will try again
		default:
			t.Fatalf("it was answered %d", got)
		}
	}
	if !full {
		t.Fatal("the disk never filled")
	}
	p.wait(p.stdout, "history failing: ")
	if err := os.Remove(filepath.Join(state, "ballast")); err != nil {
		t.Fatal(err)
	}
	// With room again it goes on as if nothing had been.
	if got := post(t, url, secret, "after"); got != http.StatusOK {
		t.Errorf("with room again it was answered %d", got)
	}
	p.signal(os.Interrupt)
	p.ends(0)
	w.nothingLeft()
}
