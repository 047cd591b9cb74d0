package receiver_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/receiver"
)

// payload returns a body of this size, with different bytes.
func payload(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i>>8) ^ byte(i)
	}
	return b
}

func TestTooLargeBodyIsRefusedAndRecorded(t *testing.T) {
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	const limit = 32 << 20
	recorded := 0
	for _, announced := range []bool{true, false} {
		for _, c := range []struct{ size, status int }{{limit, 200}, {limit + 1, 413}, {limit + 1<<20, 413}} {
			body := io.Reader(bytes.NewReader(payload(c.size)))
			if !announced {
				body = io.MultiReader(body)
			}
			req, _ := http.NewRequest(http.MethodPost, tap.url, body)
			what := fmt.Sprintf("%d bytes, announced %v: ", c.size, announced)
			want(t, what+"answer", send(t, req, "X-Webhook-Secret", secret, "Webhook-Id", "d1").StatusCode, c.status)
			recorded++
			e := tap.history.waitSettled(t, recorded)[recorded-1]
			want(t, what+"recorded answer", e.Answer.Status, c.status)
			want(t, what+"refused", e.Refused(), c.status == 413)
			if c.status == 200 {
				continue
			}
			want(t, what+"verdict", e.Verdict, event.VerdictOK)
			want(t, what+"delivery", e.Delivery, "d1")
			want(t, what+"header", e.Header.Get("X-Webhook-Secret"), secret)
			want(t, what+"kept", string(e.Body) == string(payload(16<<10)), true)
			want(t, what+"cut", e.BodyCut, true)
			want(t, what+"targets", len(e.Targets), 0)
			want(t, what+"the phase it was recorded with", e.recorded, event.PhaseSettled)
			want(t, what+"refusal", e.Refusal(), "the body is too large")
			size := int64(c.size) // as announced
			if !announced {
				size = limit + 1 // as far as it was read
			}
			want(t, what+"size", e.Size, size)
		}
	}
	want(t, "handed over", len(app.requests()), 2)
	s := tap.Stats()
	want(t, "deliveries and refused", fmt.Sprint(s.Deliveries, s.Refused), "2 4")
	want(t, "deliveries as the Hub counts them", s.Today, 6)
	want(t, "left or unsettled", fmt.Sprint(tap.Drain(t.Context()), tap.Stats().Unsettled), "0 0")
}

func TestIncompleteBodyIsRefusedAndRecorded(t *testing.T) {
	app := runApp(t, nil)
	tap := startTap(t, receiver.Config{Routes: routes(app.route(t, ""))})
	recorded := 0
	for _, s := range []string{secret, "wrong"} {
		for _, c := range []struct {
			rest string
			size int64
		}{{"Content-Length: 10\r\n\r\nhalf", 10}, {"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", 4}} {
			conn := dialTap(t, tap)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: h\r\nX-Webhook-Secret: %s\r\n%s", path, s, c.rest)
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			what := s + ", " + c.rest + ": "
			want(t, what+"answer", statusOn(t, conn), 400)
			recorded++
			e := tap.history.waitSettled(t, recorded)[recorded-1]
			want(t, what+"answer, body, cut", fmt.Sprint(e.Answer.Status, string(e.Body), e.BodyCut), "400halftrue")
			want(t, what+"refused", e.Refused(), s == secret)
			if s == secret {
				want(t, what+"refusal", e.Refusal(), "the body broke off")
				want(t, what+"size", e.Size, c.size)
			} else {
				want(t, what+"size", e.Size, 4)
			}
		}
	}
	want(t, "handed over", len(app.requests()), 0)
	s := tap.Stats()
	want(t, "deliveries, strangers, recorded", fmt.Sprint(s.Deliveries, s.Strangers, s.StrangersRecorded), "0 2 2")
}

func TestRefusalIsAnsweredEvenIfItCannotBeRecorded(t *testing.T) {
	tap := startTap(t, receiver.Config{Limits: receiver.Limits{MaxBody: 10}})
	tap.history.failAppends(io.ErrShortWrite)
	want(t, "answer", tap.deliver(t, "more than ten bytes").StatusCode, 413)
}

