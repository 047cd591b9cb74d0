package detail

import (
	"fmt"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/diff"
	"github.com/hf-tap/hf-tap/tui/line"
)

// diffLines compares an event with an earlier one. reason is how the earlier one was
// chosen. whole shows long values whole.
func diffLines(e, base *event.Event, reason string, whole bool) []line.Line {
	if base == nil {
		return []line.Line{line.Text(line.Faint, "no earlier event of this kind, and none is pinned: p pins one to compare with")}
	}
	lines := []line.Line{
		line.Text(line.Gone, fmt.Sprintf("- #%d", base.N)).Add(line.Faint, "  "+base.Title()+", "+reason),
		line.Text(line.Added, fmt.Sprintf("+ #%d", e.N)).Add(line.Faint, "  "+e.Title()),
	}
	for _, section := range diff.Events(base, e) {
		lines = append(lines, nil, line.Text(line.Strong, section.Title))
		lines = append(lines, sectionLines(section.Lines, whole)...)
	}
	return lines
}

// sectionLines are the lines of a comparison in the styles of the screen. Of lines that
// are gone and those that came in their place, the words that differ are marked.
func sectionLines(all []diff.Line, whole bool) (lines []line.Line) {
	for i := 0; i < len(all); i++ {
		gone := run(all[i:], diff.Gone)
		added := run(all[i+gone:], diff.Added)
		if gone == 0 || gone != added {
			lines = append(lines, diffLine(all[i], whole)...)
			continue
		}
		var later []line.Line
		for j := range gone {
			before, now := diff.Words(all[i+j].String()[2:], all[i+gone+j].String()[2:])
			lines = append(lines, wordsLine("- ", before, line.Gone, line.GoneWord))
			later = append(later, wordsLine("+ ", now, line.Added, line.AddedWord))
		}
		lines = append(lines, later...)
		i += gone + added - 1
	}
	return lines
}

// run is how many lines of plain text at the beginning have a mark.
func run(all []diff.Line, mark diff.Mark) int {
	n := 0
	for n < len(all) && all[n].Mark == mark && all[n].Path == "" {
		n++
	}
	return n
}

// shortChange is how long both values of a change may be together, in bytes, to be shown
// on one line.
const shortChange = 40

// diffLine is a line of a comparison in the styles of the screen.
func diffLine(l diff.Line, whole bool) []line.Line {
	switch l.Mark {
	case diff.Changed:
		path := line.Text(line.Accent, "~ "+l.Path)
		if len(l.Before)+len(l.Now) <= shortChange {
			return []line.Line{path.Add(line.Plain, " ").Add(line.Gone, l.Before).Add(line.Faint, " → ").Add(line.Added, l.Now)}
		}
		a, b := l.Before, l.Now
		if whole && l.WholeBefore+l.WholeNow != "" {
			a, b = line.CutBytes(l.WholeBefore, maxPainted), line.CutBytes(l.WholeNow, maxPainted)
		}
		if !whole && (a != l.WholeBefore || b != l.WholeNow) && l.WholeBefore+l.WholeNow != "" {
			path = path.Add(line.Faint, "  enter shows both whole")
		}
		before, now := diff.Words(a, b)
		return []line.Line{path, wordsLine("  - ", before, line.Gone, line.GoneWord), wordsLine("  + ", now, line.Added, line.AddedWord)}
	case diff.Gone:
		return []line.Line{line.Text(line.Gone, l.String())}
	case diff.Added:
		return []line.Line{line.Text(line.Added, l.String())}
	case diff.Warning:
		return []line.Line{line.Text(line.Warn, l.String())}
	}
	return []line.Line{line.Text(line.Faint, l.String())}
}

// wordsLine is a text whose words that differ are marked.
func wordsLine(sign string, all []diff.Word, same, other line.Style) line.Line {
	l := line.Text(same, sign)
	for _, w := range all {
		if w.Same {
			l = l.Add(same, w.Text)
		} else {
			l = l.Add(other, w.Text)
		}
	}
	return l
}
