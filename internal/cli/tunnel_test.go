package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/internal/sandbox"
	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// tunnels are the ways by which the promises have to hold.
var tunnels = []struct {
	name   string
	listen func(*world) func(args ...string) []string // gives the arguments of a session
}{
	{"loopback", func(*world) func(...string) []string { return listenArgs }},
	{"ngrok", func(w *world) func(...string) []string {
		w.ngrok(ngroktest.Config{Tokens: []string{"good"}}, "good")
		var sessions atomic.Int32
		return func(args ...string) []string {
			// A domain for each: only one session may have one.
			return listenArgs(append([]string{"--tunnel", "ngrok", "--ngrok-domain", fmt.Sprintf("s%d.example.app", sessions.Add(1))}, args...)...)
		}
	}},
}

// ngrok gives the machine a stand-in for ngrok's servers, and ngrok's own
// configuration file with a token and the way there.
func (w *world) ngrok(cfg ngroktest.Config, token string) *ngroktest.Edge {
	w.t.Helper()
	e, err := ngroktest.Start(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := e.Close(); err != nil {
			w.t.Error(err)
		}
	})
	dir := w.t.TempDir()
	file := map[string]string{
		"windows": filepath.Join("Local", "ngrok", "ngrok.yml"),
		"darwin":  filepath.Join("Library", "Application Support", "ngrok", "ngrok.yml"),
	}[runtime.GOOS]
	if file == "" {
		file = filepath.Join(".config", "ngrok", "ngrok.yml")
	}
	file = filepath.Join(dir, file)
	text := fmt.Sprintf("version: \"3\"\nagent:\n  authtoken: \"%s\"\n  connect_url: %s\n  connect_cas: edge.pem\n", token, e.Addr())
	for path, content := range map[string][]byte{file: []byte(text), filepath.Join(filepath.Dir(file), "edge.pem"): e.CAPEM()} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	w.env = append(w.env, "HOME="+dir, "LOCALAPPDATA="+filepath.Join(dir, "Local")) // of two, the last one counts
	return e
}

func TestARefusedTokenIsToldAtOnceWithNgroksCode(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*ngroktest.Faults)
		token string
		code  string
		hint  string
	}{
		"unknown":   {nil, "bad", ngroktest.BadToken, `copy the token .*`},
		"malformed": {func(f *ngroktest.Faults) { f.AuthCode = ngroktest.Malformed }, "x", ngroktest.Malformed, `copy the token .*`},
		"old":       {func(f *ngroktest.Faults) { f.AuthCode = ngroktest.OldToken }, "x", ngroktest.OldToken, `copy the token .*`},
		"old agent": {func(f *ngroktest.Faults) { f.AuthCode = ngroktest.OldAgent }, "good", ngroktest.OldAgent, `use a newer hf-tap.*`},
		"too many":  {func(f *ngroktest.Faults) { f.AuthCode = ngroktest.TooMany }, "good", ngroktest.TooMany, `end another session .*`},
		"online":    {func(f *ngroktest.Faults) { f.BindCode = ngroktest.AlreadyOnline }, "good", ngroktest.AlreadyOnline, `stop the endpoint .*--ngrok-domain`},
		"no domain": {func(f *ngroktest.Faults) { f.BindCode = ngroktest.BadURL }, "good", ngroktest.BadURL, `give --ngrok-domain .*`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			e := w.ngrok(ngroktest.Config{Tokens: []string{"good", "x"}}, c.token)
			if c.spoil != nil {
				e.Set(c.spoil)
			}
			began := time.Now()
			p := w.run(1, listenArgs("--tunnel", "ngrok")...)
			t.Logf("from start to exit: %s", time.Since(began).Round(time.Millisecond))
			p.says(`ngrok refuses: .*\(`+c.code+`\)`, c.hint)
			if n := w.CallCount("POST /api/settings/webhooks"); n != 0 {
				t.Errorf("%d webhooks were made", n)
			}
			w.nothingLeft()
		})
	}
}

