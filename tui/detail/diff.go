package detail

import (
	"fmt"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/diff"
	"github.com/hf-tap/hf-tap/tui/line"
)

// diffLines compares an event with an earlier one. reason is how the earlier one was
// chosen.
func diffLines(e, base *event.Event, reason string) []line.Line {
	if base == nil {
		return []line.Line{line.Text(line.Faint, "no earlier event of this kind, and none is pinned: p pins one to compare with")}
	}
	lines := []line.Line{
		line.Text(line.Gone, fmt.Sprintf("- #%d", base.N)).Add(line.Faint, "  "+base.Title()+", "+reason),
		line.Text(line.Added, fmt.Sprintf("+ #%d", e.N)).Add(line.Faint, "  "+e.Title()),
	}
	for _, section := range diff.Events(base, e) {
		lines = append(lines, nil, line.Text(line.Strong, section.Title))
		for _, l := range section.Lines {
			lines = append(lines, diffLine(l))
		}
	}
	return lines
}

// diffLine is a line of a comparison in the styles of the screen.
func diffLine(l diff.Line) line.Line {
	switch l.Mark {
	case diff.Changed:
		return line.Text(line.Accent, "~ "+l.Path).Add(line.Plain, " ").Add(line.Gone, l.Before).Add(line.Faint, " → ").Add(line.Added, l.Now)
	case diff.Gone:
		return line.Text(line.Gone, l.String())
	case diff.Added:
		return line.Text(line.Added, l.String())
	case diff.Warning:
		return line.Text(line.Warn, l.String())
	}
	return line.Text(line.Faint, l.String())
}
