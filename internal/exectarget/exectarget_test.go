//go:build unix

package exectarget_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/exectarget"
	"github.com/hf-tap/hf-tap/receiver"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// delivery is an event as the receiver hands it over.
func delivery(body string) *event.Event {
	return &event.Event{
		Body: []byte(body), Delivery: "0190", WebhookID: "65a1", Repo: hub.Repo{Type: "model", Name: "me/m"},
		Header: http.Header{event.SecretHeader: {"s3cret"}}, Path: "/hook", Verdict: event.VerdictOK,
	}
}

func try(t *testing.T, command string, e *event.Event) (event.Attempt, receiver.Outcome) {
	t.Helper()
	target, err := exectarget.New(command)
	if err != nil {
		t.Fatal(err)
	}
	return target.Try(t.Context(), e)
}

func TestACommandHasTheEnvironmentOfAJob(t *testing.T) {
	t.Setenv("WEBHOOK_SECRET", "of another webhook")
	t.Setenv("WEBHOOK_PAYLOAD_FILE", "stale")
	t.Setenv("MY_OWN", "kept")
	e := delivery(`{"event":{"action":"update","scope":"repo.content"},"x":"'; exit 9 #$(exit 8)"}`)
	a, outcome := try(t, `env; echo "stdin=$(cat)"`, e)
	if outcome != receiver.OutcomeAnswered || !a.OK() || a.Status != 0 {
		t.Fatalf("got %v, %+v\n%s", outcome, a, a.Body)
	}
	for _, want := range []string{
		"WEBHOOK_PAYLOAD=" + string(e.Body), "WEBHOOK_REPO_ID=me/m", "WEBHOOK_REPO_TYPE=model", "WEBHOOK_SECRET=s3cret",
		"WEBHOOK_ID=0190", "MY_OWN=kept", "stdin=" + string(e.Body),
	} {
		if !strings.Contains("\n"+string(a.Body), "\n"+want+"\n") {
			t.Errorf("no %q in\n%s", want, a.Body)
		}
	}
	if bytes.Contains(a.Body, []byte("WEBHOOK_PAYLOAD_FILE")) {
		t.Error("there is a file for a small payload")
	}
}

func TestACommandWithoutASecretHasNone(t *testing.T) {
	t.Setenv("WEBHOOK_SECRET", "of another webhook")
	e := delivery("{}")
	e.Header = nil
	if a, _ := try(t, `test -z "${WEBHOOK_SECRET+set}"`, e); !a.OK() {
		t.Errorf("got %+v", a)
	}
	e.Path = "/hook?secret=in%20the%20query"
	if a, _ := try(t, `printf %s "$WEBHOOK_SECRET"`, e); string(a.Body) != "in the query" {
		t.Errorf("got %s", a.Body)
	}
}

func TestTheExitStatusIsNotAnHTTPStatus(t *testing.T) {
	for _, c := range []struct {
		command, err string
		outcome      receiver.Outcome
		exit         int
		exited       bool
	}{
		{"true", "", receiver.OutcomeAnswered, 0, true},
		{"exit 3", "exit status 3", receiver.OutcomeFailed, 3, true},
		{"exit 200", "exit status 200", receiver.OutcomeFailed, 200, true},
		{"no-such-command-at-all", "exit status 127", receiver.OutcomeFailed, 127, true},
		{"/", "exit status 126", receiver.OutcomeFailed, 126, true},
		{"kill -9 $$", "ended by SIGKILL", receiver.OutcomeFailed, 0, false},
	} {
		a, outcome := try(t, c.command, delivery("{}"))
		exit, exited := a.Exit()
		if outcome != c.outcome || a.Err != c.err || a.Status != 0 || exit != c.exit || exited != c.exited {
			t.Errorf("%s: got %v, %+v, exit %d %v", c.command, outcome, a, exit, exited)
		}
	}
}

func TestBothStreamsAreTheBodyInOneOrder(t *testing.T) {
	a, _ := try(t, `echo one; echo two >&2; printf 'three\r\0\377'; exit 1`, delivery("{}"))
	if string(a.Body) != "one\ntwo\nthree\r\x00\xff" || a.BodyCut {
		t.Errorf("got %q", a.Body)
	}
}

func TestOutputIsBounded(t *testing.T) {
	a, outcome := try(t, `head -c 100000000 /dev/zero`, delivery("{}"))
	if outcome != receiver.OutcomeAnswered || len(a.Body) != event.MaxTargetBody || !a.BodyCut {
		t.Errorf("got %v, %d bytes, cut %v, %s", outcome, len(a.Body), a.BodyCut, a.Err)
	}
}

func TestALargePayloadIsInAFileThatIsRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	const name = "WEBHOOK_PAYLOAD="
	largest := 128<<10 - len(name) - 1
	for size, inFile := range map[int]bool{largest: false, largest + 1: true, 40 << 20: true} {
		body := strings.Repeat("x", size)
		a, _ := try(t, `set -e
			if [ -n "$WEBHOOK_PAYLOAD_FILE" ]; then
				test -z "${WEBHOOK_PAYLOAD+set}"
				ls -l "$WEBHOOK_PAYLOAD_FILE" | cut -c1-10
				wc -c <"$WEBHOOK_PAYLOAD_FILE"
			else
				echo variable
				printf %s "$WEBHOOK_PAYLOAD" | wc -c
			fi
			wc -c`, delivery(body))
		words := strings.Fields(string(a.Body))
		want := []string{"variable", fmt.Sprint(size), fmt.Sprint(size)}
		if inFile {
			want[0] = "-rw-------"
		}
		if !a.OK() || strings.Join(words, " ") != strings.Join(want, " ") {
			t.Errorf("%d bytes: got %q, %s", size, a.Body, a.Err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestAZeroByteInAPayloadIsNotTheEndOfIt(t *testing.T) {
	e := delivery("{\"a\":\"\x00b\"}")
	e.Repo.Name = "me/\x00m"
	a, _ := try(t, `test -z "${WEBHOOK_PAYLOAD+set}${WEBHOOK_REPO_ID+set}" && cat "$WEBHOOK_PAYLOAD_FILE"`, e)
	if !a.OK() || !bytes.Equal(a.Body, e.Body) {
		t.Errorf("got %q, %s", a.Body, a.Err)
	}
}

func TestAnEnvironmentAtItsLimitPutsThePayloadIntoAFile(t *testing.T) {
	// Linux takes a quarter of the stack's limit, 6 MiB at most; others take less.
	for i := range 50 {
		t.Setenv(fmt.Sprintf("FILLER_%d", i), strings.Repeat("x", 120_000))
		a, _ := try(t, `cat "${WEBHOOK_PAYLOAD_FILE:-/dev/null}"`, delivery(strings.Repeat("y", 100_000)))
		switch {
		case a.OK() && len(a.Body) == 100_000:
			return
		case !a.OK() && i > 0:
			t.Fatalf("with %d variables: %s", i, a.Err)
		}
	}
	t.Skip("this system has no limit")
}

func TestAnEnvironmentBeyondTheLimitSaysSo(t *testing.T) {
	for i := range 80 {
		t.Setenv(fmt.Sprintf("FILLER_%d", i), strings.Repeat("x", 120_000))
	}
	a, outcome := try(t, "true", delivery("{}"))
	if a.OK() {
		t.Skip("this system has no limit")
	}
	if outcome != receiver.OutcomeFailed || !strings.Contains(a.Err, "too large for the system") {
		t.Errorf("got %v, %s", outcome, a.Err)
	}
}

func TestACommandThatReadsNothingEndsAtOnce(t *testing.T) {
	if a, _ := try(t, "exec true", delivery(strings.Repeat("x", 40<<20))); !a.OK() {
		t.Errorf("got %+v", a)
	}
}

// holder is a command that ignores SIGTERM and is connected to the test, which sees
// by that when it runs, and when it has ended with its child.
func holder(t *testing.T) (command string, running func() (ended func())) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	script := fmt.Sprintf(`trap "" TERM; exec 3<>/dev/tcp/127.0.0.1/%s; sleep 1000 & wait`, port)
	return "exec bash -c '" + script + "'", func() func() {
		t.Helper()
		l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return func() {
			t.Helper()
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("it lives on")
			}
		}
	}
}

const patience = time.Minute

func TestTheEndOfTheTimeEndsACommandThatIgnoresSIGTERM(t *testing.T) {
	command, running := holder(t)
	target, err := exectarget.New(command)
	if err != nil {
		t.Fatal(err)
	}
	target.Grace = 10 * time.Millisecond
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("no answer within 1s")
	done := make(chan event.Attempt)
	go func() {
		a, _ := target.Try(ctx, delivery("{}"))
		done <- a
	}()
	ended := running()
	cancel(late)
	if a := <-done; a.Err != late.Error() || a.OK() {
		t.Errorf("got %+v", a)
	}
	ended()
}

func TestWhatACommandLeavesBehindEndsWithIt(t *testing.T) {
	command, running := holder(t)
	target, err := exectarget.New("(" + command + ") & echo started")
	if err != nil {
		t.Fatal(err)
	}
	target.Grace = 10 * time.Millisecond
	done := make(chan event.Attempt)
	go func() {
		a, _ := target.Try(t.Context(), delivery("{}"))
		done <- a
	}()
	ended := running()
	if a := <-done; !a.OK() || string(a.Body) != "started\n" {
		t.Errorf("got %+v", a)
	}
	ended()
}

func TestAMatchInFrontOfACommandIsReadAsInFrontOfATarget(t *testing.T) {
	for s, want := range map[string]struct {
		match, name string
		isDefault   bool
	}{
		"./x":                             {name: "exec:./x"},
		"discussion.*=./x --a=b":          {match: "discussion.*", name: "exec:./x --a=b"},
		"model:me/*,repo.*=A=1 ./x":       {match: "repo.*,model:me/*", name: "exec:A=1 ./x"},
		"default=./x":                     {name: "exec:./x", isDefault: true},
		"FOO=bar ./x":                     {name: "exec:FOO=bar ./x"},
		"repo=1 ./x":                      {name: "exec:repo=1 ./x"},
		"./x --kind=discussion.*":         {name: "exec:./x --kind=discussion.*"},
		"curl 'http://h/?a=b'":            {name: "exec:curl 'http://h/?a=b'"},
		"discusion.*=./x":                 {name: "exec:discusion.*=./x"},
		"HF_TOKEN=hf_abcdefghij ./x":      {name: "exec:HF_TOKEN=*** ./x"},
		"./x --api-key 'a b' --n 3":       {name: "exec:./x --api-key *** --n 3"},
		"./x hf_abcdefghij":               {name: "exec:./x ***"},
		"curl http://u:p@h/?token=a":      {name: "exec:curl http://u:***@h/?token=***"},
		"./x\n\t| tee log":                {name: "exec:./x | tee log"},
		"./x " + strings.Repeat("é", 200): {name: "exec:./x " + strings.Repeat("é", 96) + "…"},
	} {
		route, err := exectarget.ParseRoute(s, "", "")
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if route.Match.String() != want.match || route.Default != want.isDefault || route.Target.Name() != want.name {
			t.Errorf("%s: got %q %v %q", s, route.Match, route.Default, route.Target.Name())
		}
	}
	for _, s := range []string{"", " ", "discussion.*=", "default= "} {
		if _, err := exectarget.ParseRoute(s, "", ""); err == nil || !strings.Contains(err.Error(), "empty") {
			t.Errorf("%q: got %v", s, err)
		}
	}
}

// TestARouteToACommand runs commands behind a receiver.
func TestARouteToACommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tries")
	again, err := exectarget.ParseRoute(`discussion.*=echo try >>'`+file+`'; test $(wc -l <'`+file+`') -ge 2`, "", "")
	if err != nil {
		t.Fatal(err)
	}
	// They differ in a secret only, and are two targets.
	one, _ := exectarget.ParseRoute("TOKEN=1; exit $TOKEN", "", "")
	two, _ := exectarget.ParseRoute("TOKEN=2; exit $TOKEN", "", "")
	record := &recorder{}
	r, err := receiver.New(receiver.Config{
		Path: "/hook", Recorder: record, Routes: []receiver.Route{again, one, two}, Retries: 1, Backoff: time.Millisecond, Respond: receiver.Relay,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	body, _ := json.Marshal(map[string]any{"event": map[string]string{"action": "create", "scope": "discussion"}, "repo": map[string]string{"type": "model", "name": "me/m"}})
	settled, err := r.Deliver(t.Context(), &event.Event{Method: "POST", Path: "/hook", Body: body})
	if err != nil {
		t.Fatal(err)
	}
	<-settled
	row := record.row
	if len(row.Targets) != 3 {
		t.Fatalf("got %+v", row.Targets)
	}
	for i, want := range []struct {
		tries, exit int
		name        string
	}{{2, 0, again.Target.Name()}, {2, 1, "exec:TOKEN=*** exit $TOKEN"}, {2, 2, "exec:TOKEN=*** exit $TOKEN#2"}} {
		got := row.Targets[i]
		exit, ok := got.Exit()
		if got.Tries != want.tries || exit != want.exit || !ok || got.OK() != (want.exit == 0) || got.Name != want.name {
			t.Errorf("target %d: got %+v", i, got)
		}
	}
	if !row.Failed {
		t.Error("a failed command is not a failure")
	}
}

// recorder keeps the row of the only event.
type recorder struct{ row *event.Row }

func (r *recorder) Append(_ context.Context, e *event.Event) error {
	e.N = 1
	r.row = event.NewRow(e)
	return nil
}
func (r *recorder) Update(u event.Update)                       { r.row = r.row.Apply(u) }
func (r *recorder) Body(context.Context, int64) ([]byte, error) { return nil, nil }