func TestWithoutATokenNgrokIsAnErrorThatSaysHowToGetOne(t *testing.T) {
	w := newWorld(t)
	w.run(1, listenArgs("--tunnel", "ngrok")...).says(`ngrok needs a token, and there is none`, `make a free token .*--tunnel gradio.*`)
}

func TestAFlagOfATunnelThatIsNotOpenedIsAUsageError(t *testing.T) {
	w := newWorld(t)
	elsewhere := []string{"HF_ENDPOINT=https://hub.example"}
	for _, c := range []struct {
		env, args []string
		err, hint string
	}{
		{elsewhere, []string{"--ngrok-domain", "me.ngrok.app"}, `--ngrok-domain has no effect on the tunnel gradio`, `.*NGROK_AUTHTOKEN.*`},
		{elsewhere, []string{"--tunnel", "pinggy,serveo", "--ngrok-domain", "me.ngrok.app"}, `--ngrok-domain has no effect on the tunnel pinggy,serveo`, `add --tunnel ngrok.*`},
		{append(elsewhere, "NGROK_AUTHTOKEN=x"), []string{"--gradio-server", "s.example:7000"}, `--gradio-server has no effect on the tunnel ngrok`, `add --tunnel gradio.*`},
		{elsewhere, []string{"--public-url", "https://me.example", "--gradio-server", "s.example:7000"}, `--gradio-server has no effect on the tunnel public`, `.*`},
		{elsewhere, []string{"--port", "4567"}, `--port has no effect on the tunnel gradio`, `.*--public-url https://… --port 4567`},
		{elsewhere, []string{"--tunnel", "serveo", "--ssh-domain", "me.example"}, `--ssh-domain has no effect on the tunnel serveo`, `add --tunnel ssh://.*`},
		{elsewhere, []string{"--tunnel", "ssh://me.example", "--public-url", "https://me.example", "--ssh-domain", "me.example"}, `--ssh-domain has no effect on the tunnel ssh://me.example`, `.*`},
		{nil, []string{"--ngrok-domain", "me.ngrok.app"}, `--ngrok-domain has no effect on the tunnel loopback`, `.*`},
	} {
		w := *w
		w.env = append(slices.Clone(w.env), c.env...)
		for _, command := range []string{"listen", "doctor"} {
			w.run(2, append([]string{command}, c.args...)...).says(c.err, c.hint)
		}
	}
	fresh := *w
	fresh.env = append(slices.Clone(w.env), "NGROK_AUTHTOKEN=x", elsewhere[0])
	fresh.run(2, "listen", "--new-url").says(`--new-url has no effect on the tunnel ngrok`, `add --tunnel gradio.*`)
	if calls := w.Calls(); len(calls) != 0 {
		t.Errorf("the Hub was asked: %v", calls)
	}
}

func TestABrokenConfigurationOfNgrokIsTold(t *testing.T) {
	w := newWorld(t)
	w.ngrok(ngroktest.Config{}, "a\"\n\t: [") // no YAML
	w.run(1, listenArgs("--tunnel", "ngrok")...).says(`ngrok's configuration cannot be used: .*ngrok\.yml.*`, `correct the file.*ngrok config check`)
	// Who does not need it does not hear of it.
	p := w.start(listenArgs()...)
	p.ready()
	p.signal(os.Interrupt)
	p.ends(0)
}

// told is a line of JSON, as far as these tests look.
type told struct {
	Type, State, Subject, Name, Delivery string
	DeliveryN                            int `json:"delivery_n"`
}