func TestLocalCallerGetsTheNumberOfARefusedEvent(t *testing.T) {
	tap := startTap(t, receiver.Config{Limits: receiver.Limits{MaxBody: 10}})
	resp := post(t, tap.local, []byte("more than ten bytes"), "Hf-Tap-Key", localKey, "Hf-Tap-Source", "trigger")
	want(t, "answer", fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("Hf-Tap-Event")), "413 1")
	e := tap.history.waitSettled(t, 1)[0]
	want(t, "recorded answer", e.Answer, event.Answer{})
	want(t, "refusal", e.Refusal(), "the body did not arrive whole")
}

func TestEventWithoutATargetIsRecordedAsSettled(t *testing.T) {
	for _, respond := range []receiver.Respond{receiver.Ack, receiver.Relay} {
		tap := startTap(t, receiver.Config{Routes: routes(route(t, "repo.*=7860")), Respond: respond})
		want(t, "no target", tap.deliver(t, `{"event":{"scope":"discussion","action":"create"}}`).StatusCode, 200)
		want(t, "a stranger", post(t, tap.url, []byte("{}")).StatusCode, 401)
		for _, header := range []http.Header{{"X-Webhook-Secret": {secret}}, nil} {
			settled, err := tap.Deliver(t.Context(), &event.Event{Header: header})
			if err != nil {
				t.Fatal(err)
			}
			<-settled
		}
		for i, e := range tap.history.waitSettled(t, 4) {
			want(t, "the phase it was recorded with", e.recorded, event.PhaseSettled)
			want(t, "story", story(e), []string{"answer 200", "answer 401", "", ""}[i])
			want(t, "attempts", len(e.Attempts), 0)
		}
	}
}

func TestReplayAndTriggerHaveNoAnswer(t *testing.T) {
	for _, respond := range []receiver.Respond{receiver.Ack, receiver.Relay} {
		app := runApp(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
		tap := startTap(t, receiver.Config{Routes: routes(app.route(t, "")), Respond: respond})
		// A fault does not apply to these, and they do not use it up.
		if err := tap.SetFault(&receiver.Fault{Status: 503, Times: 1}); err != nil {
			t.Fatal(err)
		}
		for _, source := range []string{"replay", "trigger"} {
			want(t, source+" over HTTP", post(t, tap.local, []byte("{}"), "Hf-Tap-Key", localKey, "Hf-Tap-Source", source).StatusCode, 200)
		}
		<-tap.deliverInProcess(t, "{}")
		for _, e := range tap.history.waitSettled(t, 3) {
			want(t, "answer", e.Answer, event.Answer{})
			want(t, "attempt", e.Attempts[0].Status, http.StatusTeapot)
		}
		want(t, "the fault's turn", tap.deliver(t, "{}").StatusCode, 503)
		want(t, "the sender's own", tap.deliver(t, "{}").StatusCode, map[receiver.Respond]int{receiver.Ack: 200, receiver.Relay: http.StatusTeapot}[respond])
	}
}

func TestReplayInARelayHasNoTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &scriptedTarget{tryIn: func(ctx context.Context, _ *event.Event) (event.Attempt, receiver.Outcome) {
			select {
			case <-ctx.Done():
				return event.Attempt{}, receiver.OutcomeFailed
			case <-time.After(time.Hour): // a breakpoint
				return event.Attempt{Status: 200}, receiver.OutcomeAnswered
			}
		}}
		tap := newTap(t, receiver.Config{Respond: receiver.Relay, Routes: routes(receiver.Route{Target: slow})})
		<-tap.deliverInProcess(t, "{}")
		want(t, "story", story(tap.history.list()[0]), "try 1 200 + settled")
	})
}

