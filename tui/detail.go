package tui

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/tui/line"
)

// The detail's tabs.
const (
	tabPayload = iota
	tabRequest
	tabAttempts
	tabTimeline
	tabDiff
	tabCount
)

var tabNames = [tabCount]string{"Payload", "Request", "Attempts", "Timeline", "Diff"}

// view is what the detail shows: an event at a revision, laid out for a width.
// A change of any of them asks for another preparation.
type view struct {
	n, rev int64
	width  int
	base   int64 // what Diff compares with
	baseAt int64 // its revision
}

// detail shows one event in its tabs. Everything that is laid out is made ready
// by a command; until then the first line says what is being read.
type detail struct {
	zone    *time.Location
	tab     int
	want    view // what was asked for last
	have    view // what is shown
	pending bool // what is wanted has not been asked for yet
	event   *event.Event
	err     error
	tree    *tree       // of a body that is JSON
	busy    bool        // a long operation on the tree is under way
	task    func(*tree) // one that is about to begin
	panes   [tabCount]line.Scroller
	search  string
}

// prepared is what a command has made ready.
type prepared struct {
	view  view
	event *event.Event
	err   error
	tree  *tree
	panes [tabCount]line.Rows
}

// shownBody is a body that is shown already. It does not change, so that its
// tree and folds are kept when the event does.
type shownBody struct {
	n     int64
	bytes []byte
	tree  bool
}

// prepare reads an event and lays it out. why says how the event that Diff
// compares with was chosen.
func prepare(ctx context.Context, get func(context.Context, int64) (*event.Event, error), v view, why string, zone *time.Location, shown shownBody) tea.Msg {
	e, err := get(ctx, v.n)
	if err != nil {
		return prepared{view: v, err: err}
	}
	e = e.Masked()
	p := prepared{view: v, event: e}
	isTree := false
	if shown.n == e.N && len(shown.bytes) == len(e.Body) {
		e.Body, isTree = shown.bytes, shown.tree // the tree points into it
	} else if len(e.Body) > 0 && json.Valid(e.Body) {
		p.tree, isTree = newTree(e.Body), true
	}
	switch {
	case isTree:
	case len(e.Body) == 0:
		p.panes[tabPayload] = line.WrapAll([]line.Line{line.Text(line.Faint, "the body is empty")}, v.width)
	case !isText(e.Body[:min(len(e.Body), 64<<10)]):
		p.panes[tabPayload] = newHexRows(e.Body, v.width)
	default:
		p.panes[tabPayload] = line.WrapAll(bodyLines(e.Body, e.Header.Get("Content-Type")), v.width)
	}
	var base *event.Event
	if v.base != 0 {
		if base, err = get(ctx, v.base); err != nil {
			base, why = nil, ""
		} else {
			base = base.Masked()
		}
	}
	p.panes[tabRequest] = line.WrapAll(requestLines(e, zone), v.width)
	p.panes[tabAttempts] = line.WrapAll(attemptLines(e, zone), v.width)
	p.panes[tabTimeline] = line.WrapAll(timelineLines(e, zone), v.width)
	p.panes[tabDiff] = line.WrapAll(diffLines(e, base, why), v.width)
	return p
}

// set takes what was made ready, unless something else is wanted by now.
func (d *detail) set(p prepared) {
	if p.view != d.want {
		return
	}
	same := d.have.n == p.view.n
	d.have, d.err = p.view, p.err
	if p.err != nil {
		d.event, d.tree = nil, nil
		return
	}
	if !same || p.tree != nil {
		d.tree, d.busy, d.task = p.tree, false, nil
	}
	d.event = p.event
	for i, r := range p.panes {
		if !same {
			d.panes[i] = line.Scroller{}
		}
		d.panes[i].SetRows(r)
	}
}

// shown gives the body that is shown.
func (d *detail) shown() shownBody {
	if d.event == nil {
		return shownBody{}
	}
	return shownBody{d.event.N, d.event.Body, d.tree != nil}
}

// onTree reports whether keys go to the tree.
func (d *detail) onTree() bool { return d.tab == tabPayload && d.tree != nil && d.ready() }

// ready reports whether what is wanted is shown, or an older revision of it.
func (d *detail) ready() bool { return d.err == nil && d.event != nil && d.have.n == d.want.n }

func (d *detail) move(by int) {
	if d.onTree() {
		d.tree.move(by)
		return
	}
	d.panes[d.tab].Move(by)
}

// find searches what the tab shows.
func (d *detail) find(back bool) bool {
	if d.search == "" || !d.ready() {
		return true
	}
	return d.panes[d.tab].Find(d.search, back)
}

// heading gives the line of tabs, and where each begins and ends, for clicks.
func (d *detail) heading(w int, focused bool) (line.Line, [tabCount][2]int) {
	var at [tabCount][2]int
	name := fmt.Sprintf("#%d ", d.want.n)
	l := line.Text(line.Accent, name)
	x := line.Width(name)
	room := w - x
	full := 0
	for _, t := range tabNames {
		full += len(t) + 2
	}
	for i, t := range tabNames {
		if room < full && i != d.tab {
			t = t[:1]
		}
		st := line.Faint
		t = " " + t + " "
		if i == d.tab {
			st = line.Strong
			if focused {
				st = line.Chosen
			}
		}
		at[i] = [2]int{x, x + len(t)}
		x += len(t)
		l = l.Add(st, t)
	}
	return l, at
}

// render gives the lines below the tabs: the content, and where in it one is.
func (d *detail) render(w, h int, focused bool) (out []string, cursor int) {
	switch {
	case d.err != nil && d.have.n == d.want.n:
		return []string{line.Text(line.Alarm, "cannot be read: "+d.err.Error()).Render(w, line.Plain)}, 0
	case !d.ready():
		return []string{line.Text(line.Faint, fmt.Sprintf("reading #%d …", d.want.n)).Render(w, line.Plain)}, 0
	}
	foot := d.foot()
	body := h
	if foot != nil && h > 2 {
		body--
	}
	if d.onTree() {
		out, cursor = d.tree.render(w, body, focused)
	} else {
		out, cursor = d.panes[d.tab].Render(w, body, focused)
	}
	if body < h {
		for len(out) < body {
			out = append(out, "")
		}
		out = append(out, foot.Render(w, line.Plain))
	}
	return out, cursor
}

// foot says where the cursor is.
func (d *detail) foot() line.Line {
	switch {
	case d.onTree() && d.busy:
		return line.Text(line.Warn, "working …")
	case d.onTree():
		l := line.Text(line.Accent, d.tree.path(d.tree.at()))
		if lt := d.tree.rowsOf(d.tree.sel); lt != nil {
			l = l.Add(line.Faint, fmt.Sprintf("  line %s of %s", line.Group(max(d.tree.selRow, 1)), line.Group(lt.count())))
		}
		return l
	}
	p := &d.panes[d.tab]
	if p.Count() == 0 {
		return nil
	}
	l := line.Text(line.Faint, fmt.Sprintf("line %s of %s", line.Group(p.Selected()+1), line.Group(p.Count())))
	if d.tab == tabPayload && d.event != nil {
		l = l.Add(line.Warn, cutWords(d.event))
	}
	return l
}
