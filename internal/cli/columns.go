package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/term"
)

// columns are the widths of the columns in which events are printed as lines. They
// grow with what is printed and never shrink, so that each line stands under the
// ones before. A list knows its rows beforehand, and all of it is aligned.
type columns struct {
	dates   bool // with the date: a row is not of today
	n       int  // in terminal cells, as the others
	verdict int
	kind    int
	repo    int
	answer  int
}

// The least widths: what documented kinds and usual names take.
const (
	leastN    = 5
	leastKind = 25
	leastRepo = 23
	// mostName is the width at which a name is cut: somebody made it to fill screens.
	mostName = 100
)

// cells are what stands in the columns of an event's line, made safe for the
// terminal.
type cells struct{ n, verdict, kind, repo, answer string }

func cellsOf(e *event.Row) cells {
	c := cells{n: fmt.Sprintf("#%d", e.N), kind: cut(e.Title()), repo: cut(e.Repo)}
	switch e.Verdict {
	case event.VerdictWrong:
		c.verdict = "BAD SECRET"
	case event.VerdictMissing:
		c.verdict = "NO SECRET"
	case event.VerdictUnchecked:
		c.verdict = "secret unchecked"
	}
	if e.Answer.Status != 0 {
		c.answer = fmt.Sprintf("answered %d", e.Answer.Status)
	}
	return c
}

// cut makes a name safe for the terminal, and shortens one that fills screens.
func cut(s string) string { return ansi.Truncate(term.Line(s), mostName, "…") }

// fit widens the columns to what a row has in them.
func (c *columns) fit(e *event.Row, now time.Time) {
	c.fitTime(e.At, now)
	is := cellsOf(e)
	c.n = max(c.n, leastN, len(is.n))
	c.verdict = max(c.verdict, ansi.StringWidth(is.verdict))
	c.kind = max(c.kind, leastKind, ansi.StringWidth(is.kind))
	c.repo = max(c.repo, leastRepo, ansi.StringWidth(is.repo))
	c.answer = max(c.answer, ansi.StringWidth(is.answer))
}

// fitTime adds the date from the first time on that is not of today.
func (c *columns) fitTime(t, now time.Time) {
	c.dates = c.dates || t.Local().Format(time.DateOnly) != now.Local().Format(time.DateOnly)
}

func (c *columns) stamp(t time.Time) string {
	if c.dates {
		return t.Local().Format(time.DateTime)
	}
	return t.Local().Format(time.TimeOnly)
}

// event is an event as one line for people, made safe for the terminal:
//
//	20:15:03  #12    discussion.comment.create  model:me/m            answered 200  :3000 FAIL 500 in 12ms
//
// Words say what colours would: a line reads the same in a log, by a screen
// reader and through grep. What the check of the secret said comes before any text
// from outside.
func (c *columns) event(e *event.Row) string {
	c.fit(e, time.Now())
	is := cellsOf(e)
	parts := []string{c.stamp(e.At)}
	for _, cell := range []struct {
		text  string
		width int
	}{{is.n, c.n}, {is.verdict, c.verdict}, {is.kind, c.kind}, {is.repo, c.repo}, {is.answer, c.answer}} {
		if cell.width > 0 {
			parts = append(parts, padded(cell.text, cell.width))
		}
	}
	for _, words := range eventWords(e) {
		parts = append(parts, term.Line(words))
	}
	return strings.TrimRight(strings.Join(parts, "  "), " ")
}

// state is a state as one line for people.
func (c *columns) state(s *event.State) string {
	c.fitTime(s.At, time.Now())
	line := c.stamp(s.At) + "  " + padded("--", max(c.n, leastN)) + "  " + string(s.Subject)
	if s.Name != "" {
		name := event.MaskURL(s.Name)
		if s.Subject == event.SubjectTarget {
			name = shortTarget(s.Name)
		}
		line += " " + name
	}
	line += " " + s.State
	if s.Detail != "" {
		line += ": " + event.MaskText(s.Detail)
	}
	return term.Line(line)
}

// padded fills a cell up with blanks. Its text is safe for the terminal already.
func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
}