func TestTheLinesTellTheStoryOfATunnelThatMoves(t *testing.T) {
	w := newWorld(t)
	e := w.ngrok(ngroktest.Config{}, "any")
	a := newApp(t, "127.0.0.1:0")
	ready := filepath.Join(t.TempDir(), "ready")
	p := w.start(listenArgs("--tunnel", "ngrok", "--forward", a.port, "--json", "--ready-file", ready)...)
	first := p.ready()
	for range 500 {
		w.happen("repo.content.update")
	}
	p.wait(p.stdout, `"n":200,`)
	e.Rehost()
	p.wait(p.stdout, `"state":"re-pointed"`)
	second := w.Webhooks("me")[0].URL
	if second == first {
		t.Fatalf("the webhook still points to %s", first)
	}
	p.wait(p.stderr, "ready: "+second)
	if b, err := os.ReadFile(ready); err != nil || strings.TrimSpace(string(b)) != second {
		t.Errorf("the ready file says %q, %v", b, err)
	}
	afterwards := len(w.Deliveries())
	for range 500 {
		w.happen("repo.content.update")
	}
	if err := w.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.signal(os.Interrupt)
	p.ends(0)
	w.nothingLeft()

	ids := a.ids()
	arrived, answered := map[string]bool{}, 0
	for _, id := range ids {
		arrived[id] = true
	}
	for i, d := range w.Deliveries() {
		ok := d.Attempts[len(d.Attempts)-1].OK()
		if ok {
			answered++
		}
		if i >= afterwards && !ok || ok && !arrived[d.ID] || arrived[d.ID] && !bytes.Equal(a.body(d.ID), d.Body) {
			t.Fatalf("delivery %d of %d (moved at %d) is %s, and arrived: %v", i, len(w.Deliveries()), afterwards, d.State, arrived[d.ID])
		}
	}
	var states []string
	events := 0
	lines := bufio.NewScanner(strings.NewReader(p.stdout.text()))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l told
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		switch l.Type {
		case "event":
			events++
		case "state":
			if l.Subject == "tunnel" || l.Subject == "webhook" {
				states = append(states, l.Subject+" "+l.State)
			}
		}
	}
	if events < answered || answered < 700 {
		t.Errorf("%d events were printed, and %d deliveries answered", events, answered)
	}
	story := strings.Join(states, ", ")
	if !strings.HasPrefix(story, "tunnel connecting, tunnel up, webhook created, ") || !strings.Contains(story, "tunnel up, webhook re-pointed, ") || !strings.HasSuffix(story, ", webhook deleted") {
		t.Errorf("the story is: %s", story)
	}
	t.Log(story)
}

