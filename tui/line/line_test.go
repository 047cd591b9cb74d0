package line

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/internal/term"
)

const hostile = "\x1b]0;x\x07\x1b[2J\x1bP+q\x1b\\\x9b31m\u009b2J\u202e\xff\t\r\n\x00é한👩‍👩‍👧"

var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

func FuzzRender(f *testing.F) {
	f.Add("plain", " text", 7)
	f.Add(hostile, hostile, 30)
	f.Add("한한한", "", 2)
	f.Add("\x9b000\u009b0000⑩\u200d😀", "", 12) // a joiner where the line is cut
	f.Add("0", "ी", 7)
	f.Add("🇺", "🇸", 7)
	f.Add("؀", "0", 7)
	for w := range 12 {
		f.Add("می\u200cخواهم نمی\u200cشود", "क्\u200dष", w)
	}
	f.Fuzz(func(t *testing.T, a, b string, w int) {
		w = (w%120 + 120) % 120
		l := Text(Accent, a).Add(Warn, b)
		for _, over := range []Style{Plain, Invert} {
			row := l.Render(w, over)
			if got := ansi.StringWidth(row); got != w {
				t.Fatalf("%q is %d cells wide, want %d", row, got, w)
			}
			if text := sgr.ReplaceAllString(row, ""); term.Line(text) != text {
				t.Fatalf("%q is not safe", row)
			}
		}
		for i, part := range l.Wrap(w, 2) {
			if got := part.Width(); got > max(w, 4) {
				t.Fatalf("part %d of %q is %d cells wide, want at most %d", i, part.PlainText(), got, w)
			}
		}
	})
}

func TestWrappedLinesKeepAllText(t *testing.T) {
	l := Text(Strong, "some words and ").Add(Faint, "averylongwordthatneedsseverallines and 한국어")
	var got strings.Builder
	for i, part := range l.Wrap(12, 2) {
		text := part.PlainText()
		if i > 0 {
			text = strings.TrimPrefix(text, "  ")
		}
		got.WriteString(text)
	}
	if got.String() != l.PlainText() {
		t.Errorf("got %q, want %q", got.String(), l.PlainText())
	}
}

func TestTheScrollerShowsTheSelectedRow(t *testing.T) {
	var lines []Line
	for i := range 20 {
		lines = append(lines, Text(Plain, fmt.Sprintf("row %d", i)))
	}
	s := &Scroller{}
	s.SetRows(WrapAll(lines, 20))
	shows := func(first, selected string) {
		t.Helper()
		rows, cursor := s.Render(20, 5, true)
		if got := strings.TrimRight(ansi.Strip(rows[0]), " "); got != first {
			t.Errorf("the first row is %q, want %q", got, first)
		}
		if got := strings.TrimRight(ansi.Strip(rows[cursor]), " "); got != selected {
			t.Errorf("the selected row is %q, want %q", got, selected)
		}
	}
	shows("row 0", "row 0")
	s.Move(7)
	shows("row 3", "row 7")
	s.Click(1)
	shows("row 3", "row 4")
	s.Move(-100)
	shows("row 0", "row 0")
	s.MoveTo(100)
	shows("row 15", "row 19")
	if !s.Find("ROW 1", false) { // continues at the top
		t.Error("the phrase is not found")
	}
	shows("row 1", "row 1")
	if !s.Find("row 1", true) {
		t.Error("the phrase is not found backwards")
	}
	shows("row 15", "row 19")
	if s.Find("row 20", false) {
		t.Error("found a phrase that does not occur")
	}
	s.SetRows(WrapAll(lines[3:], 20))
	s.Dropped(3)
	shows("row 15", "row 19")
}

func TestErrorsAreShort(t *testing.T) {
	for err, want := range map[string]string{
		"connection closed before an answer": "hung up", "dial tcp 127.0.0.1:1: connect: connection refused": "refused", "Post: proxy: odd trouble": "odd trouble", "odd": "odd",
	} {
		if got := ShortError(err); got != want {
			t.Errorf("%q is shortened to %q, want %q", err, got, want)
		}
	}
}
