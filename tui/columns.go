package tui

import (
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/internal/term"
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
	n.time = max(n.time, width(when))
	if r := e.row; r != nil {
		n.event = max(n.event, 1+len(strconv.FormatInt(r.N, 10)))
		kind := steady(r.Title())
		n.kind = max(n.kind, width(kind))
		if _, rest, ok := strings.Cut(kind, "."); ok && strings.Contains(rest, ".") {
			kind = rest
		}
		n.kindBrief = max(n.kindBrief, width(kind))
		repo := steady(r.Repo)
		n.repo = max(n.repo, width(repo))
		n.repoBrief = max(n.repoBrief, width(bareRepo(repo)))
		secret, _ := verdictWords(r.Verdict)
		n.secret = max(n.secret, width(secret))
		brief, marks := outcome(r, briefOutcome).width(), markWords(r, true).width()
		n.target, n.targetBrief = max(n.target, outcome(r, 1<<10).width()), max(n.targetBrief, brief)
		if marks > 0 {
			brief += 2 + marks
		}
		n.marked = max(n.marked, brief)
		n.marks, n.marksBrief = max(n.marks, markWords(r, false).width()), max(n.marksBrief, marks)
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
func heading(cols []column, w int) line {
	var b strings.Builder
	b.WriteString("  ")
	for i, c := range cols {
		if i > 0 {
			b.WriteString(gap(w))
		}
		if c.name == "event" {
			b.WriteString(padLeft(c.name, c.width))
		} else {
			b.WriteString(pad(c.name, c.width))
		}
	}
	return text(faint, b.String())
}

// fit gives the line exactly w cells wide, and safe.
func (l line) fit(w int) line {
	var out line
	left, cutting := w, l.width() > w
	if cutting {
		left-- // for the sign that it was cut
	}
	for _, s := range l {
		t := term.Line(s.text)
		if width(t) > left {
			t = cutBefore(t, left)
		}
		if t != "" {
			out = out.add(s.style, t)
		}
		if left -= width(t); left <= 0 {
			break
		}
	}
	if cutting && w > 0 {
		out = out.add(plain, "…")
	}
	if left > 0 {
		out = out.add(plain, strings.Repeat(" ", left))
	}
	return out
}
