package diff

import (
	"strings"
	"testing"
)

func TestOfLongValuesTheChangeIsShown(t *testing.T) {
	head, tail := strings.Repeat("the same beginning ", 50), strings.Repeat(" and the same end", 50)
	lines := Bodies([]byte(`{"a":"`+head+"OLD é"+tail+`"}`), []byte(`{"a":"`+head+"NEW é"+tail+`"}`), [2]string{}, nil)
	l := lines[0]
	if len(lines) != 1 || l.Mark != Changed || !strings.HasPrefix(l.Before, "…") || !strings.Contains(l.Before, "OLD") || !strings.Contains(l.Now, "NEW") || !strings.HasSuffix(l.Now, "…") || len(l.Now) > 80 {
		t.Errorf("got %q", lines)
	}
	if !strings.Contains(l.WholeNow, head+"NEW") || !strings.Contains(l.WholeBefore, "OLD é"+tail) {
		t.Error("the whole values are not there")
	}
	if a, b := excerpts([]byte("1"), []byte(`"1"`)); a != "1" || b != `"1"` {
		t.Errorf("short values: %q %q", a, b)
	}
}

func TestWordsThatDifferAreFound(t *testing.T) {
	show := func(all []Word) string {
		var b strings.Builder
		for _, w := range all {
			if w.Same {
				b.WriteString(w.Text)
			} else {
				b.WriteString("[" + w.Text + "]")
			}
		}
		return b.String()
	}
	for _, c := range [][4]string{
		{"a quick brown fox", "a slow brown cat", "a [quick] brown [fox]", "a [slow] brown [cat]"},
		{"same", "same", "same", "same"},
		{"", "new", "", "[new]"},
		{`"open"`, `"draft"`, `"[open]"`, `"[draft]"`},
		{strings.Repeat("x ", 1000) + "a", strings.Repeat("x ", 1000) + "b", strings.Repeat("x ", 1000) + "[a]", strings.Repeat("x ", 1000) + "[b]"},
	} {
		a, b := Words(c[0], c[1])
		if show(a) != c[2] || show(b) != c[3] {
			t.Errorf("%.40q and %.40q: %.60q %.60q", c[0], c[1], show(a), show(b))
		}
	}
}
