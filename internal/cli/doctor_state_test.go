package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
)

type found struct{ Check, Status, Detail, Hint string }

// doctor runs the doctor and gives what it found, by checks; of several of one
// name, the worst.
func (w *world) doctor(code int, args ...string) map[string]found {
	w.t.Helper()
	p := w.run(code, append([]string{"doctor", "--json"}, args...)...)
	var all []found
	if err := json.Unmarshal([]byte(p.stdout.text()), &all); err != nil {
		w.t.Fatalf("%v: %s", err, p.stdout.text())
	}
	rank := map[string]int{"ok": 0, "skipped": 1, "warning": 2, "failed": 3}
	by := map[string]found{}
	for _, f := range all {
		if have, met := by[f.Check]; !met || rank[f.Status] > rank[have.Status] {
			by[f.Check] = f
		}
	}
	return by
}

func TestDoctorCallsNothingWellThatItDidNotMeasure(t *testing.T) {
	answers := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(answers.Close)
	nobody := porttest.Addr(t)
	for name, c := range map[string]struct {
		args   []string
		spoil  func(*world)
		code   int
		check  string
		status string
		says   string
	}{
		"address that does not resolve":              {[]string{"--public-url", "https://nosuch.invalid"}, nil, 0, "address", "warning", "unverified: the public address cannot be reached"},
		"address that does not resolve, with a port": {[]string{"--public-url", "https://nosuch.invalid", "--port", porttest.Port(t)}, nil, 0, "address", "warning", "https://nosuch.invalid (unverified)"},
		"nobody at the address":                      {[]string{"--public-url", "http://" + nobody}, nil, 0, "address", "warning", "unverified"},
		"somebody at the address":                    {[]string{"--public-url", answers.URL}, nil, 0, "address", "warning", "unverified: " + answers.URL + " answers 404"},
		"somebody else at the address":               {[]string{"--public-url", answers.URL, "--port", porttest.Port(t)}, nil, 1, "address", "warning", "unverified"},
		"proxy without a token": {nil, func(w *world) { w.env = append(w.env, "HF_TOKEN=", "HF_HUB_DISABLE_IMPLICIT_TOKEN=1") }, 1,
			"proxy", "skipped", "unverified"},
		"proxy to a Hub that does not answer": {nil, func(w *world) { w.env = append(w.env, "HF_ENDPOINT=http://"+nobody) }, 1, "proxy", "skipped", "unverified"},
		"proxy to a Hub that refuses the token": {nil, func(w *world) { w.env = append(w.env, "HF_TOKEN=hf_"+strings.Repeat("x", 34)) }, 1,
			"proxy", "ok", "is reached directly"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.reachThrough(func(string) string { return "" }) // no name leads anywhere
			if c.spoil != nil {
				c.spoil(w)
			}
			if f := w.doctor(c.code, c.args...)[c.check]; f.Status != c.status || !strings.Contains(f.Detail, c.says) {
				t.Errorf("it is %+v", f)
			}
		})
	}
}

// Of two tunnels that are named it is enough that one works, which one does only
// if a POST came back.
func TestDoctorCountsNoTunnelThatItCouldNotGoThrough(t *testing.T) {
	t.Parallel()
	s, err := sshtest.StartService(sshtest.Faults{Announce: sshtest.Words("localhost.run")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	e, ca := publicEdge(t, s.Dial)
	for _, reached := range []bool{true, false} {
		w := newWorld(t)
		w.reachThrough(func(name string) string {
			switch {
			case name == "localhost.run:22":
				return s.Addr()
			case reached && strings.HasSuffix(name, ".lhr.life:443"):
				return e.Addr()
			}
			return ""
		})
		code, status := 1, "failed"
		if reached {
			code, status = 0, "warning"
		}
		is := w.doctor(code, "--tunnel", "ngrok,localhost.run", "--ca", ca)
		if f := is["tunnel"]; f.Status != status {
			t.Errorf("reached %t: ngrok without a token is %+v", reached, f)
		}
		if f := is["address"]; (f.Status == "ok") != reached {
			t.Errorf("reached %t: %+v", reached, f)
		}
	}
	if err := s.Idle(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDoctorLooksAtTheStateFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if is := w.doctor(0); is["state"].Status != "ok" || is["records"].Status != "ok" || is["history"].Status != "ok" {
		t.Errorf("%+v", is)
	}
	if err := os.WriteFile(filepath.Join(w.state, "history.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if f := w.doctor(1)["history"]; f.Status != "failed" || !strings.Contains(f.Hint, "hf-tap events recover") {
		t.Errorf("a damaged history: %+v", f)
	}
	if err := os.Remove(filepath.Join(w.state, "history.db")); err != nil {
		t.Fatal(err)
	}
	path, record := w.killed()
	if f := w.doctor(0)["records"]; f.Status != "warning" || !strings.Contains(f.Detail, "1 killed session may have left") || f.Hint != "hf-tap webhooks prune" {
		t.Errorf("an orphan: %+v", f)
	}
	if len(w.left()) != 1 {
		t.Error("the doctor deleted it")
	}
	rewrite(t, path, record, map[string]any{"token": ""})
	if f := w.doctor(0)["records"]; f.Status != "warning" || !strings.Contains(f.Detail, filepath.Base(path)) {
		t.Errorf("a damaged record: %+v", f)
	}
	if err := os.RemoveAll(w.state); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.state, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := w.doctor(1)["state"]; f.Status != "failed" || !strings.Contains(f.Hint, "HF_TAP_STATE") {
		t.Errorf("not a folder: %+v", f)
	}
}

// A webhook is made for an address that cannot be asked at; it is said that it is
// unverified, and why.
func TestListenSaysThatAnAddressIsUnverified(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hold := w.Hold("GET /api/whoami-v2", sandbox.After)
	p := w.start(listenArgs("--public-url", "http://"+porttest.Addr(t), "--json")...)
	<-hold.Reached()
	hold.Release()
	p.ready()
	p.wait(p.stdout, `"subject":"tunnel","name":"http://127.0.0.1:`)
	if s := p.wait(p.stdout, `"state":"unverified"`); !strings.Contains(s, "cannot be reached from here") {
		t.Errorf("it says %s", s)
	}
	if s := p.stdout.text(); strings.Contains(s, `"state":"up"`) {
		t.Errorf("it says %s", s)
	}
	p.signal(os.Interrupt)
	p.ends(0)
	w.nothingLeft()
}
