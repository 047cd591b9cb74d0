package diff

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hf-tap/hf-tap/event"
)

// said is the lines of a comparison.
func said(lines []Line) string {
	words := make([]string, len(lines))
	for i, l := range lines {
		words[i] = l.String()
	}
	return strings.Join(words, "|")
}

func TestBodiesAreComparedAsWhatTheyAre(t *testing.T) {
	for _, c := range []struct{ before, now, want string }{
		{"", "", "  empty both times"},
		{"x", "x", "  the same, byte for byte"},
		{"a\nb\nc\nd", "a\nX\nY\nd", "- b|- c|+ X|+ Y"},
		{"\x00\x01", "\x02\x03", "  other bytes: 2 bytes, 2 bytes"},
		{`{"a": 1}`, `{"a":1}`, "  the same values, written in another way"},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, "  the same values, written in another way"},
		{`[1.0, 0.10e1, -0, "\u00e9", 100]`, `[1,1,0,"é",1e2]`, "  the same values, written in another way"},
		{`1e1000000000000`, `1e1000000000001`, "~ . 1e1000000000000 → 1e1000000000001"},
		{`{"a":[1,2,3],"gone":{"x":null}}`, `{"new key":true,"a":[0,1,2,3]}`, `- .gone {"x":null}|+ .["new key"] true|+ .a[0] 0`},
		{`{"a":{"b":[{"c":1}]}}`, `{"a":{"b":[{"c":"1"}]}}`, `~ .a.b[0].c 1 → "1"`},
		{`{"a":1,"a":2}`, `{"a":2}`, "  the same values, written in another way"},
		{`[1,2,3]`, `[1,3]`, "- .[1] 2"},
		{`{"a":1}`, `not JSON`, `- {"a":1}|+ not JSON`},
	} {
		if got := said(Bodies([]byte(c.before), []byte(c.now), [2]string{}, nil)); got != c.want {
			t.Errorf("%s and %s: %q, want %q", c.before, c.now, got, c.want)
		}
	}
	deep := strings.Repeat(`[`, 9000)
	if got := said(Bodies([]byte(deep+"1"+strings.Repeat("]", 9000)), []byte(deep+"2"+strings.Repeat("]", 9000)), [2]string{}, nil)); strings.Count(got, "~ ") != 1 {
		t.Errorf("a deep difference: %q", got)
	}
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprint(i))
	}
	a, b := "["+strings.Join(many, ",")+"]", "["+strings.Join(many, ".5,")+".5]"
	lines := Bodies([]byte(a), []byte(b), [2]string{}, nil)
	if len(lines) != maxLines+1 || lines[maxLines].Text != "… more differences than are shown" {
		t.Errorf("%d lines", len(lines))
	}
}

func TestIgnoredPathsAreNotCompared(t *testing.T) {
	before, now := []byte(`{"id":1,"items":[{"at":1,"n":1},{"at":2,"n":2}],"odd key":{"x":1},"gone":1}`), []byte(`{"id":2,"items":[{"at":3,"n":1},{"at":4,"n":2}],"odd key":{"x":2},"new":1}`)
	for ignore, want := range map[string]string{
		".id .items .gone .new .[\"odd key\"]":   "  the same values, written in another way",
		"id items[].at gone new [\"odd key\"].x": "  the same values, written in another way",
		".items[0] .id .gone .new [\"odd key\"]": "~ .items[1].at 2 → 4",
		".items[].at.deeper .gone .new .id":      `~ .items[0].at 1 → 3|~ .items[1].at 2 → 4|~ .["odd key"].x 1 → 2`,
		".ids .item .items[] [\"odd key\"]":      "- .gone 1|~ .id 1 → 2|+ .new 1",
	} {
		var paths []Path
		for _, s := range strings.Split(strings.ReplaceAll(ignore, "odd key", "odd_key"), " ") {
			p, err := ParsePath(strings.ReplaceAll(s, "odd_key", "odd key"))
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, p)
		}
		if got := said(Bodies(before, now, [2]string{}, paths)); got != want {
			t.Errorf("without %s: %q, want %q", ignore, got, want)
		}
	}
	for _, s := range []string{".", "a..b", ".a[", ".a[x]", ".a[-1]", `["a`, `["a"`, ".a]", "a[1]b"} {
		if p, err := ParsePath(s); err == nil {
			t.Errorf("%q is read as %q", s, p)
		}
	}
}

func TestASmallBodyIsComparedWithALargeOne(t *testing.T) {
	small, names := []byte(`{"a":1}`), [2]string{"#4", "#5"}
	large := fmt.Appendf(nil, `{"a":2,"text":%q}`, strings.Repeat("x", 5<<20))
	if got := said(Bodies(small, large, names, nil)); !strings.HasPrefix(got, "~ .a 1 → 2|") && !strings.Contains(got, "+ .text") {
		t.Errorf("got %s", got)
	}
	larger := append(large, make([]byte, 4<<20)...)
	for _, c := range []struct {
		before, now []byte
		want        string
	}{
		{small, larger, "that of #5 is too large to compare: 9 MiB; both may have 8 MiB together"},
		{larger, small, "that of #4 is too large to compare: 9 MiB"},
		{large, larger, "both are too large to compare: 5 MiB, 9 MiB"},
	} {
		lines := Bodies(c.before, c.now, names, nil)
		if got := said(lines); !strings.Contains(got, c.want) || !lines[0].Differs() {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestAnswersAreComparedByWhatMatters(t *testing.T) {
	answer := func(status int, err, body string, header http.Header) *event.Attempt {
		header = header.Clone()
		return &event.Attempt{Target: "http://127.0.0.1:1", Status: status, Err: err, Body: []byte(body), Header: header, Duration: 3 * time.Millisecond}
	}
	plain := http.Header{"Content-Type": {"text/plain"}, "Date": {"then"}}
	for _, c := range []struct {
		before, now *event.Attempt
		want        string
	}{
		{answer(200, "", "ok", plain), answer(200, "", "ok", http.Header{"Content-Type": {"text/plain"}, "Date": {"now"}}), "  200 OK in 3.0ms, then in 3.0ms|  the same, byte for byte"},
		{answer(200, "", "", nil), answer(500, "", "", nil), "- 200 OK in 3.0ms|+ FAIL 500 Internal Server Error in 3.0ms|  empty both times"},
		{answer(200, "", "", plain), answer(200, "", "", http.Header{"Content-Type": {"text/html"}, "Retry-After": {"3"}}), "  200 OK in 3.0ms, then in 3.0ms|~ Content-Type: text/plain → text/html|+ Retry-After: 3|  empty both times"},
		{answer(0, "connection refused", "", nil), answer(200, "", "", nil), "- FAIL connection refused in 3.0ms|+ 200 OK in 3.0ms|  empty both times"},
		{nil, answer(200, "", "", nil), "  not tried then|+ 200 OK in 3.0ms"},
		{answer(200, "", "", nil), nil, "- 200 OK in 3.0ms|  not tried now"},
		{nil, nil, "  none then, none now"},
	} {
		if diff := cmp.Diff(c.want, said(Answers(c.before, c.now, [2]string{}, nil))); diff != "" {
			t.Error(diff)
		}
	}
}
