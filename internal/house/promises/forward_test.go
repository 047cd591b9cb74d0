package promises

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// bodies are those that a careless program changes.
var bodies = []struct {
	name string
	body []byte
}{
	{"empty", nil},
	{"JSON with blanks", []byte("\n { \"a\" : [ 1 , 2.50 ] ,\t\"a\": \"twice\" }\r\n\n")},
	{"JSON with escapes", []byte(`{"slash":"\/","html":"<a href=\"?x&y\">","umlaut":"\u00e4","rare":"\ud83d\ude00\u2028","nul":"\u0000","big":12345678901234567890.10}`)},
	{"half of JSON", []byte(`{"event":{"action":`)},
	{"text", []byte("not JSON, with a line end\r\nand none at the end")},
	{"each byte", eachByte()},
	{"text that is not UTF-8", []byte("\xff\xfe caf\xe9 \xc3(")},
	{"a byte order mark", []byte("\xef\xbb\xbf{}")},
	{"zeros", make([]byte, 70_000)},
	{"3 MiB of noise", noise(3<<20 + 17)},
	{"3 MiB of JSON", fmt.Appendf(nil, `{"event":{"action":"update","scope":"repo.content"},"text":"%s"}`, strings.Repeat("äb ", 1<<20))},
}

func eachByte() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// headers are sent with each delivery. Names are spelled as net/http spells
// them, which is how they arrive at a target.
var headers = http.Header{
	"Accept":          {"text/plain;q=0.5", "*/*"},
	"Content-Type":    {"application/json; charset=\"utf-8\""},
	"X-Empty":         {""},
	"X-Latin":         {"caf\xe9"},
	"X-Repeated":      {"b", "a", "b", "", "a, b"},
	"X-Forwarded-For": {"192.0.2.1", "192.0.2.2"},
	"Via":             {"1.1 first", "1.1 second"},
	"User-Agent":      {"a-hub/1.0", "a-gateway/2.0"},
	"Cookie":          {"a=1", "b=2"},
	"Authorization":   {"Bearer of-the-sender"},
	"Traceparent":     {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
}

// ofTheConnection are headers that belong to one connection, and are not passed
// on.
const ofTheConnection = "Connection: keep-alive, X-Of-This-Hop\r\nX-Of-This-Hop: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nProxy-Connection: keep-alive\r\n"

// raw writes a delivery by hand, so that nothing is added to it.
func raw(t *testing.T, to, id string, body []byte, chunked bool) int {
	t.Helper()
	at, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s?b=2&a=%%2F1&b=1 HTTP/1.1\r\nHost: hub.example\r\nx-webhook-secret: %s\r\nwebhook-id: %s\r\n%s", at.Path, webhookSecret, id, ofTheConnection)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		for _, value := range headers[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", strings.ToLower(name), value)
		}
	}
	if chunked {
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for part := range slices.Chunk(body, 10_007) {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(part), part)
		}
		b.WriteString("0\r\n\r\n")
	} else {
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	conn, err := net.Dial("tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

// arrivedWhole checks a delivery at a target: each byte, and each header with all
// its values in their order.
func arrivedWhole(t *testing.T, r request, body []byte) {
	t.Helper()
	if !bytes.Equal(r.body, body) {
		t.Errorf("delivery %s: the target got a body of %d bytes that is not the one of %d bytes that was sent", r.id, len(r.body), len(body))
	}
	if r.length != int64(len(body)) && r.length != -1 {
		t.Errorf("delivery %s: the target was told of %d bytes, and there are %d", r.id, r.length, len(body))
	}
	want := headers.Clone()
	want["X-Webhook-Secret"], want["Webhook-Id"] = []string{webhookSecret}, []string{r.id}
	for name, values := range want {
		if !slices.Equal(r.header[name], values) {
			t.Errorf("delivery %s: the target got %s: %q, want %q", r.id, name, r.header[name], values)
		}
	}
	for name, values := range r.header {
		if _, sent := want[name]; !sent && name != "Content-Length" {
			t.Errorf("delivery %s: the target got %s: %q, which was not sent, or was for one connection", r.id, name, values)
		}
	}
	if r.path != "/at/app?b=2&a=%2F1&b=1" {
		t.Errorf("delivery %s: the target was asked for %s", r.id, r.path)
	}
}

func TestWhatWasSentArrivesByteForByte(t *testing.T) {
	t.Parallel()
	for _, respond := range waysToAnswer {
		t.Run(respond, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first, second := newTarget(t), newTarget(t)
			p := w.listen("--json", "--respond", respond, "--forward", first.addr+"/at/app", "--forward", "http://"+second.addr+"/at/app")
			to := p.ready(t)
			sent := map[string][]byte{}
			for i, c := range bodies {
				for _, chunked := range []bool{false, true} {
					id := fmt.Sprintf("%d-%t", i, chunked)
					sent[id] = c.body
					if status := raw(t, to, id, c.body, chunked); status != http.StatusOK {
						t.Errorf("%s, chunked %t: answered %d", c.name, chunked, status)
					}
				}
			}
			for _, a := range []*target{first, second} {
				got := map[string]int{}
				for _, r := range a.requests(t, len(sent), p) {
					arrivedWhole(t, r, sent[r.id])
					got[r.id]++
				}
				if len(got) != len(sent) {
					t.Errorf("of %d deliveries the target got %v", len(sent), got)
				}
			}
			for id := range sent {
				p.wait(t, p.stdout, `"delivery":"`+id+`"`)
			}
			p.kill()
			w.keptWhole(t, sent)
		})
	}
}

// keptWhole checks that the history has the deliveries as they came, shows them
// so, and replays them so.
func (w *world) keptWhole(t *testing.T, sent map[string][]byte) {
	t.Helper()
	again := newTarget(t)
	events := byDelivery(w.history(0))
	var numbers []string
	for id, body := range sent {
		list := events[id]
		if len(list) != 1 || !list[0].bodyIs(body) {
			t.Errorf("delivery %s: the history has %d of it, or another body", id, len(list))
			continue
		}
		e := list[0]
		n := strconv.FormatInt(e.N, 10)
		numbers = append(numbers, n)
		out, err := w.command("events", "show", n, "--raw").Output()
		if err != nil || !bytes.Equal(out, body) {
			t.Errorf("delivery %s: events show --raw gives %d bytes, and %d were sent; %v", id, len(out), len(body), err)
		}
		var repeated []string
		for _, h := range e.Headers {
			if h[0] == "X-Repeated" {
				repeated = append(repeated, h[1])
			}
		}
		if !slices.Equal(repeated, headers["X-Repeated"]) {
			t.Errorf("delivery %s: its JSON has X-Repeated: %q", id, repeated)
		}
	}
	w.run(0, append([]string{"events", "replay", "--forward", again.addr + "/at/app"}, numbers...)...)
	if got := again.ids(); len(got) != len(sent) {
		t.Errorf("of %d replays the target got %d", len(sent), len(got))
	}
	for _, r := range again.all() {
		arrivedWhole(t, r, sent[r.id])
	}
}

// TestStrangersReachNoTarget sends deliveries with a wrong secret and with none.
func TestStrangersReachNoTarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := newTarget(t)
	p := w.listen("--json", "--forward", a.addr)
	to := p.ready(t)
	for _, c := range []struct {
		path, secret string
		status       int
		verdict      string // "" when it is not recorded
	}{
		{to, "wrong", http.StatusForbidden, "wrong"},
		{to, "", http.StatusUnauthorized, "missing"},
		{to[:len(to)-4], webhookSecret, http.StatusNotFound, ""},
	} {
		req, err := http.NewRequest(http.MethodPost, c.path, strings.NewReader(`{"a":1}`))
		if err != nil {
			t.Fatal(err)
		}
		if c.secret != "" {
			req.Header.Set("X-Webhook-Secret", c.secret)
		}
		resp, err := newSender(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("secret %q at %s: answered %d, want %d", c.secret, c.path, resp.StatusCode, c.status)
		}
		if c.verdict != "" {
			p.wait(t, p.stdout, `"verdict":"`+c.verdict+`"`)
		}
	}
	newSender(t).mustPost(t, to, "known", []byte(`{"a":1}`))
	if got := a.requests(t, 1, p); len(got) != 1 || got[0].id != "known" {
		t.Errorf("the target got %+v", got)
	}
	p.kill()
	if events := w.history(0); len(events) != 3 {
		t.Errorf("the history has %d events, want those with a wrong secret, without one, and the right one: %+v", len(events), events)
	}
}
