package receiver_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

func TestDeliveryIsRecordedAnsweredAndHandedOver(t *testing.T) {
	app := runApp(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-App", "yes")
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, "thanks")
	})
	tap := startTap(t, receiver.Config{Secret: secret, Routes: routes(app.route(t, ""))})
	body := `{"event":{"action":"create","scope":"discussion"},"repo":{"type":"model","name":"me/m"},"webhook":{"id":"65a1","version":3}}`
	resp := post(t, tap.url+"?from=hub", []byte(body), "X-Webhook-Secret", secret, "Webhook-Id", "d1")
	want(t, "status", resp.StatusCode, 200)
	want(t, "answer", bodyOf(resp), "")

	e := tap.history.waitSettled(t, 1)[0]
	want(t, "session", e.Session, "s1")
	want(t, "source", e.Source, event.SourceHub)
	want(t, "verdict", e.Verdict, event.VerdictOK)
	want(t, "kind", e.Kind, "discussion.create")
	want(t, "repo", e.Repo.String(), "model:me/m")
	want(t, "webhook", e.WebhookID, "65a1")
	want(t, "delivery", e.Delivery, "d1")
	want(t, "method and path", e.Method+" "+e.Path, "POST "+path+"?from=hub")
	want(t, "size", e.Size, int64(len(body)))
	want(t, "recorded body", string(e.Body), body)
	want(t, "host", e.Header.Get("Host"), strings.TrimPrefix(strings.TrimSuffix(tap.url, path), "http://"))
	want(t, "answered", e.Answer.Status, 200)
	want(t, "targets", strings.Join(e.Targets, " "), "http://"+app.addr+"/hook")
	want(t, "attempts", len(e.Attempts), 1)
	a := e.Attempts[0]
	want(t, "attempt", fmt.Sprint(a.N, a.Target, a.Status, a.Err, a.Header.Get("X-App"), string(a.Body)),
		fmt.Sprint(1, "http://"+app.addr+"/hook", 202, "", "yes", "thanks"))
	want(t, "handed over", string(app.requests()[0].body), body)
	want(t, "path and query at the target", app.requests()[0].RequestURI, "/hook?from=hub")

	phases := []event.Phase{}
	for _, u := range e.updates {
		phases = append(phases, u.Phase)
	}
	if diff := cmp.Diff([]event.Phase{"", event.PhaseSettled}, phases); diff != "" || e.updates[0].Answer.Status != 200 {
		t.Errorf("want the answer, then the attempt that settles it: %s", diff)
	}
}

func TestVerdictOfTheSecret(t *testing.T) {
	const header = "X-Webhook-Secret"
	for _, c := range []struct {
		name    string
		query   string
		headers []string
		status  int
		verdict event.Verdict
	}{
		{"the right header", "", []string{header, secret}, 200, event.VerdictOK},
		{"blanks around it, which get lost on the way", "", []string{header, "  " + secret + " "}, 200, event.VerdictOK},
		{"none", "", nil, 401, event.VerdictMissing},
		{"an empty header", "", []string{header, ""}, 403, event.VerdictWrong},
		{"a wrong header", "", []string{header, secret + "x"}, 403, event.VerdictWrong},
		{"the right one twice", "", []string{header, secret, header, secret}, 403, event.VerdictWrong},
		{"a right and a wrong one", "", []string{header, secret, header, "x"}, 403, event.VerdictWrong},
		{"the right query", "?secret=correct+horse", nil, 200, event.VerdictOK},
		{"the right query beside a broken pair", "?a=%zz&secret=correct%20horse", nil, 200, event.VerdictOK},
		{"a wrong query", "?secret=x", nil, 403, event.VerdictWrong},
		{"two in the query", "?secret=correct+horse&secret=x", nil, 403, event.VerdictWrong},
		{"a wrong header beside the right query", "?secret=correct+horse", []string{header, "x"}, 403, event.VerdictWrong},
		{"the right header beside a wrong query", "?secret=x", []string{header, secret}, 200, event.VerdictOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			app := runApp(t, nil)
			tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
			resp := post(t, tap.url+c.query, []byte("{}"), c.headers...)
			want(t, "status", resp.StatusCode, c.status)
			e := tap.history.waitSettled(t, 1)[0]
			want(t, "verdict", e.Verdict, c.verdict)
			want(t, "recorded answer", e.Answer.Status, c.status)
			want(t, "targets", len(e.Targets), map[bool]int{true: 1, false: 0}[c.status == 200])
			want(t, "handed over", len(app.requests()), len(e.Targets))
		})
	}
}

