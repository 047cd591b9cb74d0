package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/line"
)

// dailyLimit is how many deliveries the Hub makes for a webhook in a day. From
// dailyWarning on the header shows the limit.
const (
	dailyLimit   = 1000
	dailyWarning = 800
)

// header shows the state of the tunnel, the webhook and the targets. Alarms are above
// them. In a small window the facts of lowest rank stay.
type header struct {
	status     Status
	botWarning string // a bot answers itself; "": none does
	zone       *time.Location
	failed     int           // events
	p50, p95   time.Duration // of recent tries; 0: there were none
}

// lines returns the header in at most some lines of w cells.
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

func (h *header) clock(t time.Time) string { return t.In(h.zone).Format(time.TimeOnly) }

// rows returns all facts, by rows.
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
		host := strings.TrimPrefix(s.URL, "https://")
		host, _, _ = strings.Cut(strings.TrimPrefix(host, "http://"), "/")
		facts = append(facts, fact{rank: 4, line: line.Text(line.Strong, s.URL), late: true, brief: line.Text(line.Strong, host)})
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
		facts = append(facts, newReason(3, st, s.Tunnel.Cause))
	}
	switch c := s.Check; {
	case c.At.IsZero():
		facts = append(facts, fact{rank: 8, line: line.Text(line.Faint, "not checked yet")})
	case c.Err != "":
		failed := newReason(2, line.Alarm, "check at "+h.clock(c.At)+" failed: "+c.Err)
		failed.brief = line.Text(line.Alarm, "check FAILED")
		facts = append(facts, failed)
	default:
		facts = append(facts, fact{rank: 8, line: line.Text(line.Faint, "checked "+h.clock(c.At)+" in "+present.Duration(c.Took))})
	}
	return facts
}

func (h *header) webhookRow() []fact {
	s := &h.status
	facts := []fact{{rank: labelRank, line: line.Text(line.Faint, "webhook")}}
	if s.WebhookID == "" {
		facts = []fact{{rank: 9, line: line.Text(line.Faint, "webhook ").Add(line.Warn, "made by hand")}}
	}
	if s.Webhook.State != "" && line.StateStyle(s.Webhook.State) != line.Good {
		words := s.Webhook.State
		if s.Webhook.Cause != "" {
			words += ": " + s.Webhook.Cause
		}
		facts = append(facts, newReason(2, line.StateStyle(s.Webhook.State), words))
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
	deliveries := fact{rank: 10, line: line.Text(line.Plain, present.Count(s.Deliveries, "delivery"))}
	if s.Deliveries != 1 {
		deliveries.line = line.Text(line.Plain, present.Group(s.Deliveries)+" deliveries")
	}
	if s.Deliveries >= dailyWarning {
		deliveries.rank = 2
		deliveries.brief = line.Text(line.Warn, present.Group(s.Deliveries)+"/"+present.Group(dailyLimit)+" a day")
		deliveries.line = line.Text(line.Warn, fmt.Sprintf("%s of %s deliveries a day", present.Group(s.Deliveries), present.Group(dailyLimit)))
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
		name, rank := present.Target(t.Name)+" ", 5
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
			waiting := fmt.Sprintf(", %s waiting", present.Group(t.Queued))
			l = l.Add(line.Warn, waiting)
			short = short.Add(line.Warn, waiting)
		} else if t.Queued > 0 {
			l = l.Add(line.Plain, fmt.Sprintf(", %s queued", present.Group(t.Queued)))
		}
		facts = append(facts, fact{rank: rank, line: l, brief: short})
	}
	if h.failed > 0 {
		facts = append(facts, fact{rank: 3, line: line.Text(line.Alarm, present.Group(h.failed)+" failed")})
	}
	if h.p50 > 0 {
		facts = append(facts, fact{rank: 8, line: line.Text(line.Faint, "p50 "+present.Duration(h.p50)+"  p95 "+present.Duration(h.p95))})
	}
	return facts
}

// latencies is how many tries the percentiles are of.
const latencies = 200

// measure sets how many events failed, and the percentiles of how long tries took.
func (h *header) measure(failed int, took []time.Duration) {
	h.failed, h.p50, h.p95 = failed, 0, 0
	if n := len(took); n > 0 {
		slices.Sort(took)
		h.p50, h.p95 = took[n/2], took[min(n*95/100, n-1)]
	}
}

// targetState is the last result of a target in words, and its cause if that is not
// obvious.
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
	case event.IsCommand(t.Name) && t.Err == "":
		return "exit 0", "", line.Good
	case t.Err != "":
		return "failed", line.ShortError(t.Err), line.Warn
	}
	return "reached", "", line.Good
}

// targetStyle is the style of a status that a target answered.
func targetStyle(status int) line.Style {
	if status/100 == 2 {
		return line.Good
	}
	return line.Warn
}

// alarmRow is empty if deliveries go their normal way.
func (h *header) alarmRow() []fact {
	s := &h.status
	var facts []fact
	if s.Paused {
		words := "PAUSED"
		if !s.PausedSince.IsZero() {
			words += " since " + h.clock(s.PausedSince)
		}
		facts = append(facts, fact{rank: 0, line: line.Text(line.Warn, words).Add(line.Plain, ": "+present.Count(s.Queued, "event")+" queued"), brief: line.Text(line.Warn, fmt.Sprintf("PAUSED %d", s.Queued))})
	}
	if s.AppEnded != "" {
		facts = append(facts, fact{rank: 0, line: line.Text(line.Alarm, "APP").Add(line.Plain, " "+s.AppEnded+" at "+h.clock(s.AppEndedAt)+"  ").Add(line.Accent, "^r").Add(line.Faint, " starts it again"), brief: line.Text(line.Alarm, "APP ENDED")})
	}
	if s.Fault != nil {
		facts = append(facts, fact{rank: 0, line: line.Text(line.Warn, "FAULT").Add(line.Plain, ": "+faultWords(s.Fault, s.FaultLeft)), brief: line.Text(line.Warn, "FAULT")})
	}
	if h.botWarning != "" {
		facts = append(facts, fact{rank: 1, line: line.Text(line.Alarm, "LOOP?")}, newReason(5, line.Plain, h.botWarning), fact{rank: 6, line: line.Text(line.Accent, "esc").Add(line.Faint, " dismisses")})
	}
	return facts
}
