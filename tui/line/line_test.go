package line

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
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

func TestOutcomesNameWhatFailed(t *testing.T) {
	target := func(name string, tries, status int, err string) event.RowTarget {
		return event.RowTarget{Name: "http://127.0.0.1" + name, Tries: tries, Status: status, Err: err, Took: 12 * time.Millisecond}
	}
	ok, failed, refused := target(":1", 1, 200, ""), target(":3000", 1, 500, ""), target(":8000", 2, 0, "dial: connection refused")
	open := target(":9", 0, 0, "")
	row := func(phase event.Phase, targets ...event.RowTarget) *event.Row {
		return &event.Row{Verdict: event.VerdictOK, Phase: phase, Targets: targets}
	}
	for _, c := range []struct {
		row  *event.Row
		w    int
		want string
	}{
		{row("", ok), 20, "200 12ms"},
		{row("", ok), 4, "200"},
		{row("", failed), 10, "FAIL 500"},
		{row("", ok, failed, refused, ok), 80, ":3000 500 12ms  :8000 refused 12ms try 2  :1 200 12ms  :1 200 12ms"},
		{row("", ok, failed, refused, ok), 46, ":3000 500  :8000 refused  :1 200  :1 200"},
		{row("", ok, failed, refused, ok), 32, ":3000 500  :8000 refused  +2 ok"},
		{row("", ok, failed, refused, ok), 20, "FAIL 500  2 of 4"},
		{row("", ok, failed, refused, ok), 8, "FAIL 500"},
		{row("", ok, ok, ok, ok), 10, "4 ok"},
		{row("", open, open, open, open), 10, "4 open"},
		{row("", open, ok, open, failed), 28, ":3000 500  +2 open  +1 ok"},
		{row(event.PhaseWaiting, open, ok), 17, ":9 waiting  +1 ok"},
	} {
		if got := Outcome(c.row, c.w).PlainText(); got != c.want {
			t.Errorf("%d cells: %q, want %q", c.w, got, c.want)
		}
	}
	if l := Outcome(row("", ok, ok, failed), 4).Fit(4); l.PlainText() != "FAI…" || l[0].style != Alarm {
		t.Errorf("4 cells: %q", l.PlainText())
	}
}
