package list

import (
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/tui/line"
)

// layout is the columns at their widths, and how an entry is drawn in them.
type layout struct {
	zone *time.Location
	now  func() time.Time
	mask func(string) string

	width   int
	today   string // when the columns were laid out
	needs   needs  // of the rows in sight since then
	columns []column
}

// gapFrom and datedFrom are the widths of a list from which on there are two spaces
// between columns, and dates have their time beside them.
const (
	gapFrom   = 60
	datedFrom = 60
)

// outdated reports whether the columns are for another width, or for another day.
func (l *layout) outdated(w int) bool { return w != l.width || l.date(l.now()) != l.today }

// reset forgets what rows need.
func (l *layout) reset(w int) { l.width, l.today, l.needs = w, l.date(l.now()), needs{} }

func (l *layout) date(t time.Time) string { return t.In(l.zone).Format(time.DateOnly) }

// distribute sets the widths of the columns for the rows in sight, and reports whether
// one has changed.
func (l *layout) distribute(inSight needs) bool {
	l.needs.add(inSight)
	columns, crowded := distribute(l.width, l.needs)
	if crowded && l.needs != inSight {
		l.needs = inSight
		columns, _ = distribute(l.width, l.needs)
	}
	if slices.Equal(columns, l.columns) {
		return false
	}
	l.columns = columns
	return true
}

// columnWidth is the width of a column; 0: it is not shown.
func (l *layout) columnWidth(id columnID) int {
	for _, c := range l.columns {
		if c.id == id {
			return c.width
		}
	}
	return 0
}

// gap is the space between columns.
func (l *layout) gap() string { return "  "[:gapWidth(l.width)] }

func gapWidth(w int) int {
	if w < gapFrom {
		return 1
	}
	return 2
}

// heading is the names of the columns.
func (l *layout) heading() line.Line {
	var b strings.Builder
	b.WriteString("  ")
	for i, c := range l.columns {
		if i > 0 {
			b.WriteString(l.gap())
		}
		name := plans[c.id].name
		if c.id == eventColumn {
			b.WriteString(line.PadLeft(name, c.width))
		} else {
			b.WriteString(line.Pad(name, c.width))
		}
	}
	return line.Text(line.Faint, b.String())
}

// row draws an entry.
func (l *layout) row(e *entry, selected, marked bool) line.Line {
	out := line.Text(line.Plain, " ")
	if selected {
		out = line.Text(line.Accent, "›")
	}
	if marked {
		out = out.Add(line.Accent, "*")
	} else {
		out = out.Add(line.Plain, " ")
	}
	if e.state != nil {
		out = out.Add(line.Faint, line.Pad(l.when(e), max(l.columnWidth(timeColumn), plans[timeColumn].least))+" "+l.gap())
		return append(out, line.State(e.state).Steady(l.mask)...)
	}
	if words, st := line.Verdict(e.row.Verdict); !e.row.Verdict.Trusted() && l.columnWidth(secretColumn) == 0 && l.columnWidth(kindColumn) == 0 {
		return out.Add(line.Plain, line.Pad(l.when(e), l.columnWidth(timeColumn))+l.gap()).Add(st, words) // there is no room for more
	}
	for i, c := range l.columns {
		if i > 0 {
			out = out.Add(line.Plain, l.gap())
		}
		out = append(out, l.cell(c, e).Fit(c.width)...)
	}
	return out
}

// when is the time of an entry of today, and the date of others.
func (l *layout) when(e *entry) string {
	at := e.time().In(l.zone)
	date := at.Format(time.DateOnly)
	thisYear := date[:4] == l.today[:4]
	switch {
	case date == l.today:
		return at.Format(time.TimeOnly)
	case l.width < datedFrom && thisYear:
		return at.Format("Jan _2")
	case l.width < datedFrom:
		return at.Format("Jan 2006")
	case thisYear:
		return at.Format("Jan _2 15:04")
	}
	return date
}
