package announce

import (
	"slices"
	"strings"
	"testing"
)

func TestLinesAreCutAtEveryKindOfEnd(t *testing.T) {
	var got []string
	l := &Lines{Take: func(line string) { got = append(got, line) }}
	for _, part := range []string{"a\nb", "c\r\nd\re", "\n\n", "unfinished"} {
		if _, err := l.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"a", "bc", "d", "e"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOfALongLineOnlyTheBeginningIsKept(t *testing.T) {
	got := -1
	l := &Lines{Take: func(line string) { got = len(line) }}
	for range 100 {
		_, _ = l.Write([]byte(strings.Repeat("x", maxLine)))
	}
	if got != -1 {
		t.Error("a line without an end was taken")
	}
	_, _ = l.Write([]byte("\n"))
	if got != maxLine {
		t.Errorf("%d bytes were kept, want %d", got, maxLine)
	}
}
