package cli_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

func TestAReplayHasNoHeadersOfTheFirstConnection(t *testing.T) {
	w := newWorld(t)
	a := newApp(t, "127.0.0.1:0")
	p := w.start(listenArgs("--forward", a.port)...)
	url := p.ready()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"X-Webhook-Secret": strings.TrimSpace(w.run(0, "secret").stdout.text()), "X-Kept": "1",
		"Proxy-Authorization": "Basic eA==", "Proxy-Connection": "keep-alive", "Keep-Alive": "timeout=5", "Connection": "X-Hop", "X-Hop": "1",
	} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	w.run(0, "events", "replay", "1") // through the live session
	p.signal(os.Interrupt)
	p.ends(0)
	w.run(0, "events", "replay", "1") // by one of its own
	for _, n := range []string{"2", "3"} {
		shown := w.run(0, "events", "show", n, "--json").stdout.text()
		for _, name := range []string{"Proxy-Authorization", "Proxy-Connection", "Keep-Alive", "X-Hop"} {
			if strings.Contains(shown, `"`+name+`"`) {
				t.Errorf("the replay #%s has %s: %s", n, name, shown)
			}
		}
		if !strings.Contains(shown, `["X-Kept","1"]`) {
			t.Errorf("the replay #%s lacks a header: %s", n, shown)
		}
	}
}
