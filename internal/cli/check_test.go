package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

const checkSecret = "correct horse"

// checked is a handler to be checked; answer has the first word.
func checked(t *testing.T, answer func(w http.ResponseWriter, req *http.Request, body []byte) bool) (port string) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		var payload map[string]any
		switch {
		case answer != nil && answer(w, req, body):
		case req.Method != "POST":
			w.WriteHeader(http.StatusMethodNotAllowed)
		case req.Header.Get("X-Webhook-Secret") != checkSecret:
			w.WriteHeader(http.StatusForbidden)
		case json.Unmarshal(body, &payload) != nil:
			w.WriteHeader(http.StatusBadRequest)
		}
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() { srv.Close(); <-done })
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port
}

// newChecker is a machine whose secret is checkSecret.
func newChecker(t *testing.T) *world {
	w := newWorld(t)
	w.env = append(w.env, "WEBHOOK_SECRET="+checkSecret)
	return w
}

func TestCheckPassesAHealthyHandlerWithoutTheHub(t *testing.T) {
	w := newChecker(t)
	p := w.run(0, "check", checked(t, nil)+"/hook")
	out := p.stdout.text()
	for _, want := range []string{"\npass         secret   wrong-secret ", "\ncannot tell  repeats  repeat ", "look whether the handler did its work twice", " passed · 0 warnings · 0 failed · "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if p.stderr.text() != "" {
		t.Errorf("stderr has %q", p.stderr.text())
	}
	if calls := w.Calls(); len(calls) > 0 {
		t.Errorf("the Hub was called: %v", calls)
	}
}

func TestCheckSaysWhatFailsAndHowToSendItAgain(t *testing.T) {
	w := newChecker(t)
	hostile := "\x1b]0;owned\x07\u202e" + checkSecret
	port := checked(t, func(rw http.ResponseWriter, req *http.Request, body []byte) bool {
		if !strings.Contains(string(body), `"collection"`) {
			return false
		}
		rw.WriteHeader(http.StatusInternalServerError)
		io.WriteString(rw, hostile)
		return true
	})
	p := w.run(4, "check", port, "--skip", "slow-body", "--repo", "dataset:me/d")
	out := p.stdout.text()
	for _, want := range []string{"FAIL         payload  unknown-scope", "FAIL unknown-scope", "  why     the Hub adds scopes", `-H "X-Webhook-Secret: $WEBHOOK_SECRET"`, " · 1 failed · "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.ContainsAny(out, "\x1b\x07\u202e") || strings.Contains(out, checkSecret) {
		t.Errorf("it shows what a terminal obeys, or the secret:\n%q", out)
	}
	want := "error: the handler fails: unknown-scope\nhint: hf-tap check " + port + " --only unknown-scope --repo dataset:me/d"
	if got := p.stderr.text(); got != want {
		t.Errorf("stderr has %q, want %q", got, want)
	}
}

func TestCheckPrintsJSONLines(t *testing.T) {
	w := newChecker(t)
	port := checked(t, func(rw http.ResponseWriter, req *http.Request, _ []byte) bool {
		if req.Method == "GET" {
			rw.WriteHeader(http.StatusInternalServerError)
			io.WriteString(rw, "\xff\x00")
		}
		return req.Method == "GET"
	})
	p := w.run(0, "check", port, "--only", "get", "--only", "wrong*,own-comment", "--json")
	type answer struct {
		Status     int
		MS         *float64
		Body       *string
		BodyBase64 []byte `json:"body_base64"`
	}
	type line struct {
		Type, Name, Group, Result, Says, Look, Sends, Judged, Why, Curl, Target string
		V                                                                       int
		Answers                                                                 []answer
		Passed, Warned, Failed                                                  int
		CannotTell                                                              int `json:"cannot_tell"`
	}
	var all []line
	for _, text := range p.stdout.all {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if l.V != 1 {
			t.Errorf("the version is %d", l.V)
		}
		all = append(all, l)
	}
	if len(all) != 4 {
		t.Fatalf("%d lines:\n%s", len(all), p.stdout.text())
	}
	wrong, own, get, sum := all[0], all[1], all[2], all[3]
	if wrong.Type != "check" || wrong.Name != "wrong-secret" || wrong.Group != "secret" || wrong.Result != "pass" || wrong.Answers[0].Status != 403 || !strings.Contains(wrong.Curl, "curl ") || wrong.Why == "" || wrong.Sends == "" || wrong.Judged == "" {
		t.Errorf("%+v", wrong)
	}
	if own.Result != "cannot_tell" || own.Look == "" || own.Answers == nil {
		t.Errorf("%+v", own)
	}
	if get.Result != "warn" || string(get.Answers[0].BodyBase64) != "\xff\x00" || get.Answers[0].MS == nil {
		t.Errorf("%+v", get)
	}
	if sum.Type != "summary" || sum.Passed != 1 || sum.Warned != 1 || sum.Failed != 0 || sum.CannotTell != 1 || sum.Target != "http://127.0.0.1:"+port {
		t.Errorf("%+v", sum)
	}
}

func TestCheckOfWhatIsNotThereSaysWhatToType(t *testing.T) {
	w := newChecker(t)
	here := checked(t, func(rw http.ResponseWriter, req *http.Request, _ []byte) bool {
		switch {
		case req.URL.Path == "/hook" && req.Method == "OPTIONS":
			rw.Header().Set("Allow", "POST")
		case req.URL.Path == "/moved":
			http.Redirect(rw, req, "/hook", http.StatusPermanentRedirect)
		case req.URL.Path == "/hook":
			return false
		default:
			rw.WriteHeader(http.StatusNotFound)
		}
		return true
	})
	nobody := porttest.Port(t)
	for args, want := range map[string]string{
		nobody:          "error: there is no handler at http://127.0.0.1:" + nobody + ": connection refused\nhint: start it, or let hf-tap start it: hf-tap check " + nobody + " -- python app.py",
		here + "/":      "error: http://127.0.0.1:" + here + "/ answers 404 to POST\nhint: hf-tap check " + here + "/hook, where the handler takes POST",
		here + "/moved": "error: http://127.0.0.1:" + here + "/moved redirects to http://127.0.0.1:" + here + "/hook (308), and redirects are not followed\nhint: hf-tap check http://127.0.0.1:" + here + "/hook",
	} {
		p := w.run(1, "check", args)
		if got := p.stderr.text(); got != want || p.stdout.text() != "" {
			t.Errorf("%s: %q %q\nwant %q", args, p.stdout.text(), got, want)
		}
	}
}

func TestCheckStartsTheHandlerAndEndsIt(t *testing.T) {
	peertest.Need(t, "node", "nodejs")
	w := newChecker(t)
	file := filepath.Join(t.TempDir(), "handler.mjs")
	// It dies on an unknown scope, as an exception in Node does that nobody catches.
	program := `import http from "node:http";
http.createServer((req, res) => {
  let body = "";
  req.on("data", part => body += part).on("end", () => {
    res.statusCode = req.method !== "POST" ? 405 : req.headers["x-webhook-secret"] !== process.env.WEBHOOK_SECRET ? 403 : 200;
    if (res.statusCode === 200) {
      let payload = null;
      try { payload = JSON.parse(body); } catch {}
      if (payload === null || payload.event === undefined) res.statusCode = 400;
      else if (payload.event.scope === "collection") throw new Error("what is a collection?");
    }
    res.end();
  });
}).listen(process.env.PORT, "127.0.0.1", () => console.log("pid", process.pid));
`
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	p := w.run(4, "check", "--json", "--skip", "slow-body", "--", "node", file)
	var failed []string
	for _, text := range p.stdout.all {
		var l struct {
			Name, Result, Says string
			App                []string
		}
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		if l.Result == "fail" {
			failed = append(failed, l.Name)
			if app := strings.Join(l.App, "\n"); !strings.Contains(app, "what is a collection?") || !strings.Contains(l.Says, "was started again") {
				t.Errorf("%s: %q, and the app wrote %q", l.Name, l.Says, app)
			}
		}
	}
	if !slices.Equal(failed, []string{"unknown-scope"}) {
		t.Errorf("%q failed\n%s", failed, p.stdout.text())
	}
	if hint := "hint: hf-tap check --only unknown-scope -- node " + file; !strings.HasSuffix(p.stderr.text(), hint) {
		t.Errorf("stderr has %q", p.stderr.text())
	}
}

func TestCheckOfAnAppThatDoesNotListenSaysWhy(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the apps are for a POSIX shell")
	}
	w := newChecker(t)
	taken := checked(t, nil)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"it ends":           {[]string{"--", "sh", "-c", "echo broken >&2; exit 3"}, "sh | broken\nerror: the app \"sh\" ended with status 3\nhint: see what it printed; it has to listen on PORT"},
		"it does nothing":   {[]string{"--wait-target", "100ms", "--", "sh", "-c", "exec cat /dev/zero >/dev/null"}, "does not listen at http://127.0.0.1:"},
		"the port is taken": {[]string{taken, "--", "sh", "-c", "exit 3"}, fmt.Sprintf("error: http://127.0.0.1:%s is in use, and the app cannot listen there\nhint: stop that program, or check it without an app: hf-tap check http://127.0.0.1:%s", taken, taken)},
	} {
		p := w.run(1, append([]string{"check"}, c.args...)...)
		if !strings.Contains(p.stderr.text(), c.want) || p.stdout.text() != "" {
			t.Errorf("%s: %q", name, p.stderr.text())
		}
	}
}