func TestWithoutASecretDeliveriesAreUnchecked(t *testing.T) {
	r, err := receiver.New(receiver.Config{Path: path, Recorder: newMemory()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	url := serve(t, r.Server()) + path
	want(t, "without", post(t, url, nil).StatusCode, 200)
	want(t, "with any", post(t, url, nil, "X-Webhook-Secret", "x", "X-Webhook-Secret", "y").StatusCode, 200)
	want(t, "deliveries", r.Stats().Deliveries, 2)
}

func TestSecretOfBlanksIsAnError(t *testing.T) {
	if _, err := receiver.New(receiver.Config{Path: path, Recorder: newMemory(), Secret: " \t "}); err == nil {
		t.Error("an empty header would have been the right one")
	}
}

func TestOtherRequestsAreNotFoundAndOnlyCounted(t *testing.T) {
	tap := startTap(t, receiver.Config{})
	base := strings.TrimSuffix(tap.url, path)
	requests := [][2]string{
		{"GET", path}, {"HEAD", path}, {"PUT", path}, {"OPTIONS", path}, {"OPTIONS", "*"}, {"DELETE", path},
		{"POST", "/"}, {"POST", path + "/"}, {"POST", path + "0"}, {"POST", "/" + path}, {"POST", path + "/check/n"},
		{"POST", "/hf-tap/0123456789abcde%66"}, {"POST", "/hf-tap%2f0123456789abcdef"}, {"POST", "/x/.." + path},
		{"POST", strings.ToUpper(path)},
	}
	for _, request := range requests {
		// Not sent by a client, which would clean some of the paths.
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\nContent-Length: 9000\r\n\r\n", request[0], request[1], secret)
		resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: request[0]})
		if err != nil {
			t.Fatalf("%v: %v", request, err)
		}
		body, _ := io.ReadAll(resp.Body)
		conn.Close()
		want(t, fmt.Sprint(request), fmt.Sprint(resp.StatusCode, len(body)), "404 0")
	}
	want(t, "counted", tap.Stats().NotFound, int64(len(requests)))
	want(t, "recorded", len(tap.history.list()), 0)
}

func TestSelfCheckIsAnsweredAndNotRecorded(t *testing.T) {
	tap := startTap(t, receiver.Config{Check: func(nonce string) string { return "mac of " + nonce }})
	for _, method := range []string{"GET", "POST"} {
		req, _ := http.NewRequest(method, tap.url+"/check/aZ09-_", strings.NewReader(""))
		resp := send(t, req)
		want(t, method, fmt.Sprint(resp.StatusCode, bodyOf(resp)), "200mac of aZ09-_")
	}
	for _, nonce := range []string{"", "a/b", "a.b", "%41", strings.Repeat("a", 129)} {
		want(t, "nonce "+nonce, post(t, tap.url+"/check/"+nonce, nil).StatusCode, 404)
	}
	want(t, "the longest nonce", post(t, tap.url+"/check/"+strings.Repeat("a", 128), nil).StatusCode, 200)
	want(t, "recorded", len(tap.history.list()), 0)
	want(t, "checks", tap.Stats().Checks, 3)
}