func TestDoctorTellsWhatWorksAndWhatStandsInTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(*testing.T, *world, *ngroktest.Edge)
		args   func(*testing.T) []string
		failed string // the check, "" if all is well
		says   string
	}{
		"all well": {},
		"token":    {spoil: func(_ *testing.T, w *world, _ *ngroktest.Edge) { w.env = append(w.env, "HF_TOKEN=hf_wrong") }, failed: "token", says: "refused the token"},
		"no token": {spoil: func(_ *testing.T, w *world, _ *ngroktest.Edge) { w.env = append(w.env, "HF_TOKEN=") }, failed: "token", says: "hf auth login"},
		"read-only": {spoil: func(t *testing.T, w *world, _ *ngroktest.Edge) {
			token, err := w.AddToken("me", sandbox.Token{Role: "read"})
			if err != nil {
				t.Fatal(err)
			}
			w.env = append(w.env, "HF_TOKEN="+token)
		}, failed: "token", says: "may not write webhooks"},
		"hub": {spoil: func(t *testing.T, w *world, _ *ngroktest.Edge) {
			w.env = append(w.env, "HF_ENDPOINT=http://127.0.0.1:"+porttest.Port(t))
		}, failed: "hub", says: "does not answer"},
		"ngrok token":   {spoil: func(_ *testing.T, _ *world, e *ngroktest.Edge) { e.Revoke("good") }, failed: "session", says: ngroktest.BadToken},
		"ngrok is away": {spoil: func(_ *testing.T, _ *world, e *ngroktest.Edge) { e.Close() }, failed: "reach", says: "HTTPS_PROXY"},
		"certificate": {spoil: func(_ *testing.T, _ *world, e *ngroktest.Edge) {
			e.Set(func(f *ngroktest.Faults) { f.Certificate = ngroktest.Expired })
		}, failed: "trust", says: "clock"},
		"gateway": {spoil: func(_ *testing.T, _ *world, e *ngroktest.Edge) { e.Set(func(f *ngroktest.Faults) { f.Gateway = 502 }) }, failed: "round trip", says: "502"},
		"target":  {args: func(t *testing.T) []string { return []string{"--forward", porttest.Port(t)} }, failed: "target", says: "refused"},
		"a proxy that is not for loopback": {spoil: func(t *testing.T, w *world, _ *ngroktest.Edge) {
			w.env = append(w.env, "HTTPS_PROXY=http://127.0.0.1:"+porttest.Port(t))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			e := w.ngrok(ngroktest.Config{Tokens: []string{"good"}}, "good")
			if c.spoil != nil {
				c.spoil(t, w, e)
			}
			args := []string{"doctor", "--tunnel", "ngrok", "--json"}
			if c.args != nil {
				args = append(args, c.args(t)...)
			}
			code := 0
			if c.failed != "" {
				code = 1
			}
			p := w.run(code, args...)
			var found []struct{ Check, Status, Detail, Hint string }
			if err := json.Unmarshal([]byte(p.stdout.text()), &found); err != nil {
				t.Fatalf("%v: %s", err, p.stdout.text())
			}
			failed, all := "", map[string]bool{}
			for _, f := range found {
				all[f.Check] = f.Status == "ok"
				if f.Status == "failed" {
					failed = f.Check
					if f.Hint == "" || !strings.Contains(f.Detail+f.Hint, c.says) {
						t.Errorf("%s says %q, and to do %q", f.Check, f.Detail, f.Hint)
					}
				}
			}
			if failed != c.failed {
				t.Errorf("%q is said to have failed, want %q:\n%s", failed, c.failed, p.stdout.text())
			}
			if c.failed == "" {
				for _, check := range []string{"proxy", "hub", "token", "clock", "tunnel", "reach", "trust", "protocol", "session", "address", "round trip"} {
					if !all[check] {
						t.Errorf("%s is not well:\n%s", check, p.stdout.text())
					}
				}
			}
			if n := w.CallCount("POST /api/settings/webhooks"); n != 0 {
				t.Errorf("%d webhooks were made", n)
			}
			if err := e.Wait(t.Context(), func(c ngroktest.Counts) bool { return c.Live() == 0 }); err != nil {
				t.Errorf("sessions are left at ngrok: %v", err)
			}
			table := w.run(code, slices.DeleteFunc(args, func(arg string) bool { return arg == "--json" })...).stdout.text()
			if !strings.Contains(table, "token") || code == 0 && strings.Contains(table, "FAILED") {
				t.Errorf("the table is\n%s", table)
			}
		})
	}
}

func TestTheAppBehindTheDashesIsStartedServedAndEnded(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	w := newWorld(t)
	// A server that is at hand; what it makes of an event is a status of its own.
	p := w.start(append(listenArgs("--json"), "--", "sh", "-c", "exec "+binary+" sandbox --port $PORT")...)
	line := p.wait(p.stderr, "sh | export HF_ENDPOINT=")
	w.happen("repo.update")
	if event := p.wait(p.stdout, `"kind":"repo.update"`); !strings.Contains(event, `"status":40`) {
		t.Errorf("the app did not get the event: %s", event)
	}
	p.signal(os.Interrupt)
	p.ends(0)
	w.nothingLeft()
	address := strings.TrimPrefix(line[strings.Index(line, "http://"):], "http://")
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Errorf("the app still listens on %s", address)
	}
}

