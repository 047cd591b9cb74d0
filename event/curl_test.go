package event

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
)

func TestCurlSendsTheEventAsItCame(t *testing.T) {
	for _, program := range []string{"curl", "bash"} {
		peertest.Need(t, program, program)
	}
	type request struct {
		header http.Header
		body   []byte
	}
	requests := make(chan request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- request{r.Header, body}
	}))
	defer server.Close()
	for _, sent := range []string{`{"a":"it's \"so\" $HOME ` + "`id`" + `"}`, "line\nline", "\x00\xff\u009bnot %s text'\\", "@file", "\u202e", "tell s3cret-0, s3cret-0\n", "\x00s3cret-0", "s3cret-0", "zero\u200bwidth", "long s3cret-0 " + strings.Repeat("it's 100% ", 20_000)} {
		e := &Event{Method: "POST", Body: []byte(sent), Header: http.Header{
			"Content-Type": {"application/json"}, "X-Webhook-Secret": {"s3cret-0"}, "Authorization": {"Bearer t0ken-of-me"}, "X-Original-Url": {"/hook?v=1&secret=s3cret-0&token=x"}, "X-Repeats": {"a s3cret-0 and t0ken-of-me b"}, "X-Empty": {""},
			"X-Two": {"$(id)", "it's"}, "Content-Length": {"99"}, "X-Forwarded-For": {"1.2.3.4"}}}
		text := Curl(e, server.URL+"/hook?a=b&c")
		if strings.Contains(text, "s3cret") || strings.Contains(text, "t0ken") {
			t.Errorf("the command tells a secret: %s", text)
		}
		if strings.ContainsFunc(text, func(r rune) bool {
			return r != '\n' && (unicode.IsControl(r) || r == 0x202e || r == 0x200b || r == utf8.RuneError)
		}) {
			t.Errorf("the command holds what a terminal obeys: %q", text)
		}
		cmd := exec.Command("bash") // an argument of it would have a limit, too
		cmd.Stdin = strings.NewReader(text)
		cmd.Env = []string{"WEBHOOK_SECRET=from the environment", "PATH=/usr/bin:/bin"}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v, %s\n%s", err, out, text)
		}
		arrived := <-requests
		got := arrived.header
		if want := strings.ReplaceAll(sent, "s3cret-0", "from the environment"); string(arrived.body) != want {
			t.Errorf("sent %q, arrived as %q", want, arrived.body)
		}
		if got.Get("X-Repeats") != "a from the environment and *** b" || got.Get("X-Original-Url") != "/hook?v=1&secret=***&token=***" {
			t.Errorf("headers arrived as %v", got)
		}
		if got.Get("X-Webhook-Secret") != "from the environment" || got.Get("Authorization") != "" || got.Get("Content-Type") != "application/json" ||
			strings.Join(got["X-Two"], "|") != "$(id)|it's" || got["X-Empty"] == nil {
			t.Errorf("headers arrived as %v", got)
		}
	}
}

func TestCurlPutsNoRightSecretIntoAStrangersEvent(t *testing.T) {
	e := &Event{Method: "POST", Verdict: VerdictWrong, Header: http.Header{"X-Webhook-Secret": {"guess"}, LeftOutHeader: {"1 header of 20000 bytes"}}}
	if got := Curl(e, "http://h/"); strings.Contains(got, "$WEBHOOK_SECRET") || strings.Contains(got, "guess") || strings.Contains(got, LeftOutHeader) || !strings.Contains(got, "-H 'X-Webhook-Secret: ***'") {
		t.Errorf("the command is %s", got)
	}
}
