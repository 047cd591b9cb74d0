package tui

import (
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/tui/line"
)

// fact is a text of the header. Where there is no room, facts of high rank are shown
// briefly, then left out.
type fact struct {
	rank   int
	line   line.Line
	brief  line.Line // nil: none
	late   bool      // is shown briefly only before it is left out itself
	reason bool      // is cut before it is left out
	style  line.Style
}

// newReason returns a reason, in one style.
func newReason(rank int, st line.Style, text string) fact {
	return fact{rank: rank, line: line.Text(st, text), reason: true, style: st}
}

// reasonRoom is how many cells a reason keeps while another fact can be left out
// instead; reasonLeast is how many it keeps at least.
const (
	reasonRoom  = 40
	reasonLeast = 12
)

// shortened cuts a reason to w cells. An error code in parentheses at its end stays,
// because users can search for it.
func (f fact) shortened(w int) fact {
	said := term.Line(f.line.PlainText())
	if line.Width(said) <= w {
		return f
	}
	code := ""
	if i := strings.LastIndex(said, " ("); i >= 0 && strings.HasSuffix(said, ")") && line.Width(said[i:]) < w-reasonLeast {
		said, code = said[:i], said[i:]
	}
	return fact{rank: f.rank, line: line.Text(f.style, line.Shorten(said, w-line.Width(code))+code)}
}

// labelRank is the rank of the name of a row, which means nothing without the row.
const labelRank = 99

// regroup fills at most some rows of w cells with the facts of lowest rank.
func regroup(rows [][]fact, w, most int) [][]fact {
	var facts []fact
	for _, row := range rows {
		for _, f := range row {
			if f.rank != labelRank {
				facts = append(facts, f)
			}
		}
	}
	slices.SortStableFunc(facts, func(a, b fact) int { return a.rank - b.rank })
	var out [][]fact
	for range most {
		var row, full, rest []fact // row has the brief facts, full the same ones in full
		for _, f := range facts {
			said := f
			if f.brief != nil {
				said.line = f.brief
			}
			if room := w - rowWidth(row) - 2; len(row) > 0 && f.reason && room >= reasonLeast && rowWidth(append(row, f)) > w {
				said = f.shortened(room)
				row, full = append(row, said), append(full, said)
				continue
			}
			if len(row) > 0 && rowWidth(append(row, said)) > w {
				rest = append(rest, f)
				continue
			}
			row, full = append(row, said), append(full, f)
		}
		for i, f := range full { // in full where there is room
			brief := row[i]
			if row[i] = f; rowWidth(row) > w {
				row[i] = brief
			}
		}
		if facts = rest; len(row) > 0 {
			out = append(out, row)
		}
	}
	return out
}

// packRow joins facts to a line of w cells. If they do not fit, those of high rank are
// shown briefly, then left out.
func packRow(row []fact, w int) line.Line {
	row = slices.Clone(row)
	for rowWidth(row) > w {
		over := rowWidth(row) - w
		last, brief, reason := 0, -1, -1
		for i, f := range row {
			if f.rank >= row[last].rank {
				last = i
			}
			if f.brief != nil && !f.late && (brief < 0 || f.rank >= row[brief].rank) {
				brief = i
			}
			if f.reason && f.line.Width()-over >= reasonLeast && (reason < 0 || f.rank >= row[reason].rank) {
				reason = i
			}
		}
		switch {
		case reason >= 0 && (row[reason].line.Width()-over >= reasonRoom || reason == last):
			row[reason] = row[reason].shortened(row[reason].line.Width() - over)
		case brief < 0 && row[last].brief != nil:
			row[last] = fact{rank: row[last].rank, line: row[last].brief}
		case brief >= 0:
			row[brief] = fact{rank: row[brief].rank, line: row[brief].brief}
		case len(row) > 1:
			row = slices.Delete(row, last, last+1)
		default:
			return row[0].line
		}
	}
	l := line.Line{}
	for i, f := range row {
		if i > 0 {
			l = l.Add(line.Plain, "  ")
		}
		l = append(l, f.line...)
	}
	return l
}

// rowWidth is how many cells a row takes.
func rowWidth(row []fact) int {
	w := -2
	for _, f := range row {
		w += 2 + f.line.Width()
	}
	return w
}
