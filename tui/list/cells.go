package list

import (
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/tui/line"
)

// cell is the content of a column for an event.
func (l *layout) cell(c column, e *entry) line.Line {
	r := e.row
	switch c.id {
	case timeColumn:
		return line.Text(line.Plain, l.when(e))
	case eventColumn:
		return line.Text(line.Accent, line.PadLeft("#"+strconv.FormatInt(r.N, 10), c.width))
	case secretColumn:
		words, st := line.Verdict(r.Verdict)
		return line.Text(st, words)
	case kindColumn:
		return l.kindCell(r, c.width)
	case repoColumn:
		repo := line.Steady(r.Repo)
		if c.width < l.needs.repo { // the type is shown in all rows or in none
			repo = repoName(repo)
		}
		return line.Text(line.Faint, line.Shorten(repo, c.width))
	case summaryColumn:
		return line.Text(line.Plain, line.Shorten(l.mask(line.Steady(r.Summary)), c.width))
	case hubColumn:
		return answerCell(r)
	case targetColumn:
		return l.targetCell(r, c.width)
	case marksColumn:
		if marks := line.Marks(r, false); marks.Width() <= c.width {
			return marks
		}
		return line.Marks(r, true)
	}
	return nil
}

// kindCell is the kind. If the secret has no column of its own, a bad secret is before
// the kind.
func (l *layout) kindCell(r *event.Row, w int) line.Line {
	kind := line.Steady(r.Title())
	if r.Verdict.Trusted() || l.columnWidth(secretColumn) > 0 {
		return line.Text(line.Plain, shortKind(kind, w))
	}
	words, st := line.Verdict(r.Verdict)
	return line.Text(st, words).Add(line.Plain, " "+shortKind(kind, max(w-line.Width(words)-1, 0)))
}

// targetCell is the outcome at the targets. Where marks have no column of their own,
// they follow it.
func (l *layout) targetCell(r *event.Row, w int) line.Line {
	var marks line.Line
	if l.columnWidth(marksColumn) == 0 {
		marks = line.Marks(r, true)
	}
	if len(marks) == 0 {
		return line.Outcome(r, w).Steady(l.mask)
	}
	cell := line.Outcome(r, max(w-2-marks.Width(), 0)).Steady(l.mask)
	return append(cell.Add(line.Plain, "  "), marks...)
}

// answerCell is the status that the sender got: "…" while it waits, and "–" if nobody
// waits, or no answer will come.
func answerCell(r *event.Row) line.Line {
	switch {
	case r.Answer.Status != 0:
		return line.Text(line.AnswerStyle(r.Answer.Status), strconv.Itoa(r.Answer.Status))
	case r.Source.AwaitsAnswer() && r.Answer == event.Answer{} && r.Phase != event.PhasePending:
		return line.Text(line.Faint, "…")
	}
	return line.Text(line.Faint, "–")
}

// shortKind cuts a kind to w cells: first what is general, then the middle. The action
// at its end stays, because it distinguishes events most.
func shortKind(k string, w int) string {
	if line.Width(k) <= w {
		return k
	}
	if k = withoutScope(k); line.Width(k) <= w {
		return k
	}
	i := strings.LastIndexByte(k, '.')
	if i < 0 || len(k)-i > w-3 {
		return line.Shorten(k, w)
	}
	return line.Cut(k[:i], w-1-(len(k)-i)) + "…" + k[i:]
}

// withoutScope removes the first part of a kind that has at least three.
func withoutScope(kind string) string {
	if _, rest, ok := strings.Cut(kind, "."); ok && strings.Contains(rest, ".") {
		return rest
	}
	return kind
}

// repoName is a repo without its type.
func repoName(repo string) string {
	if _, name, ok := strings.Cut(repo, ":"); ok {
		return name
	}
	return repo
}