func TestBytesAndHeadersArriveUnchanged(t *testing.T) {
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	bodies := map[string]string{
		"not JSON":       "hello",
		"empty":          "",
		"every byte":     string(every),
		"not UTF-8":      "{\"event\":{\"scope\":\"\xff\xfe\"}}",
		"deeply nested":  strings.Repeat("[", 200_000),
		"odd whitespace": "{ \"event\" :\r\n {\"action\":\"create\",\"scope\":\"repo\"} }\n\n",
		"unknown scope":  `{"event":{"action":"explode","scope":"galaxy.star"}}`,
		"a megabyte":     strings.Repeat("0123456789abcdef", 1<<16),
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			before := len(tap.history.list())
			conn, err := net.Dial("tcp", strings.TrimPrefix(strings.TrimSuffix(tap.url, path), "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST %s?a=%%20b&&c HTTP/1.1\r\nHost: public.example\r\nContent-Length: %d\r\n"+
				"X-Webhook-Secret: %s\r\nx-many: 1\r\nX-Many: 2\r\nX-Many: 1\r\nX-Empty:\r\nX-Latin: caf\xe9\r\n"+
				"Connection: keep-alive, X-Hop\r\nX-Hop: secret of this hop\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\n"+
				"User-Agent: one\r\nUser-Agent: two\r\nProxy-Authorization: Basic eA==\r\n\r\n%s",
				path, len(body), secret, body)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "status", resp.StatusCode, 200)
			e := tap.history.waitSettled(t, before+1)[before]
			want(t, "recorded", string(e.Body), body)
			got := app.requests()[before]
			want(t, "handed over", string(got.body), body)
			want(t, "request URI", got.RequestURI, "/hook?a=%20b&&c")
			want(t, "host at the target", got.Host, app.addr)

			wantRecorded := http.Header{
				"Host": {"public.example"}, "Content-Length": {fmt.Sprint(len(body))}, "X-Webhook-Secret": {secret},
				"X-Many": {"1", "2", "1"}, "X-Empty": {""}, "X-Latin": {"caf\xe9"}, "X-Hop": {"secret of this hop"},
				"Connection": {"keep-alive, X-Hop"}, "Keep-Alive": {"timeout=5"}, "Te": {"trailers"},
				"User-Agent": {"one", "two"}, "Proxy-Authorization": {"Basic eA=="},
			}
			if diff := cmp.Diff(wantRecorded, e.Header); diff != "" {
				t.Errorf("recorded headers (-want +got):\n%s", diff)
			}
			wantOnward := http.Header{
				"Content-Length": {fmt.Sprint(len(body))}, "X-Webhook-Secret": {secret},
				"X-Many": {"1", "2", "1"}, "X-Empty": {""}, "X-Latin": {"caf\xe9"}, "User-Agent": {"one", "two"},
			}
			if diff := cmp.Diff(wantOnward, got.Header); diff != "" {
				t.Errorf("headers at the target (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTargetGetsNoHeaderThatWasNotSent(t *testing.T) {
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	conn, err := net.Dial("tcp", strings.TrimPrefix(strings.TrimSuffix(tap.url, path), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", path, secret)
	if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Fatal(err)
	}
	e := tap.history.waitSettled(t, 1)[0]
	want(t, "recorded encoding", e.Header.Get("Transfer-Encoding"), "chunked")
	if diff := cmp.Diff(http.Header{"Content-Length": {"2"}, "X-Webhook-Secret": {secret}}, app.requests()[0].Header); diff != "" {
		t.Errorf("headers at the target (-want +got):\n%s", diff)
	}
}

func TestSenderWithExpectGets100(t *testing.T) {
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Limits: receiver.Limits{MaxBody: 100}, Routes: routes(app.route(t, ""))})
	for _, c := range []struct{ length, status int }{{100, 200}, {101, 413}} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(strings.TrimSuffix(tap.url, path), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", path, secret, c.length)
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		want(t, fmt.Sprint(c.length, " bytes"), resp.StatusCode, 100)
		conn.Write(bytes.Repeat([]byte("x"), c.length))
		if resp, err = http.ReadResponse(in, nil); err != nil {
			t.Fatal(err)
		}
		want(t, fmt.Sprint(c.length, " bytes, after the body"), resp.StatusCode, c.status)
	}
	e := tap.history.waitSettled(t, 2)[0]
	want(t, "recorded", e.Header.Get("Expect"), "100-continue")
	want(t, "at the target", app.requests()[0].Header.Get("Expect"), "") // it was met already
}

func TestDeliveryThatCannotBeRecordedGets503(t *testing.T) {
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	tap.history.failAppends(errors.New("disk full"))
	for range 3 {
		resp := tap.deliver(t, "{}")
		want(t, "status", resp.StatusCode, 503)
		want(t, "retry-after", resp.Header.Get("Retry-After"), "5")
	}
	want(t, "a stranger's answer does not change", post(t, tap.url, nil).StatusCode, 401)
	tap.history.failAppends(nil)
	for range 2 {
		want(t, "status", tap.deliver(t, "{}").StatusCode, 200)
	}
	tap.history.waitSettled(t, 2)
	want(t, "handed over", len(app.requests()), 2)
}

func TestLocalCallerNamesItsSource(t *testing.T) {
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	resp := post(t, tap.local, []byte("{}"), "Hf-Tap-Key", localKey, "X-Webhook-Secret", secret, "Hf-Tap-Source", "replay", "Hf-Tap-Replay-Of", "7")
	want(t, "answer", fmt.Sprint(resp.StatusCode, resp.Header.Get("Hf-Tap-Event")), "2001")
	resp = post(t, tap.local, []byte("{}"), "Hf-Tap-Key", localKey, "Hf-Tap-Source", "trigger", "X-Webhook-Secret", "of another session")
	want(t, "with another secret", fmt.Sprint(resp.StatusCode, resp.Header.Get("Hf-Tap-Event")), "2002")
	resp = post(t, tap.local, []byte("{}"), "Hf-Tap-Key", localKey)
	want(t, "without a secret and a source", fmt.Sprint(resp.StatusCode, resp.Header.Get("Hf-Tap-Event")), "4013")
	all := tap.history.waitSettled(t, 3)
	want(t, "the added secret", app.requests()[1].Header.Get("X-Webhook-Secret"), secret)
	want(t, "source", all[0].Source, event.SourceReplay)
	want(t, "replay of", all[0].ReplayOf, 7)
	want(t, "source", all[1].Source, event.SourceTrigger)
	for _, h := range []http.Header{all[0].Header, app.requests()[0].Header} {
		want(t, "its headers", h.Get("Hf-Tap-Source")+h.Get("Hf-Tap-Replay-Of")+h.Get("Hf-Tap-Key"), "")
	}
	for _, headers := range [][]string{{"Hf-Tap-Source", "hub"}, {"Hf-Tap-Replay-Of", "0"}, {"Hf-Tap-Replay-Of", "x"}} {
		want(t, strings.Join(headers, ": "), post(t, tap.local, nil, append(headers, "Hf-Tap-Key", localKey, "X-Webhook-Secret", secret)...).StatusCode, 400)
	}
}

func TestLocalCallerNeedsTheKeyAndTheAddress(t *testing.T) {
	tap := startTap(t, receiver.Config{})
	ask := func(host string, headers ...string) int {
		req, err := http.NewRequest(http.MethodPost, tap.local, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		return send(t, req, append(headers, "Hf-Tap-Source", "trigger")...).StatusCode
	}
	port := tap.local[strings.LastIndexByte(strings.TrimSuffix(tap.local, path), ':'):]
	port = strings.TrimSuffix(port, path)
	for _, c := range []struct {
		host    string
		headers []string
		wanted  int
	}{
		{"", nil, 403},
		{"", []string{"Hf-Tap-Key", ""}, 403},
		{"", []string{"Hf-Tap-Key", "wrong"}, 403},
		{"", []string{"Hf-Tap-Key", localKey + "x"}, 403},
		{"", []string{"Hf-Tap-Key", secret}, 403},
		{"", []string{"X-Webhook-Secret", secret}, 403},
		{"evil.example", []string{"Hf-Tap-Key", localKey}, 403},
		{"evil.example" + port, []string{"Hf-Tap-Key", localKey}, 403},
		{"127.0.0.1", []string{"Hf-Tap-Key", localKey}, 403},
		{"localhost" + port, []string{"Hf-Tap-Key", localKey}, 403},
		{"", []string{"Hf-Tap-Key", localKey}, 200},
	} {
		want(t, fmt.Sprint(c.host, c.headers), ask(c.host, c.headers...), c.wanted)
	}
	want(t, "recorded", len(tap.history.waitSettled(t, 1)), 1)

	keyless, err := receiver.New(receiver.Config{Path: path, Secret: secret, Recorder: newMemory()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keyless.Close)
	server := keyless.Server()
	server.Handler = keyless.LocalHandler()
	want(t, "a receiver without a key", post(t, serve(t, server)+path, nil, "Hf-Tap-Key", "", "X-Webhook-Secret", secret).StatusCode, 403)
}

func TestPublicCallerCannotNameItsSource(t *testing.T) {
	tap := startTap(t, receiver.Config{})
	resp := post(t, tap.url, []byte("{}"), "X-Webhook-Secret", secret, "Hf-Tap-Source", "replay", "Hf-Tap-Replay-Of", "7")
	want(t, "number of the event in the answer", resp.Header.Get("Hf-Tap-Event"), "")
	e := tap.history.waitSettled(t, 1)[0]
	want(t, "source", e.Source, event.SourceHub)
	want(t, "replay of", e.ReplayOf, 0)
	want(t, "the header", e.Header.Get("Hf-Tap-Source"), "replay")
}

func TestThousandDeliveriesAtOnceAllArrive(t *testing.T) {
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			want(t, "status", tap.deliver(t, fmt.Sprintf(`{"i":%d}`, i)).StatusCode, 200)
		})
	}
	wg.Wait()
	tap.history.waitSettled(t, 1000)
	seen := map[string]bool{}
	for _, took := range app.requests() {
		seen[string(took.body)] = true
	}
	want(t, "different bodies at the app", len(seen), 1000)
	want(t, "requests at the app", len(app.requests()), 1000)
}
