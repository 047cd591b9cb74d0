package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/term"
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
	line   line
	brief  line
	reason bool
}

// Cells that a reason keeps: as long as something of less weight can go
// instead, and at the very least.
const (
	reasonRoom  = 40
	reasonLeast = 12
)

// cut shortens a reason to w cells. The code of the service's documentation at
// its end stays: it says more than any words before it.
func (f fact) cut(w int) fact {
	said := term.Line(f.line.plainText())
	if width(said) <= w {
		return f
	}
	code := ""
	if i := strings.LastIndex(said, " ("); i >= 0 && strings.HasSuffix(said, ")") && width(said[i:]) < w-reasonLeast {
		said, code = said[:i], said[i:]
	}
	return fact{rank: f.rank, line: text(f.line[0].style, shorten(said, w-width(code))+code)}
}

// label is the rank of a word that only says what the rest of its line is about.
const label = 99

// lines gives the header in at most so many lines of width w: trouble first.
func (h *header) lines(w, most int) []line {
	rows := h.rows()
	if len(rows) > most {
		rows = regroup(rows, w, most)
	}
	var out []line
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
			if f.rank != label {
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
				said = f.cut(room)
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
func packRow(row []fact, w int) line {
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
			if f.reason && f.line.width()-over >= reasonLeast && (reason < 0 || f.rank >= row[reason].rank) {
				reason = i
			}
		}
		switch {
		case reason >= 0 && (row[reason].line.width()-over >= reasonRoom || reason == last):
			row[reason] = row[reason].cut(row[reason].line.width() - over)
		case brief >= 0:
			row[brief] = fact{rank: row[brief].rank, line: row[brief].brief}
		case len(row) > 1:
			row = slices.Delete(row, last, last+1)
		default:
			return row[0].line
		}
	}
	l := line{}
	for i, f := range row {
		if i > 0 {
			l = l.add(plain, "  ")
		}
		l = append(l, f.line...)
	}
	return l
}

