package cli_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// with returns the world's environment with values changed; an empty one is
// taken away.
func (w *world) with(pairs ...string) *world {
	other := *w
	other.env = nil
	changed := map[string]bool{}
	for _, kv := range slices.Backward(append(slices.Clone(w.env), pairs...)) { // the last one counts
		key, value, _ := strings.Cut(kv, "=")
		if !changed[key] && value != "" {
			other.env = append(other.env, kv)
		}
		changed[key] = true
	}
	return &other
}

// says checks the two lines of an error, as patterns.
func (p *process) says(what, hint string) {
	p.t.Helper()
	lines := strings.Split(p.stderr.text(), "\n")
	for i, want := range []string{"error: " + what, "hint: " + hint} {
		at := len(lines) - 2 + i
		if at < 0 || !regexp.MustCompile("^"+want+"$").MatchString(lines[at]) {
			p.t.Errorf("standard error does not end with\n  %s\nbut is\n%s", want, p.stderr.text())
		}
	}
}

func TestErrorsAreTwoLinesWithAHintToType(t *testing.T) {
	w := newWorld(t)
	read, err := w.AddToken("me", sandbox.Token{Role: sandbox.RoleRead, Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	fine, err := w.AddToken("me", sandbox.Token{Role: sandbox.RoleFineGrained, Permissions: []string{"repo.content.read"}})
	if err != nil {
		t.Fatal(err)
	}
	gone := porttest.Addr(t)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	asksPassword := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	forbids := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(func() { // after the parallel subtests
		secure.Close()
		asksPassword.Close()
		forbids.Close()
	})
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) // after the parallel subtests
	_, takenPort, _ := net.SplitHostPort(taken.Addr().String())

	for name, c := range map[string]struct {
		env        []string
		args       []string
		code       int
		what, hint string
	}{
		"no token":        {[]string{"HF_TOKEN="}, []string{"listen"}, 1, "there is no Hugging Face token.*", `run "hf auth login".*`},
		"wrong token":     {[]string{"HF_TOKEN=hf_wrong"}, []string{"listen"}, 1, `the Hub refused the token \(401\).*`, `run "hf auth login", or set HF_TOKEN .*`},
		"read token":      {[]string{"HF_TOKEN=" + read}, []string{"listen"}, 1, `the token of "me" may not write webhooks: .*"ci".*read.*`, `.*role write.*`},
		"fine-grained":    {[]string{"HF_TOKEN=" + fine}, []string{"listen"}, 1, `the token of "me" may not write webhooks: .*user\.webhooks.*`, `.*user\.webhooks\.write.*`},
		"Hub down":        {[]string{"HF_ENDPOINT=http://" + gone}, []string{"listen"}, 1, `.*the Hub at 127.0.0.1:\d+ does not answer.*connection refused`, `check the network.*`},
		"Hub untrusted":   {[]string{"HF_ENDPOINT=" + secure.URL}, []string{"listen"}, 1, `.*no connection to the Hub at 127.0.0.1:\d+: its certificate is not trusted: it is signed by .*`, `.*--ca FILE`},
		"Hub without TLS": {[]string{"HF_ENDPOINT=" + strings.Replace(w.endpoint, "http:", "https:", 1)}, []string{"listen"}, 1, `.*does not answer: it does not speak TLS at that port`, `check the network, .*HF_ENDPOINT.*`},
		"Hub unknown":     {[]string{"HF_ENDPOINT=https://nosuch.invalid"}, []string{"listen"}, 1, `.*: cannot resolve nosuch\.invalid.*`, `check the network and HF_ENDPOINT.*`},
		"proxy 407":       {[]string{"HF_ENDPOINT=https://hub.example", "HTTPS_PROXY=" + asksPassword.URL}, []string{"listen"}, 1, `.*the proxy http://127.0.0.1:\d+ refuses a connection to hub.example:443: 407 .*, it wants a user and a password`, `.*HTTPS_PROXY=http://user:password@.*`},
		"proxy 403":       {[]string{"HF_ENDPOINT=https://hub.example", "HTTPS_PROXY=" + forbids.URL}, []string{"listen"}, 1, `.*the proxy http://127.0.0.1:\d+ refuses a connection to hub.example:443: 403 Forbidden`, `ask the proxy.s administrator to allow connections to .*`},
		"proxy down":      {[]string{"HF_ENDPOINT=https://hub.example", "HTTPS_PROXY=http://" + gone}, []string{"listen"}, 1, `.*no way to hub.example:443 through the proxy http://127.0.0.1:\d+: connection refused`, `check HTTPS_PROXY.*`},
		"proxy untrusted": {[]string{"HF_ENDPOINT=https://hub.example", "HTTPS_PROXY=" + secure.URL}, []string{"listen"}, 1, `.*no way to hub.example:443 through the proxy https://127.0.0.1:\d+: its certificate is not trusted.*`, `.*the proxy's authority: --ca FILE`},
		"offline":         {[]string{"HF_HUB_OFFLINE=1"}, []string{"listen"}, 1, `.*HF_HUB_OFFLINE is set.*`, `.*unset HF_HUB_OFFLINE.*`},
		"bad endpoint":    {[]string{"HF_ENDPOINT=huggingface.co"}, []string{"listen"}, 2, `.*HF_ENDPOINT.*`, `unset HF_ENDPOINT.*`},
		"plain http":      {[]string{"HF_ENDPOINT=http://hub.example"}, []string{"listen"}, 1, `.*plain http.*`, `.+`},
		"unknown watch":   {nil, []string{"listen", "model:nobody/nothing"}, 1, `.*nobody/nothing.*`, `.+`},
		"malformed watch": {nil, []string{"listen", "gpt2"}, 2, `watch "gpt2" has no type.*`, `hf-tap listen model:gpt2`},
		"port in use":     {nil, []string{"listen", "--port", takenPort}, 1, `.*address already in use.*`, `.*--port.*`},
		"unknown tunnel":  {nil, []string{"listen", "--tunnel", "pigeon"}, 2, `unknown tunnel "pigeon"`, `.*--tunnel auto.*`},
		"unknown flag":    {nil, []string{"listen", "--frobnicate"}, 2, `unknown flag: --frobnicate`, `hf-tap listen --help`},
		"unknown command": {nil, []string{"lissten"}, 2, `unknown command "lissten" for "hf-tap".*`, `did you mean: hf-tap listen`},
		"strange command": {nil, []string{"frobnicate"}, 2, `unknown command "frobnicate" for "hf-tap".*`, `hf-tap --help`},
		"bad route":       {nil, []string{"listen", "--forward", "nowhere"}, 2, `.*"nowhere".*`, `hf-tap listen --forward .*`},
		"-term":           {nil, []string{"events", "ls", "-kind:repo.*"}, 2, `unknown shorthand flag: .*`, `.*hf-tap events ls -- -kind:repo.*`},
		"bad until":       {nil, []string{"listen", "--until", "discusion.*"}, 2, `filter "discusion.\*", at character 1: .*`, `hf-tap listen --until .*`},
		"bad webhook id":  {nil, []string{"listen", "--mute", "xyz"}, 2, `.*"xyz".*24 hex.*`, `hf-tap webhooks ls`},
		"unknown like":    {nil, []string{"listen", "--like", strings.Repeat("a", 24)}, 1, `read the watches of a{24}: .*`, `.+`},
		"unknown stored":  {nil, []string{"listen", "--token", "ci"}, 1, `.*"ci".*`, `.+`},
		"no such event":   {nil, []string{"events", "show", "99"}, 1, `there is no event 99`, `hf-tap events ls`},
		"replay nothing":  {nil, []string{"events", "replay"}, 2, `name the events.*`, `hf-tap events replay --failed`},
		"bad secret":      {[]string{"WEBHOOK_SECRET=with\ttab"}, []string{"secret"}, 1, `WEBHOOK_SECRET: the secret cannot be used.*`, `.+`},
		"no home":         {[]string{"HF_TAP_STATE=", "HOME="}, []string{"secret"}, 1, `there is no home folder.*`, `set HF_TAP_STATE.*`},
		"no such file":    {nil, []string{"secret", "--secret-file", "/nonexistent"}, 1, `.*/nonexistent.*`, `.+`},
		"no tunnel":       {[]string{"HF_ENDPOINT=https://127.0.0.2.example", "HF_HUB_OFFLINE=", "HTTPS_PROXY=http://127.0.0.1:1"}, []string{"listen", "--no-webhook"}, 1, `gradio cannot be reached .* through the proxy .*`, `.*--tunnel ngrok, .*`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && name == "no home" {
				t.Skip("Windows has no HOME")
			}
			v := *w
			v.t = t
			p := v.with(append([]string{"HF_TAP_STATE=" + filepath.Join(t.TempDir(), "state")}, c.env...)...).run(c.code, c.args...)
			p.says(c.what, c.hint)
			if out := p.stdout.text(); out != "" {
				t.Errorf("standard output has %q", out)
			}
		})
	}
	t.Cleanup(func() {
		if ids := w.left(); len(ids) > 0 {
			t.Errorf("webhooks are left: %v", ids)
		}
	})
}

