package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/tui/line"
)

// dailyLimit is how many deliveries the Hub makes for one webhook in a day;
// from dailyWarning on the header says how near it is.
const (
	dailyLimit   = 1000
	dailyWarning = 800
)

// header says how things stand. It is made of facts, each with a rank; where
// the window is too small for all, the lowest ranks stay.
type header struct {
	status Status
	loop   string // a warning that a bot answers itself
	zone   *time.Location
}

// fact is one thing the header says, and how it says so where there is no room.
// The lower the rank, the longer it stays.
// A reason is cut rather than left out.
type fact struct {
	rank   int
	line   line.Line
	brief  line.Line
	reason bool
	style  line.Style // of a reason
}

// Cells that a reason keeps: as long as something of less weight can go
// instead, and at the very least.
const (
	reasonRoom  = 40
	reasonLeast = 12
)

// cut shortens a reason to w cells. The code of the service's documentation at
// its end stays: it says more than any words before it.
func (f fact) shortened(w int) fact {
	said := term.Line(f.line.PlainText())
	if line.Width(said) <= w {
		return f
	}
	code := ""
	if i := strings.LastIndex(said, " ("); i >= 0 && strings.HasSuffix(said, ")") && line.Width(said[i:]) < w-reasonLeast {
		said, code = said[:i], said[i:]
	}
	return fact{rank: f.rank, line: line.Text(f.style, line.Shorten(said, w-line.Width(code))+code)}
}

// label is the rank of a word that only says what the rest of its line is about.
const labelRank = 99

// lines gives the header in at most so many lines of width w: trouble first.
func (h *header) lines(w, most int) []line.Line {
	rows := h.rows()
	if len(rows) > most {
		rows = regroup(rows, w, most)
	}
	var out []line.Line
	for _, row := range rows {
		out = append(out, packRow(row, w))
	}
	return out
}

// regroup puts what matters most into fewer rows than there are.
func regroup(rows [][]fact, w, most int) [][]fact {
	var facts []fact
	for _, row := range rows {
		for _, f := range row {
			if f.rank != labelRank {
				facts = append(facts, f)
			}
		}
	}
	slices.SortStableFunc(facts, func(a, b fact) int { return a.rank - b.rank })
	var out [][]fact
	for range most {
		var row, full, rest []fact // row says all briefly
		for _, f := range facts {
			said := f
			if f.brief != nil {
				said.line = f.brief
			}
			if room := w - rowWidth(row) - 2; len(row) > 0 && f.reason && room >= reasonLeast && rowWidth(append(row, f)) > w {
				said = f.shortened(room)
				row, full = append(row, said), append(full, said)
				continue
			}
			if len(row) > 0 && rowWidth(append(row, said)) > w {
				rest = append(rest, f)
				continue
			}
			row, full = append(row, said), append(full, f)
		}
		for i, f := range full { // and at length where there is room for it
			brief := row[i]
			if row[i] = f; rowWidth(row) > w {
				row[i] = brief
			}
		}
		if facts = rest; len(row) > 0 {
			out = append(out, row)
		}
	}
	return out
}

// packRow joins facts to a line. Where they do not fit, the highest ranks are
// said briefly first, and then not at all.
func packRow(row []fact, w int) line.Line {
	row = slices.Clone(row)
	for rowWidth(row) > w {
		over := rowWidth(row) - w
		last, brief, reason := 0, -1, -1
		for i, f := range row {
			if f.rank >= row[last].rank {
				last = i
			}
			if f.brief != nil && (brief < 0 || f.rank >= row[brief].rank) {
				brief = i
			}
			if f.reason && f.line.Width()-over >= reasonLeast && (reason < 0 || f.rank >= row[reason].rank) {
				reason = i
			}
		}
		switch {
		case reason >= 0 && (row[reason].line.Width()-over >= reasonRoom || reason == last):
			row[reason] = row[reason].shortened(row[reason].line.Width() - over)
		case brief >= 0:
			row[brief] = fact{rank: row[brief].rank, line: row[brief].brief}
		case len(row) > 1:
			row = slices.Delete(row, last, last+1)
		default:
			return row[0].line
		}
	}
	l := line.Line{}
	for i, f := range row {
		if i > 0 {
			l = l.Add(line.Plain, "  ")
		}
		l = append(l, f.line...)
	}
	return l
}

