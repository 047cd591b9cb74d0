package lines

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/term"
)

// Columns are the widths of the columns in which events are printed as lines. They
// grow with what is printed and never shrink, so that each line stands under the
// ones before. A list knows its rows beforehand, and all of it is aligned. The zero
// value has the least widths.
type Columns struct {
	dates   bool // with the date: a row is not of today
	n       int  // in terminal cells, as the others
	verdict int
	kind    int
	repo    int
	answer  int
}

// KindWidth is the least width of a column of kinds: what documented ones take.
const KindWidth = 25

// The least widths of other columns: what usual numbers and names take.
const (
	leastN    = 5
	leastRepo = 23
)

// cells are what stands in the columns of an event's line, made safe for the
// terminal.
type cells struct{ n, verdict, kind, repo, answer string }

func cellsOf(e *event.Row) cells {
	c := cells{n: fmt.Sprintf("#%d", e.N), verdict: present.Verdict(e.Verdict), kind: present.Cut(e.Title()), repo: present.Cut(e.Repo)}
	if e.Answer.Status != 0 {
		c.answer = fmt.Sprintf("answered %d", e.Answer.Status)
	}
	return c
}

// Fit widens the columns to what a row has in them.
func (c *Columns) Fit(e *event.Row, now time.Time) {
	c.fitTime(e.At, now)
	is := cellsOf(e)
	c.n = max(c.n, leastN, len(is.n))
	c.verdict = max(c.verdict, ansi.StringWidth(is.verdict))
	c.kind = max(c.kind, KindWidth, ansi.StringWidth(is.kind))
	c.repo = max(c.repo, leastRepo, ansi.StringWidth(is.repo))
	c.answer = max(c.answer, ansi.StringWidth(is.answer))
}

// fitTime adds the date from the first time on that is not of today.
func (c *Columns) fitTime(t, now time.Time) {
	c.dates = c.dates || t.Local().Format(time.DateOnly) != now.Local().Format(time.DateOnly)
}

func (c *Columns) stamp(t time.Time) string {
	if c.dates {
		return t.Local().Format(time.DateTime)
	}
	return t.Local().Format(time.TimeOnly)
}

// Event is an event as one line for people, made safe for the terminal:
//
//	20:15:03  #12    discussion.comment.create  model:me/m            answered 200  :3000 FAIL 500 in 12ms
//
// Words say what colours would: a line reads the same in a log, by a screen
// reader and through grep. What the check of the secret said comes before any text
// from outside.
func (c *Columns) Event(e *event.Row) string {
	c.Fit(e, time.Now())
	is := cellsOf(e)
	parts := []string{c.stamp(e.At)}
	for _, cell := range []struct {
		text  string
		width int
	}{{is.n, c.n}, {is.verdict, c.verdict}, {is.kind, c.kind}, {is.repo, c.repo}, {is.answer, c.answer}} {
		if cell.width > 0 {
			parts = append(parts, Pad(cell.text, cell.width))
		}
	}
	for _, words := range present.Event(e) {
		parts = append(parts, term.Line(words))
	}
	return strings.TrimRight(strings.Join(parts, "  "), " ")
}

// State is a state as one line for people, made safe for the terminal.
func (c *Columns) State(s *event.State) string {
	c.fitTime(s.At, time.Now())
	return term.Line(c.stamp(s.At) + "  " + Pad("--", max(c.n, leastN)) + "  " + present.State(s))
}

// Stamp is the time of day, with the date if that is not today.
func Stamp(t, now time.Time) string {
	var c Columns
	c.fitTime(t, now)
	return c.stamp(t)
}

// Pad fills a cell with blanks up to a width in terminal cells. Its text is safe for
// the terminal already.
func Pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
}
