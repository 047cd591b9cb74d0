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

	whole int64       // the revision of a line that is shown whole, 0 for none
	parts []line.Line // that line, wrapped
	w     int         // what it is wrapped for
}

// Count is for the scroller.
func (a *appPane) Count() int { return len(a.all) + a.extra() }

// Row is for the scroller.
func (a *appPane) Row(i int) line.Line {
	at := a.wholeAt()
	switch {
	case at < 0 || i < at:
		return a.line(i)
	case i < at+len(a.parts):
		return a.parts[i-at]
	}
	return a.line(i - a.extra())
}

// wholeAt is the index of the line that is shown whole, -1 if there is none.
func (a *appPane) wholeAt() int {
	if a.whole == 0 {
		return -1
	}
	return int(a.whole - a.all[0].Rev)
}

// extra is how many rows there are more than lines.
func (a *appPane) extra() int { return max(len(a.parts)-1, 0) }

// selected is the index of the line in whose row the selection is.
func (a *appPane) selected() int {
	row, at := a.scroll.Selected(), a.wholeAt()
	if at < 0 || row < at {
		return row
	}
	return max(row-a.extra(), at)
}

// toggle shows the selected line whole, or in one row again.
func (a *appPane) toggle() {
	if len(a.all) == 0 {
		return
	}
	at := a.selected()
	again := at == a.wholeAt()
	a.whole, a.parts = 0, nil
	if !again {
		a.whole, a.follow = a.all[at].Rev, false
		a.wrap(a.w)
	}
	a.scroll.MoveTo(at)
}

// prefix is the width of the time and the stream in front of a line.
const prefix = len("15:04:05 out ")

func (a *appPane) wrap(w int) {
	a.w = w
	if at := a.wholeAt(); at >= 0 {
		a.parts = a.line(at).Wrap(w, prefix)
	}
}

func (a *appPane) line(i int) line.Line {
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
		rows := over
		if at := a.wholeAt(); at >= 0 && at < over {
			rows += a.extra()
			a.whole, a.parts = 0, nil
		}
		a.all = append([]AppLine(nil), a.all[over:]...)
		a.scroll.Dropped(rows)
	}
	a.scroll.SetRows(a)
	if a.follow {
		a.scroll.MoveTo(a.Count() - 1)
	}
}

func (a *appPane) move(by int) {
	a.scroll.Move(by)
	a.follow = a.scroll.Selected() >= a.Count()-1
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
	a.follow = a.scroll.Selected() >= a.Count()-1
}

func (a *appPane) render(w, h int, focused bool) ([]string, int) {
	if len(a.all) == 0 {
		return []string{line.Text(line.Faint, "the app has written nothing yet").Render(w, line.Plain)}, 0
	}
	if w != a.w {
		a.wrap(w)
	}
	return a.scroll.Render(w, h, focused)
}
