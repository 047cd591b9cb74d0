package mcp_test

import (
	"strings"
	"testing"
)

func TestAPayloadIsMadeAsItIsAskedFor(t *testing.T) {
	w := newWorld(t)
	h := newHandler(t)
	c := w.connect()
	sent := c.call("trigger_event", args{"kind": "discussion.comment.create", "target": h.port, "set": args{"comment.content": "@bot hello", "discussion.num": 7, "comment.hidden": nil, "new.key": "true"}, "unset": []string{"repo.owner"}})
	body := sent.key("sent", 0, "untrusted", "body", "text").text()
	for _, part := range []string{`"content":"@bot hello"`, `"num":7`, `"hidden":null`, `"key":"true"`} {
		if !strings.Contains(body, part) || !strings.Contains(h.bodies[0], part) {
			t.Errorf("the payload lacks %s: %s", part, body)
		}
	}
	if strings.Contains(body, `"owner"`) {
		t.Errorf("the payload has an owner: %s", body)
	}
	sent = c.call("trigger_event", args{"kind": "repo.content.update", "variant": "tag", "target": h.port})
	if body := sent.key("sent", 0, "untrusted", "body", "text").text(); !strings.Contains(body, "refs/tags/") {
		t.Errorf("no tag: %s", body)
	}
	c.fails("trigger_event", args{"kind": "repo.content.update", "variant": "no", "target": h.port}, "commit", "tag")
	c.fails("trigger_event", args{"kind": "repo.update", "target": h.port, "set": args{"repo.name.x": 1}}, "repo.name")
	c.fails("trigger_event", args{"kind": "repo.update", "target": h.port, "unset": []string{"nothing.there"}}, "nothing")
	c.fails("trigger_event", args{"kind": "repo.update", "target": h.port, "set": args{"a=b": 1}}, "a=b")
	c.fails("trigger_event", args{"kind": "discussion.create", "repo": "bucket:me/b", "target": h.port}, "bucket")
	c.fails("trigger_event", args{"kind": "repo.update", "repo": "nonsense", "target": h.port})
	if h.got() != 2 {
		t.Errorf("the handler got %d", h.got())
	}
}
