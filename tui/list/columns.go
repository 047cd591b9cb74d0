package list

import (
	"strconv"

	"github.com/hf-tap/hf-tap/tui/line"
)

// columnID is a column of the list. To add one, add it here, to plans, to cell, and to
// needs if its width depends on the rows.
type columnID int

// The columns, from left to right. The secret is before any text from outside, which
// cannot push it away.
const (
	timeColumn columnID = iota
	eventColumn
	secretColumn
	kindColumn
	repoColumn
	hubColumn
	targetColumn
	marksColumn
	columnIDs int = iota // the number of columns
)

// plan is when a column is shown.
type plan struct {
	name  string
	least int // cells
	rank  int // columns of low rank stay in a narrow list
	from  int // the width of the list from which on it is shown
}

var plans = [columnIDs]plan{
	timeColumn:   {name: "time", least: 8, rank: 0},
	eventColumn:  {name: "event", least: 5, rank: 3},
	secretColumn: {name: "secret", least: 6, rank: 6, from: 96},
	kindColumn:   {name: "kind", least: 14, rank: 1},
	repoColumn:   {name: "repo", least: 12, rank: 4},
	hubColumn:    {name: "hub", least: 3, rank: 5},
	targetColumn: {name: "target", least: 10, rank: 2},
	marksColumn:  {name: "marks", least: 5, rank: 7, from: 104},
}

// column is a column that is shown.
type column struct {
	id    columnID
	width int
}

// needs is how many cells the rows in sight need in columns of variable width. The
// brief ones are for shorter forms of the same.
type needs struct {
	time, event, secret int
	kind, kindBrief     int
	repo, repoBrief     int
	target, targetBrief int
	targetMarks         int // targetBrief with the brief marks after it
	marks, marksBrief   int
}

// briefOutcome is the width that a brief outcome of several targets may have.
const briefOutcome = 20

// add makes room for an entry, and reports whether it needs more than those before.
func (n *needs) add(e *entry, when string) bool {
	before := *n
	n.time = max(n.time, line.Width(when))
	if r := e.row; r != nil {
		n.event = max(n.event, 1+len(strconv.FormatInt(r.N, 10)))
		kind := line.Steady(r.Title())
		n.kind = max(n.kind, line.Width(kind))
		n.kindBrief = max(n.kindBrief, line.Width(withoutScope(kind)))
		repo := line.Steady(r.Repo)
		n.repo = max(n.repo, line.Width(repo))
		n.repoBrief = max(n.repoBrief, line.Width(repoName(repo)))
		secret, _ := line.Verdict(r.Verdict)
		n.secret = max(n.secret, line.Width(secret))
		brief, marks := line.Outcome(r, briefOutcome).Width(), line.Marks(r, true).Width()
		n.target, n.targetBrief = max(n.target, line.Outcome(r, 1<<10).Width()), max(n.targetBrief, brief)
		if marks > 0 {
			brief += 2 + marks
		}
		n.targetMarks = max(n.targetMarks, brief)
		n.marks, n.marksBrief = max(n.marks, line.Marks(r, false).Width()), max(n.marksBrief, marks)
	}
	return *n != before
}

// distribute returns the columns that fit into a list of width w: those of low rank at
// their least width, and then the rest of the width to those that need more, in steps
// with a limit each, so that no column takes all of it.
func distribute(w int, n needs) []column {
	var widths [columnIDs]int
	left := w - 2 // for the selection and the mark
	shown := 0
	for rank := range plans {
		for id, p := range plans {
			if p.rank != rank || w < p.from {
				continue
			}
			least := p.least
			if columnID(id) == timeColumn && w >= datedFrom {
				least = max(least, n.time)
			}
			need := least
			if shown > 0 {
				need += gapWidth(w)
			}
			if need <= left {
				widths[id] = least
				left -= need
				shown++
			}
		}
	}
	if widths[marksColumn] == 0 {
		n.targetBrief = n.targetMarks
	}
	for _, step := range []struct {
		id          columnID
		need, limit int
	}{
		{eventColumn, n.event, 8}, {secretColumn, n.secret, 10}, {targetColumn, n.targetBrief, 26}, {marksColumn, n.marksBrief, 26}, {kindColumn, n.kindBrief, 20},
		{repoColumn, n.repoBrief, 30}, {kindColumn, n.kind, 30}, {marksColumn, n.marks, 46}, {targetColumn, n.target, 46}, {repoColumn, n.repo, 60}, {repoColumn, n.repoBrief, 110},
	} {
		if has := widths[step.id]; has > 0 {
			more := min(max(min(step.need, step.limit)-has, 0), left)
			widths[step.id] += more
			left -= more
		}
	}
	var columns []column
	for id, width := range widths {
		if width > 0 {
			columns = append(columns, column{columnID(id), width})
		}
	}
	return columns
}