func TestTheAppFindsItsSecretAndItsPortUnderEachUsualName(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	w := newWorld(t)
	script := `echo "$PORT,$GRADIO_SERVER_PORT,$UVICORN_PORT,$FLASK_RUN_PORT,$WEBHOOK_SECRET,$HF_WEBHOOK_SECRET,$HUGGINGFACE_WEBHOOK_SECRET"`
	w.env = append(w.env, "WEBHOOK_SECRET=right", "HF_WEBHOOK_SECRET=of the user's last webhook", "GRADIO_SERVER_PORT=7861", "UVICORN_PORT=8001")
	p := w.run(0, append(listenArgs("--forward", "4711/webhook"), "--", "sh", "-c", script)...)
	if want := "sh | 4711,4711,4711,4711,right,right,right"; !strings.Contains(p.stderr.text(), want) {
		t.Errorf("want %q in %s", want, p.stderr.text())
	}
}

func TestAnAppThatListensElsewhereIsTold(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	w := newWorld(t)
	port, taken := porttest.Port(t), porttest.Port(t)
	p := w.start(append(listenArgs("--json", "--forward", taken+"/webhook"), "--", "sh", "-c", binary+" sandbox --port "+port+"; true")...)
	p.wait(p.stderr, "sh | export HF_ENDPOINT=")
	w.happen("repo.update")
	line := p.wait(p.stdout, "the app listens on")
	if want := `"state":"down","detail":"the app listens on port ` + port + `, and events go to ` + taken + `: --forward ` + port + `/webhook"`; !strings.Contains(line, want) {
		t.Errorf("want %s in %s", want, line)
	}
	p.signal(os.Interrupt)
	p.ends(0)
	w.nothingLeft()
}

func TestTheSessionEndsAsTheAppDoes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	for script, code := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -9 $$": 137, `test "$WEBHOOK_SECRET" && test "$PORT" && exit 9`: 9} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.run(code, append(listenArgs(), "--", "sh", "-c", script)...)
			if told := strings.Contains(p.stderr.text(), "error: the app"); told != (code != 0) {
				t.Errorf("standard error: %s", p.stderr.text())
			}
			w.nothingLeft()
		})
	}
}

func TestAnAppThatForksAndIgnoresSignalsIsGoneAfterwards(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	peertest.Need(t, "sleep", "coreutils")
	w := newWorld(t)
	mark := filepath.Base(t.TempDir()) + fmt.Sprint(os.Getpid()) // another run of this test may go on beside it
	p := w.start(append(listenArgs(), "--", "sh", "-c", `: `+mark+`; trap "" TERM INT; (trap "" TERM INT; echo child up; while :; do sleep 1; done) & echo $$; wait`)...)
	p.wait(p.stderr, "sh | child up")
	p.ready()
	p.signal(os.Interrupt)
	p.ends(0)
	w.nothingLeft()
	out, err := exec.Command("ps", "-eo", "args").Output()
	if err != nil {
		peertest.Missing(t, "ps")
	}
	if bytes.Contains(out, []byte(mark)) {
		t.Errorf("it is still there:\n%s", out)
	}
}

func TestAnAppThatIsNotThereIsToldBeforeAnythingIsMade(t *testing.T) {
	w := newWorld(t)
	w.run(2, append(listenArgs(), "--", "no-such-app", "main:app", "a b")...).says(`the app "no-such-app" cannot be started: .*`, `.*hf-tap listen -- \.venv/bin/no-such-app main:app 'a b'`)
	w.run(2, append(listenArgs(), "--", "./no-such-app")...).says(`the app "./no-such-app" cannot be started: .*`, `.*hf-tap listen -- python app.py`)
	w.run(2, append(listenArgs(), "--")...).says(`there is no command after --`, `hf-tap listen -- .*`)
	if len(w.Calls()) != 0 {
		t.Errorf("the Hub was asked: %v", w.Calls())
	}
}
