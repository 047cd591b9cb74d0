package tui

import (
	"strings"

	"github.com/hf-tap/hf-tap/internal/term"
)

// column is one of the list's columns at its width.
type column struct {
	name  string
	width int
}

// columnPlan says how wide a column has to be and may get. Columns come in this
// order from left to right; those of low rank stay when the window narrows. The
// last ones wait until the list is so wide that what matters more has room.
type columnPlan struct {
	name     string
	low, top int
	rank     int
	from     int
}

var columnPlans = []columnPlan{
	{"time", 8, 8, 0, 0},
	{"event", 5, 6, 3, 0},
	{"kind", 14, 25, 1, 0},
	{"repo", 12, 18, 4, 0},
	{"secret", 10, 10, 6, 96},
	{"hub", 3, 3, 5, 0},
	{"target", 10, 18, 2, 0},
	{"marks", 12, 26, 7, 104},
}

// gap stands between two columns of a list of some width.
func gap(w int) string {
	if w < 60 {
		return " "
	}
	return "  "
}

// layColumns gives the columns that fit into a list of width w, each as wide as
// it needs to be, in the order of their importance.
func layColumns(w int) []column {
	space := len(gap(w))
	left := w - 2 // for the selection and the mark
	in := map[string]int{}
	for rank := range columnPlans {
		for _, p := range columnPlans {
			if p.rank != rank || w < p.from {
				continue
			}
			need := p.low
			if len(in) > 0 {
				need += space
			}
			if need <= left {
				in[p.name] = p.low
				left -= need
			}
		}
	}
	for rank := range columnPlans {
		for _, p := range columnPlans {
			if has := in[p.name]; p.rank == rank && has > 0 {
				more := min(p.top-has, left)
				in[p.name] += more
				left -= more
			}
		}
	}
	for _, name := range []string{"repo", "target"} { // what is left over
		if in[name] > 0 {
			more := min(left, 16)
			in[name] += more
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
