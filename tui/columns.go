package tui

import (
	"github.com/hf-tap/hf-tap/tui/line"
	"strconv"
	"strings"
)

// column is one of the list's columns at its width.
type column struct {
	name  string
	width int
}

// columnPlan says how wide a column has to be. Columns come in this order from
// left to right; those of low rank stay when the window narrows. The last ones
// wait until the list is so wide that what matters more has room.
type columnPlan struct {
	name string
	low  int
	rank int
	from int
}

var columnPlans = []columnPlan{
	{"time", 8, 0, 0},
	{"event", 5, 3, 0},
	{"secret", 6, 6, 96}, // before any text from outside, which cannot push it away
	{"kind", 14, 1, 0},
	{"repo", 12, 4, 0},
	{"hub", 3, 5, 0},
	{"target", 10, 2, 0},
	{"marks", 5, 7, 104},
}

// needs are how many cells the rows in sight need in the columns that may be
// wider or narrower. Those in brief are of forms that say the same in less.
type needs struct {
	time, event, secret int
	kind, kindBrief     int
	repo, repoBrief     int
	target, targetBrief int
	marked              int // targetBrief with the brief marks
	marks, marksBrief   int
}

// briefOutcome is the width from which on what several targets said is put
// shortly.
const briefOutcome = 20

// datedFrom is how wide a list has to be for dates to have their time beside
// them.
const datedFrom = 60

// take makes room for a row, and says whether that is more than before.
func (n *needs) take(e *entry, when string) bool {
	before := *n
	n.time = max(n.time, line.Width(when))
	if r := e.row; r != nil {
		n.event = max(n.event, 1+len(strconv.FormatInt(r.N, 10)))
		kind := line.Steady(r.Title())
		n.kind = max(n.kind, line.Width(kind))
		if _, rest, ok := strings.Cut(kind, "."); ok && strings.Contains(rest, ".") {
			kind = rest
		}
		n.kindBrief = max(n.kindBrief, line.Width(kind))
		repo := line.Steady(r.Repo)
		n.repo = max(n.repo, line.Width(repo))
		n.repoBrief = max(n.repoBrief, line.Width(bareRepo(repo)))
		secret, _ := line.Verdict(r.Verdict)
		n.secret = max(n.secret, line.Width(secret))
		brief, marks := line.Outcome(r, briefOutcome).Width(), line.Marks(r, true).Width()
		n.target, n.targetBrief = max(n.target, line.Outcome(r, 1<<10).Width()), max(n.targetBrief, brief)
		if marks > 0 {
			brief += 2 + marks
		}
		n.marked = max(n.marked, brief)
		n.marks, n.marksBrief = max(n.marks, line.Marks(r, false).Width()), max(n.marksBrief, marks)
	}
	return *n != before
}

// gap stands between two columns of a list of some width.
func gap(w int) string {
	if w < 60 {
		return " "
	}
	return "  "
}

// layColumns gives the columns that fit into a list of width w: the most
// important ones at their least width, and then what is left to those that need
// more, each step up to some limit, so that no column takes all of it.
func layColumns(w int, n needs) []column {
	space := len(gap(w))
	left := w - 2 // for the selection and the mark
	in := map[string]int{}
	for rank := range columnPlans {
		for _, p := range columnPlans {
			if p.rank != rank || w < p.from {
				continue
			}
			low := p.low
			if p.name == "time" && w >= datedFrom {
				low = max(low, n.time)
			}
			need := low
			if len(in) > 0 {
				need += space
			}
			if need <= left {
				in[p.name] = low
				left -= need
			}
		}
	}
	if in["marks"] == 0 {
		n.targetBrief = n.marked
	}
	for _, step := range []struct {
		name      string
		need, top int
	}{
		{"event", n.event, 8}, {"secret", n.secret, 10}, {"target", n.targetBrief, 26}, {"marks", n.marksBrief, 26}, {"kind", n.kindBrief, 20},
		{"repo", n.repoBrief, 30}, {"kind", n.kind, 30}, {"marks", n.marks, 46}, {"target", n.target, 46}, {"repo", n.repo, 60}, {"repo", n.repoBrief, 110},
	} {
		if has := in[step.name]; has > 0 {
			more := min(max(min(step.need, step.top)-has, 0), left)
			in[step.name] += more
			left -= more
		}
	}
	var cols []column
	for _, p := range columnPlans {
		if in[p.name] > 0 {
			cols = append(cols, column{p.name, in[p.name]})
		}
	}
	return cols
}

// heading is the line above the list.
func heading(cols []column, w int) line.Line {
	var b strings.Builder
	b.WriteString("  ")
	for i, c := range cols {
		if i > 0 {
			b.WriteString(gap(w))
		}
		if c.name == "event" {
			b.WriteString(line.PadLeft(c.name, c.width))
		} else {
			b.WriteString(line.Pad(c.name, c.width))
		}
	}
	return line.Text(line.Faint, b.String())
}

// shortKind fits a kind into w cells: what is general goes first, then the
// middle, as the action is what tells events apart.
func shortKind(k string, w int) string {
	if line.Width(k) <= w {
		return k
	}
	if _, rest, ok := strings.Cut(k, "."); ok && strings.Contains(rest, ".") {
		k = rest
		if line.Width(k) <= w {
			return k
		}
	}
	i := strings.LastIndexByte(k, '.')
	if i < 0 || len(k)-i > w-3 {
		return line.Shorten(k, w)
	}
	return line.Cut(k[:i], w-1-(len(k)-i)) + "…" + k[i:]
}
