package tui

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
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
	panes   [tabCount]scroller
	search  string
}

// prepared is what a command has made ready.
type prepared struct {
	view  view
	event *event.Event
	err   error
	tree  *tree
	panes [tabCount]rows
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
func prepare(ctx context.Context, get func(context.Context, int64) (*event.Event, error), v view, why string, zone *time.Location, shown shownBody, secrets event.Secrets) tea.Msg {
	e, err := get(ctx, v.n)
	if err != nil {
		return prepared{view: v, err: err}
	}
	e = e.Masked(secrets)
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
		p.panes[tabPayload] = textRows{text(faint, "the body is empty")}
	case !isText(e.Body[:min(len(e.Body), 64<<10)]):
		p.panes[tabPayload] = newHexRows(e.Body, v.width)
	default:
		p.panes[tabPayload] = wrapRows(bodyLines(e.Body, e.Header.Get("Content-Type")), v.width)
	}
	var base *event.Event
	if v.base != 0 {
		if base, err = get(ctx, v.base); err != nil {
			base, why = nil, ""
		} else {
			base = base.Masked(secrets)
		}
	}
	p.panes[tabRequest] = wrapRows(requestLines(e, zone), v.width)
	p.panes[tabAttempts] = wrapRows(attemptLines(e, zone), v.width)
	p.panes[tabTimeline] = wrapRows(timelineLines(e, zone), v.width)
	p.panes[tabDiff] = wrapRows(diffLines(e, base, why), v.width)
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
		d.panes[i].rows = r
		if !same {
			d.panes[i].sel, d.panes[i].top = 0, 0
		}
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
	d.panes[d.tab].move(by)
}

// find searches what the tab shows.
func (d *detail) find(back bool) bool {
	if d.search == "" || !d.ready() {
		return true
	}
	return d.panes[d.tab].find(d.search, back)
}

// heading gives the line of tabs, and where each begins and ends, for clicks.
func (d *detail) heading(w int, focused bool) (line, [tabCount][2]int) {
	var at [tabCount][2]int
	name := fmt.Sprintf("#%d ", d.want.n)
	l := text(accent, name)
	x := width(name)
	room := w - x
	full := 0
	for _, t := range tabNames {
		full += len(t) + 2
	}
	for i, t := range tabNames {
		if room < full && i != d.tab {
			t = t[:1]
		}
		st := faint
		t = " " + t + " "
		if i == d.tab {
			st = strong
			if focused {
				st = chosen
			}
		}
		at[i] = [2]int{x, x + len(t)}
		x += len(t)
		l = l.add(st, t)
	}
	return l, at
}

// render gives the lines below the tabs: the content, and where in it one is.
func (d *detail) render(w, h int, focused bool) (out []string, cursor int) {
	switch {
	case d.err != nil && d.have.n == d.want.n:
		return []string{text(alarm, "cannot be read: "+d.err.Error()).render(w, plain)}, 0
	case !d.ready():
		return []string{text(faint, fmt.Sprintf("reading #%d …", d.want.n)).render(w, plain)}, 0
	}
	foot := d.foot()
	body := h
	if foot != nil && h > 2 {
		body--
	}
	if d.onTree() {
		out, cursor = d.tree.render(w, body, focused)
	} else {
		out, cursor = d.panes[d.tab].render(w, body, focused)
	}
	if body < h {
		for len(out) < body {
			out = append(out, "")
		}
		out = append(out, foot.render(w, plain))
	}
	return out, cursor
}

// foot says where the cursor is.
func (d *detail) foot() line {
	switch {
	case d.onTree() && d.busy:
		return text(warn, "working …")
	case d.onTree():
		l := text(accent, d.tree.path(d.tree.at()))
		if lt := d.tree.rowsOf(d.tree.sel); lt != nil {
			l = l.add(faint, fmt.Sprintf("  line %s of %s", group(max(d.tree.selRow, 1)), group(lt.count())))
		}
		return l
	}
	p := &d.panes[d.tab]
	if p.count() == 0 {
		return nil
	}
	l := text(faint, fmt.Sprintf("line %s of %s", group(p.sel+1), group(p.count())))
	if d.tab == tabPayload && d.event != nil {
		l = l.add(warn, cutWords(d.event))
	}
	return l
}