func TestAHubInTroubleIsToldAsWhatItIs(t *testing.T) {
	for name, c := range map[string]struct {
		fault sandbox.Fault
		what  string
	}{
		"500":     {sandbox.Fault{Status: 500, Body: `{"error":"Internal Error"}`}, `.*500.*Internal Error.*`},
		"HTML":    {sandbox.Fault{Status: 502, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html><body>Bad \x1b[31mGateway"}, `.*502.*`},
		"429":     {sandbox.Fault{Status: 429, Header: http.Header{"Retry-After": {"3600"}}}, `.*wait 1h.*429.*`},
		"hostile": {sandbox.Fault{Status: 400, Body: `{"error":"\u001b]0;owned\u0007 \u202e"}`}, `.*␛\]0;owned␇ \\u202e.*`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Fault("POST /api/settings/webhooks", c.fault)
			p := w.run(1, listenArgs()...)
			lines := strings.Split(p.stderr.text(), "\n")
			if !regexp.MustCompile(`error: `+c.what).MatchString(p.stderr.text()) || strings.ContainsAny(p.stderr.text(), "\x1b\u202e") || strings.Contains(p.stderr.text(), "<html") {
				t.Errorf("standard error: %q", lines)
			}
			if len(w.left()) > 0 {
				t.Error("a webhook is left")
			}
		})
	}
}

func TestTheHistorysTroublesAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		spoil      func(path string) error
		what, hint string
	}{
		"damaged":  {func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("no database ", 1000)), 0o600) }, `.*history.db.*`, `hf-tap events recover.*`},
		"a folder": {func(p string) error { return os.MkdirAll(p, 0o700) }, `.*history.db.*`, `.*HF_TAP_STATE.*`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			path := filepath.Join(w.state, "history.db")
			if err := os.MkdirAll(w.state, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := c.spoil(path); err != nil {
				t.Fatal(err)
			}
			p := w.run(1, listenArgs()...)
			p.says(c.what, c.hint)
			if n := w.CallCount("POST /api/settings/webhooks"); n != 0 {
				t.Errorf("%d webhooks were made", n)
			}
		})
	}
}
