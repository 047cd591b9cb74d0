package detail

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestRowsOfALongTextLoseNothing(t *testing.T) {
	for _, whole := range []string{"", "a", "a\n", "\n\na", "one two three four five", strings.Repeat("x", 31), "你好世界你好世界", "e\u0301e\u0301e\u0301e\u0301 x", "tab\there \x1b[2J", strings.Repeat("👩‍👩‍👧", 5)} {
		for w := 8; w < 12; w++ {
			rows := newStringRows(whole, w)
			var b strings.Builder
			for i := range rows.count() {
				row := rows.row(i)
				b.WriteString(row)
				if end := int(rows.ends[i]); end > 0 && rows.text[end-1] == '\n' {
					b.WriteByte('\n')
				}
				if ansi.StringWidth(row) > w {
					t.Errorf("%q: a row of %d cells, want %d: %q", whole, ansi.StringWidth(row), w, row)
				}
			}
			if b.String() != rows.text {
				t.Errorf("rows of %q give %q", rows.text, b.String())
			}
		}
	}
}

func TestALongTextIsBrokenIntoRowsOnce(t *testing.T) {
	for name, unit := range map[string]string{"one line": "word ", "lines": "a line\n", "Chinese": "世界"} {
		body := fmt.Appendf(nil, `{"text":%q}`, strings.Repeat(unit, 5<<20/len(unit)))
		tr := newTree(body)
		tr.render(80, 24, true, "")
		tr.toggle()
		laid := tr.rowsOf(0)
		tr.move(1 << 30)
		rows, _ := tr.render(80, 24, true, "")
		for range 300 {
			tr.move(-20)
			rows, _ = tr.render(80, 24, true, "")
		}
		if tr.rowsOf(0) != laid {
			t.Errorf("%s: the text was broken into rows again", name)
		}
		if len(rows) != 24 {
			t.Errorf("%s: %d rows", name, len(rows))
		}
	}
}