func rowWidth(row []fact) int {
	w := -2
	for _, f := range row {
		w += 2 + f.line.width()
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
	state := text(title, "hf-tap").add(plain, " ")
	if s.Tunnel.State == "" {
		return []fact{{rank: 1, line: state.add(faint, "starting")}}
	}
	st := stateStyle(s.Tunnel.State)
	state = state.add(st, "● "+s.Tunnel.State)
	facts := []fact{{rank: 1, line: state}}
	if s.URL != "" {
		facts = append(facts, fact{rank: 4, line: text(strong, s.URL)})
	}
	via := line{}
	if s.Provider != "" {
		via = via.add(plain, s.Provider)
	}
	if !s.Tunnel.Since.IsZero() {
		via = via.add(faint, " since "+h.clock(s.Tunnel.Since))
	}
	facts = append(facts, fact{rank: 6, line: via})
	if s.Tunnel.Cause != "" {
		facts = append(facts, fact{rank: 3, line: text(st, s.Tunnel.Cause), reason: true})
	}
	switch c := s.Check; {
	case c.At.IsZero():
		facts = append(facts, fact{rank: 8, line: text(faint, "not checked yet")})
	case c.Err != "":
		facts = append(facts, fact{rank: 2, line: text(alarm, "check at "+h.clock(c.At)+" failed: "+c.Err), brief: text(alarm, "check FAILED"), reason: true})
	default:
		facts = append(facts, fact{rank: 8, line: text(faint, "checked "+h.clock(c.At)+" in "+took(c.Took))})
	}
	return facts
}

func (h *header) webhookRow() []fact {
	s := &h.status
	name := text(faint, "webhook ")
	if s.WebhookID == "" {
		name = name.add(warn, "made by hand")
	} else {
		name = name.add(plain, s.WebhookID)
	}
	facts := []fact{{rank: 9, line: name}}
	if s.Webhook.State != "" && stateStyle(s.Webhook.State) != good {
		words := s.Webhook.State
		if s.Webhook.Cause != "" {
			words += ": " + s.Webhook.Cause
		}
		facts = append(facts, fact{rank: 2, line: text(stateStyle(s.Webhook.State), words), reason: true})
	}
	if len(s.Watches) > 0 {
		var watched line
		if len(s.Watches) > 1 {
			watched = text(plain, fmt.Sprintf("%s and %d more", s.Watches[0], len(s.Watches)-1))
		}
		facts = append(facts, fact{rank: 7, line: text(plain, strings.Join(s.Watches, ", ")), brief: watched})
	}
	if len(s.Domains) > 0 {
		facts = append(facts, fact{rank: 11, line: text(faint, strings.Join(s.Domains, "+"))})
	}
	deliveries := fact{rank: 10, line: text(plain, count(s.Deliveries, "delivery"))}
	if s.Deliveries != 1 {
		deliveries.line = text(plain, group(s.Deliveries)+" deliveries")
	}
	if s.Deliveries >= dailyWarning {
		deliveries.rank = 2
		deliveries.brief = text(warn, group(s.Deliveries)+"/"+group(dailyLimit)+" a day")
		deliveries.line = text(warn, fmt.Sprintf("%s of %s deliveries a day", group(s.Deliveries), group(dailyLimit)))
	}
	return append(facts, deliveries)
}

func (h *header) targetRow() []fact {
	s := &h.status
	if len(s.Targets) == 0 {
		return []fact{{rank: 5, line: text(faint, "targets ").add(plain, "none: events are shown and kept"), brief: text(plain, "no target")}}
	}
	facts := []fact{{rank: label, line: text(faint, "targets")}}
	for _, t := range s.Targets {
		name, rank := shortTarget(t.Name)+" ", 5
		words, why, st := targetState(&t)
		l, short := text(plain, name).add(st, words), line(nil)
		if !t.At.IsZero() {
			l = l.add(faint, " at "+h.clock(t.At))
			short = text(plain, name).add(st, words).add(faint, " "+h.clock(t.At))
		}
		if why != "" {
			l = l.add(plain, ", "+why)
		}
		if t.Down {
			rank = 2
		}
		if t.Queued > 0 && t.Down {
			waiting := fmt.Sprintf(", %s waiting", group(t.Queued))
			l = l.add(warn, waiting)
			short = append(short, span{warn, waiting})
		} else if t.Queued > 0 {
			l = l.add(plain, fmt.Sprintf(", %s queued", group(t.Queued)))
		}
		facts = append(facts, fact{rank: rank, line: l, brief: short})
	}
	return facts
}

// targetState says what a target did when it was last tried, and why where that
// is not clear from it.
func targetState(t *TargetStatus) (words, why string, st style) {
	switch {
	case t.At.IsZero():
		return "not tried yet", "", faint
	case t.Down:
		if why = shortError(t.Err); why == "refused" {
			return why, "", alarm
		}
		return "not reached", why, alarm
	case t.Status != 0 && t.Err != "":
		return fmt.Sprintf("answered %d", t.Status), shortError(t.Err), warn
	case t.Status != 0:
		return fmt.Sprintf("answered %d", t.Status), "", targetStyle(t.Status)
	case event.IsCommand(t.Name) && t.Err == "":
		return "exit 0", "", good
	case t.Err != "":
		return "failed", shortError(t.Err), warn
	}
	return "reached", "", good
}

func targetStyle(status int) style {
	if status/100 == 2 {
		return good
	}
	return warn
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
		facts = append(facts, fact{rank: 0, line: text(warn, words).add(plain, ": "+count(s.Queued, "event")+" queued"), brief: text(warn, fmt.Sprintf("PAUSED %d", s.Queued))})
	}
	if s.Fault != nil {
		facts = append(facts, fact{rank: 0, line: text(warn, "FAULT").add(plain, ": "+faultWords(s.Fault, s.FaultLeft)), brief: text(warn, "FAULT")})
	}
	if h.loop != "" {
		facts = append(facts, fact{rank: 1, line: text(alarm, "LOOP?").add(plain, " "+h.loop), brief: text(alarm, "LOOP?")})
	}
	return facts
}

// faultWords says what answers get instead of the right one.
func faultWords(f *Fault, left int) string {
	var what string
	switch {
	case f.Drop:
		what = "no answer, the connection is dropped"
	case f.Status != 0:
		what = fmt.Sprintf("answered %d", f.Status)
	default:
		what = "answered late"
	}
	if f.Delay > 0 {
		what += " after " + took(f.Delay)
	}
	who := "every delivery"
	switch {
	case left == 1:
		who = "the next delivery"
	case left > 1:
		who = "the next " + group(left) + " deliveries"
	}
	if !f.Filter.Empty() {
		who += " that fits " + f.Filter.String()
		if left > 1 {
			who = strings.Replace(who, " fits ", " fit ", 1)
		}
	}
	return who + ": " + what
}
