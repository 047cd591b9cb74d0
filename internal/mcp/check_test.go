package mcp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
)

func TestTwoEventsAreCompared(t *testing.T) {
	w := newWorld(t)
	h := newHandler(t)
	h.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	c := w.connect()
	c.call("trigger_event", args{"kind": "repo.update", "target": h.port})
	h.answers(nil)
	c.call("replay_event", args{"n": 1})
	v := c.call("diff_events", args{"before": 1, "now": 2})
	v.key("differ").is(true)
	v.key("untrusted", "sections", 0, "lines", 0).is("  the same, byte for byte")
	if text := v.key("untrusted", "sections", 1, "lines").String(); !strings.Contains(text, "500") || !strings.Contains(text, "thanks") {
		t.Errorf("the answers: %s", text)
	}
	c.fails("diff_events", args{"before": 1, "now": 3}, "no event 3")
	// What differs much is cut, and said to be.
	var long strings.Builder
	for range 1000 {
		long.WriteString("line\n")
	}
	w.record(&event.Event{Source: event.SourceHub, Body: []byte(long.String())}, &event.Event{Source: event.SourceHub, Body: []byte(strings.ReplaceAll(long.String(), "line", hostile))})
	r := c.try("diff_events", args{"before": 3, "now": 4})
	if r.IsError || len(said(r)) > 150_000 {
		t.Errorf("the comparison has %d bytes: %.100s", len(said(r)), said(r))
	}
}

func TestAHandlerIsChecked(t *testing.T) {
	w := newWorld(t)
	h := newHandler(t)
	c := w.connect("--forward", h.port+"/hook")
	faulty := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }
	v := c.call("check_handler", args{"only": []string{"secret", "get"}})
	v.key("target").is("http://127.0.0.1:" + h.port + "/hook")
	got := h.got()
	h.answers(faulty)
	bad := c.call("check_handler", args{"target": h.port, "only": []string{"repo.update"}})
	bad.key("passed").is(false)
	bad.key("fail").is(1)
	bad.key("results", 0, "name").is("repo.update")
	bad.key("results", 0, "untrusted", "answers", 0, "status").is(500)
	c.call("check_handler", args{"only": []string{"repo.update"}, "all": true}).key("results").len()
	if h.got() <= got {
		t.Error("the handler got nothing")
	}
	c.fails("check_handler", args{"only": []string{"secrets"}}, "secret")
	c.fails("check_handler", args{"target": "1"}, "no handler", "hint: ")
	c.fails("check_handler", args{"target": "http://evil.example/"}, "not on this machine")
	c.fails("check_handler", args{"repo": "nonsense"})
	h.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	c.fails("check_handler", nil, "404", "hint: ")
	newWorld(t).connect().fails("check_handler", nil, "name the handler")
}
