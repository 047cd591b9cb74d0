package tui

import (
	"time"

	"github.com/charmbracelet/x/ansi"
)

// maxAppLines is how much of the app's output can be scrolled back to.
const maxAppLines = 10_000

// appPane shows what the app under development wrote. Colours that it writes
// are left out: they are commands to a terminal.
type appPane struct {
	zone   *time.Location
	all    []AppLine
	scroll scroller
	follow bool
	rev    int64
	search string
}

func (a *appPane) count() int { return len(a.all) }

func (a *appPane) row(i int) line {
	l := a.all[i]
	out := text(faint, l.At.In(a.zone).Format(time.TimeOnly)+" ")
	if l.Stderr {
		out = out.add(warn, "err ")
	} else {
		out = out.add(faint, "out ")
	}
	return out.add(plain, ansi.Strip(l.Text))
}

// add takes new lines.
func (a *appPane) add(lines []AppLine) {
	for _, l := range lines {
		if l.Rev > a.rev {
			a.rev = l.Rev
		}
	}
	a.all = append(a.all, lines...)
	if over := len(a.all) - maxAppLines; over > maxAppLines/10 {
		a.all = append([]AppLine(nil), a.all[over:]...)
		a.scroll.dropped(over)
	}
	a.scroll.setRows(a)
	if a.follow {
		a.scroll.moveTo(len(a.all) - 1)
	}
}

func (a *appPane) move(by int) {
	a.scroll.move(by)
	a.follow = a.scroll.selected() >= len(a.all)-1
}

func (a *appPane) click(y int) {
	a.scroll.click(y)
	a.follow = a.scroll.selected() >= len(a.all)-1
}

func (a *appPane) render(w, h int, focused bool) ([]string, int) {
	if len(a.all) == 0 {
		return []string{text(faint, "the app has written nothing yet").render(w, plain)}, 0
	}
	return a.scroll.render(w, h, focused)
}
