package receiver_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
	"github.com/hf-tap/hf-tap/receiver"
)

// twoApps makes apps at the same port of 127.0.0.1 and ::1. They do not listen yet.
func twoApps(t *testing.T) (v4, v6 *app, port string) {
	t.Helper()
	if ln, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skipf("needs IPv6: %v", err)
	} else {
		ln.Close()
	}
	port = porttest.Port(t)
	// A kept connection would break when its app stops.
	once := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }
	v4, v6 = &app{addr: "127.0.0.1:" + port, handle: once}, &app{addr: "[::1]:" + port, handle: once}
	t.Cleanup(v4.stop)
	t.Cleanup(v6.stop)
	return v4, v6, port
}

func TestPortIsTriedAtBothLoopbackAddressesAndRemembered(t *testing.T) {
	for _, target := range []string{"%s", ":%s", "127.0.0.1:%s", "http://localhost:%s", "localhost.:%s", "0.0.0.0:%s", "[::]:%s"} {
		v4, v6, port := twoApps(t)
		tap := startTap(t, receiver.Config{Routes: routes(route(t, fmt.Sprintf(target, port)))})
		deliver := func(n int) {
			t.Helper()
			tap.deliver(t, "{}")
			want(t, target, story(tap.history.waitSettled(t, n)[n-1]), "answer 200, try 1 200 + settled")
		}
		took := func(wanted string) {
			t.Helper()
			want(t, target+" at 127.0.0.1 and ::1", fmt.Sprint(len(v4.requests()), len(v6.requests())), wanted)
		}
		v6.start(t)
		deliver(1)
		took("0 1")
		if !strings.Contains(target, "localhost") && !strings.Contains(target, "0.0.0.0") && !strings.Contains(target, "::") { // which mean both, in this order
			v4.start(t)
			deliver(2)
			took("0 2")
			v6.stop()
			deliver(3)
			took("1 2")
			v6.start(t)
			deliver(4)
			took("2 2")
		}
	}
}

func TestEventWaitsForAPortAtBothLoopbackAddresses(t *testing.T) {
	for _, at := range []string{"127.0.0.1", "::1"} {
		v4, v6, port := twoApps(t)
		tap := startTap(t, receiver.Config{Routes: routes(route(t, port))})
		tap.deliver(t, "{}")
		tap.history.waitUntil(t, "the event waits", func(all []record) bool { return len(all) == 1 && all[0].Phase == event.PhaseWaiting })
		app := map[string]*app{"127.0.0.1": v4, "::1": v6}[at]
		app.start(t)
		tap.history.waitSettled(t, 1)
		want(t, "handed over at "+at, len(app.requests()), 1)
	}
}

func TestOnlyPortsOf127001AreTriedAtIPv6(t *testing.T) {
	_, v6, port := twoApps(t)
	v6.start(t)
	tap := startTap(t, receiver.Config{Routes: routes(route(t, "127.0.0.2:"+port)), WaitTarget: -1})
	tap.deliver(t, "{}")
	want(t, "story", story(tap.history.waitSettled(t, 1)[0]), "answer 200, try 1 (connection refused) + settled")
	want(t, "handed over", len(v6.requests()), 0)
}