func TestCtrlCEndsACheckAndItsApp(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("ended by a signal")
	}
	w := newChecker(t)
	reached := make(chan struct{}, 10)
	port := checked(t, func(_ http.ResponseWriter, req *http.Request, _ []byte) bool {
		if req.Method == "POST" {
			reached <- struct{}{}
			<-req.Context().Done()
		}
		return req.Method == "POST"
	})
	p := w.start("check", port, "--timeout", "1h", "--json")
	<-reached
	p.signal(os.Interrupt)
	p.ends(130)
}

func TestCheckFindsAPythonHandlerThatTakesOneAtATime(t *testing.T) {
	python := peertest.Need(t, "python3", "python3")
	w := newChecker(t)
	file := filepath.Join(t.TempDir(), "handler.py")
	const program = `import http.server, json, os, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = 200
        if self.headers.get("X-Webhook-Secret") != os.environ["WEBHOOK_SECRET"]:
            status = 403
        else:
            try:
                json.loads(body)["event"]
                time.sleep(float(sys.argv[2]))
            except (ValueError, KeyError, TypeError):
                status = 400
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

getattr(http.server, sys.argv[1])(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
`
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(0, "check", "--skip", "slow-body", "--", python, file, "ThreadingHTTPServer", "0")
	p := w.run(4, "check", "--only", "two-at-once", "--", python, file, "HTTPServer", "1.1")
	if !strings.Contains(p.stdout.text(), "the second waits until the first is done") {
		t.Error(p.stdout.text())
	}
}
