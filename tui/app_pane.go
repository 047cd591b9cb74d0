package tui

import (
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/tui/line"
)

// maxAppLines is how many lines of the app's output are kept.
const maxAppLines = 10_000

// appPane shows the output of the app under development, without its colours. It
// follows the last line until the user moves away.
type appPane struct {
	zone   *time.Location
	all    []AppLine
	scroll line.Scroller
	follow bool
	rev    int64
}

// Count is for the scroller.
func (a *appPane) Count() int { return len(a.all) }

// Row is for the scroller.
func (a *appPane) Row(i int) line.Line {
	l := a.all[i]
	out := line.Text(line.Faint, l.At.In(a.zone).Format(time.TimeOnly)+" ")
	if l.Stderr {
		out = out.Add(line.Warn, "err ")
	} else {
		out = out.Add(line.Faint, "out ")
	}
	return out.Add(line.Plain, ansi.Strip(l.Text))
}

// add adds new lines.
func (a *appPane) add(lines []AppLine) {
	for _, l := range lines {
		if l.Rev > a.rev {
			a.rev = l.Rev
		}
	}
	a.all = append(a.all, lines...)
	if over := len(a.all) - maxAppLines; over > maxAppLines/10 {
		a.all = append([]AppLine(nil), a.all[over:]...)
		a.scroll.Dropped(over)
	}
	a.scroll.SetRows(a)
	if a.follow {
		a.scroll.MoveTo(len(a.all) - 1)
	}
}

func (a *appPane) move(by int) {
	a.scroll.Move(by)
	a.follow = a.scroll.Selected() >= len(a.all)-1
}

// find goes to the next line that contains a phrase, or to the previous one.
func (a *appPane) find(phrase string, back bool) bool {
	if phrase == "" {
		return true
	}
	a.follow = false
	return a.scroll.Find(phrase, back)
}

func (a *appPane) click(y int) {
	a.scroll.Click(y)
	a.follow = a.scroll.Selected() >= len(a.all)-1
}

func (a *appPane) render(w, h int, focused bool) ([]string, int) {
	if len(a.all) == 0 {
		return []string{line.Text(line.Faint, "the app has written nothing yet").Render(w, line.Plain)}, 0
	}
	return a.scroll.Render(w, h, focused)
}
