package tui

import (
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/tui/line"
)

// maxAppLines is how many lines of the app's output are kept.
const maxAppLines = 10_000

// appPane shows the output of the app under development, in the app's colours. It
// follows the last line until the user moves away. Long lines are wrapped, or cut.
type appPane struct {
	zone   *time.Location
	all    []appEntry
	rows   []appRow
	scroll line.Scroller
	follow bool
	rev    int64
	cut    bool // long lines are cut and not wrapped
	w      int  // what rows are for; 0: not drawn yet
	unseen int  // lines on standard error since the pane was open

	stdout, stderr line.Pen
}

// appEntry is a line of the app as it is shown.
type appEntry struct {
	AppLine
	text line.Line
}

// appRow is a row of the pane: a line, or a part of one.
type appRow struct {
	entry int
	text  line.Line
}

// Count is for the scroller.
func (a *appPane) Count() int { return len(a.rows) }

// Row is for the scroller.
func (a *appPane) Row(i int) line.Line { return a.rows[i].text }

// prefix is the width of the time and the stream in front of a line.
const prefix = len("15:04:05 out ")

// lastState is a line without the states that it replaced: a progress bar writes "\r"
// and the next state.
func lastState(text string) string {
	text = strings.TrimRight(text, "\r")
	return text[strings.LastIndexByte(text, '\r')+1:]
}

// entry returns a line as it is shown.
func (a *appPane) entry(l AppLine) appEntry {
	out := line.Text(line.Faint, l.At.In(a.zone).Format(time.TimeOnly)+" ")
	pen := &a.stdout
	if l.Stderr {
		out, pen = out.Add(line.Warn, "err "), &a.stderr
	} else {
		out = out.Add(line.Faint, "out ")
	}
	return appEntry{l, append(out, pen.Write(lastState(l.Text))...)}
}

// appendRows appends the rows of a line.
func (a *appPane) appendRows(i int) {
	text := a.all[i].text.Unjoined()
	if a.cut {
		a.rows = append(a.rows, appRow{i, text})
		return
	}
	for _, part := range text.Wrap(max(a.w, minWidth), prefix) {
		a.rows = append(a.rows, appRow{i, part})
	}
}

// layOut makes all rows anew. The selection stays in its line.
func (a *appPane) layOut() {
	at := a.selected()
	a.rows = a.rows[:0]
	for i := range a.all {
		a.appendRows(i)
	}
	a.scroll.SetRows(a)
	a.scroll.MoveTo(slices.IndexFunc(a.rows, func(r appRow) bool { return r.entry == at }))
	a.toLast()
}

// toLast selects the last row if the pane follows.
func (a *appPane) toLast() {
	if a.follow {
		a.scroll.MoveTo(a.Count() - 1)
	}
}

// selected is the index of the line of the selection.
func (a *appPane) selected() int {
	if row := a.scroll.Selected(); row < len(a.rows) {
		return a.rows[row].entry
	}
	return 0
}

// toggleWrap wraps long lines, or cuts them.
func (a *appPane) toggleWrap() {
	a.cut = !a.cut
	a.layOut()
}

// add adds new lines. seen says whether the pane is open.
func (a *appPane) add(lines []AppLine, seen bool) {
	for _, l := range lines {
		a.rev = max(a.rev, l.Rev)
		if l.Stderr && !seen {
			a.unseen++
		}
		a.addLine(l)
	}
	if over := len(a.all) - maxAppLines; over > maxAppLines/10 {
		dropped := len(a.rows) - len(slices.DeleteFunc(slices.Clone(a.rows), func(r appRow) bool { return r.entry < over }))
		a.all = append([]appEntry(nil), a.all[over:]...)
		a.rows = append([]appRow(nil), a.rows[dropped:]...)
		for i := range a.rows {
			a.rows[i].entry -= over
		}
		a.scroll.Dropped(dropped)
	}
	a.scroll.SetRows(a)
	a.toLast()
}

// addLine adds a line, or puts it in the place of an earlier state of it.
func (a *appPane) addLine(l AppLine) {
	i := len(a.all) - 1
	for i >= 0 && a.all[i].Stderr != l.Stderr {
		i--
	}
	if i >= 0 && strings.HasSuffix(a.all[i].Text, "\r") {
		a.all[i] = a.entry(l)
		if i < len(a.all)-1 {
			a.layOut()
			return
		}
		a.rows = a.rows[:slices.IndexFunc(a.rows, func(r appRow) bool { return r.entry == i })]
		a.appendRows(i)
		return
	}
	a.all = append(a.all, a.entry(l))
	a.appendRows(len(a.all) - 1)
}

func (a *appPane) move(by int) {
	a.scroll.Move(by)
	a.follow = a.scroll.Selected() >= a.Count()-1
}

// find goes to the next row that contains a phrase, or to the previous one.
func (a *appPane) find(phrase string, back bool) bool {
	if a.scroll.Phrase = phrase; phrase == "" {
		return true
	}
	a.follow = false
	return a.scroll.Find(phrase, back)
}

func (a *appPane) click(y int) {
	a.scroll.Click(y)
	a.follow = a.scroll.Selected() >= a.Count()-1
}

// lineText is the selected line as the app wrote it, without sequences.
func (a *appPane) lineText() string {
	if len(a.all) == 0 {
		return ""
	}
	return ansi.Strip(lastState(a.all[a.selected()].Text))
}

// wholeText is all lines, without sequences.
func (a *appPane) wholeText() string {
	var b strings.Builder
	for _, e := range a.all {
		b.WriteString(ansi.Strip(lastState(e.Text)))
		b.WriteByte('\n')
	}
	return b.String()
}

func (a *appPane) render(w, h int, focused bool) ([]string, int) {
	if len(a.all) == 0 {
		return []string{line.Text(line.Faint, "the app has written nothing yet").Render(w, line.Plain)}, 0
	}
	if w != a.w {
		a.w = w
		a.layOut()
	}
	return a.scroll.Render(w, h, focused)
}
