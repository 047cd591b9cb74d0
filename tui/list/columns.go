package list

import (
	"strconv"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/tui/line"
)

// columnID is a column of the list. To add one, add it here, to plans, to cell, and to
// needsOf if its width depends on the rows.
type columnID int

// The columns, from left to right. The secret is before any text from outside, which
// cannot push it away.
const (
	timeColumn columnID = iota
	eventColumn
	secretColumn
	kindColumn
	repoColumn
	summaryColumn
	hubColumn
	targetColumn
	marksColumn
	columnIDs int = iota // the number of columns
)

// plan is when a column is shown.
type plan struct {
	name  string
	least int  // cells; less if no row in sight needs them
	rank  int  // columns of low rank stay in a narrow list
	from  int  // the width of the list from which on it is shown
	empty bool // it is shown also if no row in sight needs it
}

var plans = [columnIDs]plan{
	timeColumn:    {name: "time", least: 8, rank: 0, empty: true},
	eventColumn:   {name: "event", least: 5, rank: 3, empty: true},
	secretColumn:  {name: "secret", least: 6, rank: 6, from: 96},
	kindColumn:    {name: "kind", least: 14, rank: 2, empty: true},
	repoColumn:    {name: "repo", least: 12, rank: 4, empty: true},
	summaryColumn: {name: "summary", least: 14, rank: 7, from: 72},
	hubColumn:     {name: "hub", least: 3, rank: 5},
	targetColumn:  {name: "target", least: 8, rank: 1, empty: true},
	marksColumn:   {name: "marks", least: 5, rank: 8, from: 104},
}

// column is a column that is shown.
type column struct {
	id    columnID
	width int
}

// needs is how many cells rows need in columns of variable width; 0: they need no such
// column. The brief ones are for shorter forms of the same.
type needs struct {
	time, event, secret, hub, summary int
	kind, kindBrief                   int
	kindVerdict                       int // kindBrief with the verdict before it
	repo, repoBrief                   int
	target, targetBrief               int
	targetMarks                       int // targetBrief with the brief marks after it
	marks, marksBrief                 int
}

// briefOutcome is the width that a brief outcome of several targets may have.
const briefOutcome = 20

// needsOf returns what an entry needs.
func needsOf(e *entry, when string) needs {
	n := needs{time: line.Width(when)}
	r := e.row
	if r == nil {
		return n
	}
	n.event = 1 + len(strconv.FormatInt(r.N, 10))
	kind := line.Steady(r.Title())
	n.kind, n.kindBrief = line.Width(kind), line.Width(withoutScope(kind))
	repo := line.Steady(r.Repo)
	n.repo, n.repoBrief = line.Width(repo), line.Width(repoName(repo))
	n.summary = line.Width(line.Steady(r.Summary))
	if r.Verdict != event.VerdictOK {
		words, _ := line.Verdict(r.Verdict)
		n.secret = line.Width(words)
		n.kindVerdict = n.secret + 1 + n.kindBrief
	}
	if !answeredAsUsual(r) {
		n.hub = 3
	}
	n.target, n.targetBrief = line.Outcome(r, 1<<10).Width(), line.Outcome(r, briefOutcome).Width()
	n.marks, n.marksBrief = line.Marks(r, false).Width(), line.Marks(r, true).Width()
	n.targetMarks = n.targetBrief
	if n.marksBrief > 0 {
		n.targetMarks += 2 + n.marksBrief
	}
	return n
}

// answeredAsUsual reports whether the answer to the sender says nothing that is not
// known: it is a 2xx, or on its way, or nobody waits for it, or it follows from the
// secret.
func answeredAsUsual(r *event.Row) bool {
	switch {
	case !r.Source.AwaitsAnswer() || !r.Verdict.Trusted():
		return true
	case r.Answer == event.Answer{}:
		return r.Phase != event.PhasePending
	}
	return r.Answer.Status >= 200 && r.Answer.Status < 300
}

// add makes room for what another entry needs, and reports whether that is more than
// before.
func (n *needs) add(o needs) bool {
	before := *n
	for _, p := range []struct {
		have *int
		need int
	}{
		{&n.time, o.time}, {&n.event, o.event}, {&n.secret, o.secret}, {&n.hub, o.hub}, {&n.summary, o.summary}, {&n.kind, o.kind}, {&n.kindBrief, o.kindBrief}, {&n.kindVerdict, o.kindVerdict},
		{&n.repo, o.repo}, {&n.repoBrief, o.repoBrief}, {&n.target, o.target}, {&n.targetBrief, o.targetBrief}, {&n.targetMarks, o.targetMarks},
		{&n.marks, o.marks}, {&n.marksBrief, o.marksBrief},
	} {
		*p.have = max(*p.have, p.need)
	}
	return *n != before
}

// least returns the least width of each column; 0 if it is not shown.
func (n *needs) least(w int) (widths [columnIDs]int) {
	time := plans[timeColumn].least
	if w >= datedFrom {
		time = max(time, n.time)
	}
	kind := n.kindBrief
	if w < plans[secretColumn].from {
		kind = max(kind, n.kindVerdict)
	}
	needed := [columnIDs]int{
		time, n.event, n.secret, kind, n.repoBrief, n.summary, n.hub, n.targetBrief, n.marksBrief,
	}
	for id, p := range plans {
		switch {
		case w < p.from || needed[id] == 0 && !p.empty:
		case columnID(id) == timeColumn:
			widths[id] = time
		default:
			widths[id] = min(p.least, max(needed[id], len(p.name)))
		}
	}
	return widths
}

// distribute returns the columns that fit into a list of width w: those of low rank at
// their least width, and then the rest of the width to those that need more, in steps
// with a limit each, so that no column takes all of it. crowded reports whether a
// column needs more than it has.
func distribute(w int, n needs) (columns []column, crowded bool) {
	var widths [columnIDs]int
	left := w - 2 // for the selection and the mark
	shown := 0
	least := n.least(w)
	for rank := range plans {
		for id, p := range plans {
			if p.rank != rank || least[id] == 0 {
				continue
			}
			need := least[id]
			if shown > 0 {
				need += gapWidth(w)
			}
			if need <= left {
				widths[id] = least[id]
				left -= need
				shown++
			}
		}
	}
	if widths[marksColumn] == 0 {
		n.targetBrief = n.targetMarks
	}
	if widths[secretColumn] == 0 {
		n.kindBrief = max(n.kindBrief, n.kindVerdict)
	}
	for _, step := range []struct {
		id          columnID
		need, limit int
	}{
		{eventColumn, n.event, 8}, {secretColumn, n.secret, 10}, {targetColumn, n.targetBrief, 26}, {marksColumn, n.marksBrief, 26}, {kindColumn, n.kindBrief, 20},
		{repoColumn, n.repoBrief, 30}, {summaryColumn, n.summary, 30}, {kindColumn, n.kind, 30}, {targetColumn, n.target, 46}, {marksColumn, n.marks, 46},
		{summaryColumn, n.summary, 60}, {repoColumn, n.repo, 60}, {summaryColumn, n.summary, 1 << 10}, {repoColumn, n.repoBrief, 110},
	} {
		if has := widths[step.id]; has > 0 {
			more := max(min(step.need, step.limit)-has, 0)
			crowded = crowded || more > left
			more = min(more, left)
			widths[step.id] += more
			left -= more
		}
	}
	for id, width := range widths {
		if width > 0 {
			columns = append(columns, column{columnID(id), width})
		}
	}
	return columns, crowded
}
