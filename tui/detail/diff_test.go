package detail

import (
	"fmt"
	"strings"
	"testing"
)

func TestTextsAreComparedByLines(t *testing.T) {
	var got []string
	for _, l := range bodyDiff([]byte("a\nb\nc\nd"), []byte("a\nX\nY\nd"), [2]string{}) {
		got = append(got, l.PlainText())
	}
	if strings.Join(got, "|") != "- b|- c|+ X|+ Y" {
		t.Errorf("got %q", got)
	}
	for _, c := range [][3]string{{"", "", "empty both times"}, {"x", "x", "the same, byte"}, {`{"a": 1}`, `{"a":1}`, `~ .`}, {"\x00\x01", "\x02\x03", "other bytes"}} {
		l := bodyDiff([]byte(c[0]), []byte(c[1]), [2]string{})
		if c[2] == "~ ." {
			if !strings.Contains(l[0].PlainText(), "the same but for spaces") {
				t.Errorf("%q: %q", c, l[0].PlainText())
			}
		} else if !strings.Contains(l[0].PlainText(), c[2]) {
			t.Errorf("%q: %q", c, l[0].PlainText())
		}
	}
}

func TestASmallBodyIsComparedWithALargeOne(t *testing.T) {
	small, names := []byte(`{"a":1}`), [2]string{"#4", "#5"}
	large := fmt.Appendf(nil, `{"a":2,"text":%q}`, strings.Repeat("x", 5<<20))
	said := func(before, now []byte) string {
		var b strings.Builder
		for _, l := range bodyDiff(before, now, names) {
			b.WriteString(l.PlainText() + "\n")
		}
		return b.String()
	}
	if got := said(small, large); !strings.Contains(got, "~ .a 1 → 2\n+ .text") {
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
		if got := said(c.before, c.now); !strings.Contains(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