func rowWidth(row []fact) int {
	w := -2
	for _, f := range row {
		w += 2 + f.line.Width()
	}
	return w
}

func (h *header) clock(t time.Time) string { return t.In(h.zone).Format(time.TimeOnly) }

// rows gives all facts, by lines.
func (h *header) rows() [][]fact {
	rows := [][]fact{h.tunnelRow(), h.webhookRow(), h.targetRow()}
	if alarms := h.alarmRow(); len(alarms) > 0 {
		rows = append([][]fact{alarms}, rows...)
	}
	out := rows[:0]
	for _, row := range rows {
		if len(row) > 0 {
			out = append(out, row)
		}
	}
	return out
}

func (h *header) tunnelRow() []fact {
	s := &h.status
	state := line.Text(line.Title, "hf-tap").Add(line.Plain, " ")
	if s.Tunnel.State == "" {
		return []fact{{rank: 1, line: state.Add(line.Faint, "starting")}}
	}
	st := line.StateStyle(s.Tunnel.State)
	state = state.Add(st, "● "+s.Tunnel.State)
	facts := []fact{{rank: 1, line: state}}
	if s.URL != "" {
		facts = append(facts, fact{rank: 4, line: line.Text(line.Strong, s.URL)})
	}
	via := line.Line{}
	if s.Provider != "" {
		via = via.Add(line.Plain, s.Provider)
	}
	if !s.Tunnel.Since.IsZero() {
		via = via.Add(line.Faint, " since "+h.clock(s.Tunnel.Since))
	}
	facts = append(facts, fact{rank: 6, line: via})
	if s.Tunnel.Cause != "" {
		facts = append(facts, fact{rank: 3, line: line.Text(st, s.Tunnel.Cause), reason: true, style: st})
	}
	switch c := s.Check; {
	case c.At.IsZero():
		facts = append(facts, fact{rank: 8, line: line.Text(line.Faint, "not checked yet")})
	case c.Err != "":
		facts = append(facts, fact{rank: 2, line: line.Text(line.Alarm, "check at "+h.clock(c.At)+" failed: "+c.Err), brief: line.Text(line.Alarm, "check FAILED"), reason: true, style: line.Alarm})
	default:
		facts = append(facts, fact{rank: 8, line: line.Text(line.Faint, "checked "+h.clock(c.At)+" in "+line.Took(c.Took))})
	}
	return facts
}

func (h *header) webhookRow() []fact {
	s := &h.status
	name := line.Text(line.Faint, "webhook ")
	if s.WebhookID == "" {
		name = name.Add(line.Warn, "made by hand")
	} else {
		name = name.Add(line.Plain, s.WebhookID)
	}
	facts := []fact{{rank: 9, line: name}}
	if s.Webhook.State != "" && line.StateStyle(s.Webhook.State) != line.Good {
		words := s.Webhook.State
		if s.Webhook.Cause != "" {
			words += ": " + s.Webhook.Cause
		}
		facts = append(facts, fact{rank: 2, line: line.Text(line.StateStyle(s.Webhook.State), words), reason: true, style: line.StateStyle(s.Webhook.State)})
	}
	if len(s.Watches) > 0 {
		var watched line.Line
		if len(s.Watches) > 1 {
			watched = line.Text(line.Plain, fmt.Sprintf("%s and %d more", s.Watches[0], len(s.Watches)-1))
		}
		facts = append(facts, fact{rank: 7, line: line.Text(line.Plain, strings.Join(s.Watches, ", ")), brief: watched})
	}
	if len(s.Domains) > 0 {
		facts = append(facts, fact{rank: 11, line: line.Text(line.Faint, strings.Join(s.Domains, "+"))})
	}
	deliveries := fact{rank: 10, line: line.Text(line.Plain, line.Count(s.Deliveries, "delivery"))}
	if s.Deliveries != 1 {
		deliveries.line = line.Text(line.Plain, line.Group(s.Deliveries)+" deliveries")
	}
	if s.Deliveries >= dailyWarning {
		deliveries.rank = 2
		deliveries.brief = line.Text(line.Warn, line.Group(s.Deliveries)+"/"+line.Group(dailyLimit)+" a day")
		deliveries.line = line.Text(line.Warn, fmt.Sprintf("%s of %s deliveries a day", line.Group(s.Deliveries), line.Group(dailyLimit)))
	}
	return append(facts, deliveries)
}