func TestHeadersOfAStrangerAreTrimmed(t *testing.T) {
	const most = 16 << 10
	tap := startTap(t, receiver.Config{})
	size := func(h http.Header) (n int) {
		for name, values := range h {
			for _, value := range values {
				n += len(name) + len(value)
			}
		}
		return n
	}
	small := []string{"Webhook-Id", "w1", "Content-Type", "application/json", event.LeftOutHeader, "nothing"}
	for name, c := range map[string]struct {
		headers []string
		query   string
		says    string
	}{
		"one large header":    {[]string{"X-Large", strings.Repeat("x", 60<<10)}, "", "1 header of 61451 bytes"},
		"many values":         {slices.Repeat([]string{"X-Many", "x"}, 4000), "", "1 header of 44000 bytes"},
		"many headers":        {manyHeaders(2000), "", " headers of "},
		"a long query":        {nil, "?q=" + strings.Repeat("x", 40<<10), "36891 bytes of the path"},
		"with a wrong secret": {[]string{"X-Webhook-Secret", "wrong", "X-Large", strings.Repeat("x", 20<<10)}, "", "1 header of 20491 bytes"},
		"only small headers":  {nil, "", ""},
	} {
		before := len(tap.history.list())
		post(t, tap.url+c.query, []byte("{}"), append(slices.Clone(small), c.headers...)...)
		e := tap.history.waitSettled(t, before+1)[before]
		if got := e.Header.Get(event.LeftOutHeader); !strings.Contains(got, c.says) || (got == "") != (c.says == "") {
			t.Errorf("%s: it says %q", name, got)
		}
		if n := size(e.Header) + len(e.Path); n > most+100 {
			t.Errorf("%s: %d bytes are kept", name, n)
		}
		if name == "many headers" {
			continue // they are smaller still
		}
		want(t, name+", what is small", fmt.Sprint(e.Delivery, e.Header.Get("Content-Type"), e.Header.Get("Host") != ""), "w1application/jsontrue")
	}
	large := strings.Repeat("x", 40<<10)
	before := len(tap.history.list())
	post(t, tap.url, []byte("{}"), "X-Webhook-Secret", secret, "X-Large", large)
	want(t, "the headers of a trusted sender are kept", tap.history.waitSettled(t, before+1)[before].Header.Get("X-Large"), large)
}

func manyHeaders(n int) (headers []string) {
	for i := range n {
		headers = append(headers, fmt.Sprintf("X-Header-%d", i), "x")
	}
	return headers
}

func TestRecordedStrangersAreLimited(t *testing.T) {
	tap := startTap(t, receiver.Config{Limits: receiver.Limits{MaxInFlight: 1, MaxStrangers: 5}})
	big := bytes.Repeat([]byte("x"), 100<<10)
	for _, c := range []struct {
		announced bool
		size      int
		kept      int
		cut       bool
	}{
		{true, 100 << 10, 16 << 10, true}, {false, 100 << 10, 16 << 10, true},
		{true, 16 << 10, 16 << 10, false}, {false, 16 << 10, 16 << 10, false}, {true, 3, 3, false},
	} {
		body := io.Reader(bytes.NewReader(big[:c.size]))
		if !c.announced {
			body = io.MultiReader(body)
		}
		req, _ := http.NewRequest(http.MethodPost, tap.url, body)
		want(t, "status", send(t, req, "X-Webhook-Secret", "wrong").StatusCode, 403)
		all := tap.history.list()
		e := all[len(all)-1]
		want(t, fmt.Sprintf("%d bytes, announced %v", c.size, c.announced), fmt.Sprint(len(e.Body), e.Size, e.BodyCut), fmt.Sprint(c.kept, c.kept, c.cut))
	}
	for range 20 {
		want(t, "status", post(t, tap.url, big).StatusCode, 401)
	}
	want(t, "recorded", len(tap.history.waitSettled(t, 5)), 5)
	s := tap.Stats()
	want(t, "stats", fmt.Sprint(s.Strangers, s.StrangersRecorded, s.Deliveries), "25 5 0")
}