func (h *header) targetRow() []fact {
	s := &h.status
	if len(s.Targets) == 0 {
		return []fact{{rank: 5, line: line.Text(line.Faint, "targets ").Add(line.Plain, "none: events are shown and kept"), brief: line.Text(line.Plain, "no target")}}
	}
	facts := []fact{{rank: labelRank, line: line.Text(line.Faint, "targets")}}
	for _, t := range s.Targets {
		name, rank := line.ShortTarget(t.Name)+" ", 5
		words, why, st := targetState(&t)
		l, short := line.Text(line.Plain, name).Add(st, words), line.Line(nil)
		if !t.At.IsZero() {
			l = l.Add(line.Faint, " at "+h.clock(t.At))
			short = line.Text(line.Plain, name).Add(st, words).Add(line.Faint, " "+h.clock(t.At))
		}
		if why != "" {
			l = l.Add(line.Plain, ", "+why)
		}
		if t.Down {
			rank = 2
		}
		if t.Queued > 0 && t.Down {
			waiting := fmt.Sprintf(", %s waiting", line.Group(t.Queued))
			l = l.Add(line.Warn, waiting)
			short = short.Add(line.Warn, waiting)
		} else if t.Queued > 0 {
			l = l.Add(line.Plain, fmt.Sprintf(", %s queued", line.Group(t.Queued)))
		}
		facts = append(facts, fact{rank: rank, line: l, brief: short})
	}
	return facts
}

// targetState says what a target did when it was last tried, and why where that
// is not clear from it.
func targetState(t *TargetStatus) (words, why string, st line.Style) {
	switch {
	case t.At.IsZero():
		return "not tried yet", "", line.Faint
	case t.Down:
		if why = line.ShortError(t.Err); why == "refused" {
			return why, "", line.Alarm
		}
		return "not reached", why, line.Alarm
	case t.Status != 0 && t.Err != "":
		return fmt.Sprintf("answered %d", t.Status), line.ShortError(t.Err), line.Warn
	case t.Status != 0:
		return fmt.Sprintf("answered %d", t.Status), "", targetStyle(t.Status)
	case t.Err != "":
		return "failed", line.ShortError(t.Err), line.Warn
	}
	return "reached", "", line.Good
}

func targetStyle(status int) line.Style {
	if status/100 == 2 {
		return line.Good
	}
	return line.Warn
}

// alarmRow is there only when something is not as one would think.
func (h *header) alarmRow() []fact {
	s := &h.status
	var facts []fact
	if s.Paused {
		words := "PAUSED"
		if !s.PausedSince.IsZero() {
			words += " since " + h.clock(s.PausedSince)
		}
		facts = append(facts, fact{rank: 0, line: line.Text(line.Warn, words).Add(line.Plain, ": "+line.Count(s.Queued, "event")+" queued"), brief: line.Text(line.Warn, fmt.Sprintf("PAUSED %d", s.Queued))})
	}
	if s.Fault != nil {
		facts = append(facts, fact{rank: 0, line: line.Text(line.Warn, "FAULT").Add(line.Plain, ": "+faultWords(s.Fault, s.FaultLeft)), brief: line.Text(line.Warn, "FAULT")})
	}
	if h.loop != "" {
		facts = append(facts, fact{rank: 1, line: line.Text(line.Alarm, "LOOP?").Add(line.Plain, " "+h.loop), brief: line.Text(line.Alarm, "LOOP?")})
	}
	return facts
}
