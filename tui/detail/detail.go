// Package detail is the pane that shows one event in tabs: its payload as a JSON
// tree that folds, its request, its attempts, its timeline, and its difference to an
// earlier event.
//
// Work that may take long is a function for the caller to run in a command. Until its
// result is back, the pane shows what it has.
package detail

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/jsontext"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/line"
)

// Tab is a tab of the pane. To add one, add it here, to tabNames, and to
// preparation.run; and its key to the help of tui.
type Tab int

// The tabs.
const (
	Payload Tab = iota
	Request
	Attempts
	Timeline
	Diff
	Tabs int = iota // the number of tabs
)

var tabNames = [Tabs]string{"Payload", "Request", "Attempts", "Timeline", "Diff"}

// Subject is an event to show. A change of any field lays it out again.
type Subject struct {
	N, Rev        int64
	Width         int    // of the pane, in cells
	Base, BaseRev int64  // the event that Diff compares with; 0: none
	BaseReason    string // how Base was chosen, in words
	raw           bool   // bodies are shown as they came
	whole         bool   // Diff shows long values whole
	pathHints     int    // how many were known
}

// Detail is the pane. It needs New.
type Detail struct {
	zone    *time.Location
	secrets event.Secrets
	paths   pathHints
	tab     Tab
	want    Subject // the last one that was asked for
	have    Subject // the one that is shown
	event   *event.Event
	err     error
	tree    *tree // of a body that is JSON
	busy    bool  // a task works on a copy of the tree
	panes   [Tabs]line.Scroller
	phrase  string // that was searched for
	raw     bool   // bodies are shown as they came
	whole   bool   // Diff shows long values whole
}

// New returns a pane that shows times in a zone. Secrets are masked in all tabs.
func New(zone *time.Location, secrets event.Secrets) *Detail {
	return &Detail{zone: zone, secrets: secrets}
}

// SetPathHint keeps what a target has said of its paths, for attempts at a wrong one.
func (d *Detail) SetPathHint(target, hint string) {
	paths := maps.Clone(d.paths) // tasks read the earlier ones
	if paths == nil {
		paths = pathHints{}
	}
	paths[target], d.paths = hint, paths
}

// Get reads an event with its bodies.
type Get func(ctx context.Context, n int64) (*event.Event, error)

// Show sets what the pane is to show. If that is new, it returns the function that
// reads it, whose result goes to Set.
func (d *Detail) Show(s Subject, get Get) func(ctx context.Context) Prepared {
	s.pathHints, s.raw, s.whole = len(d.paths), d.raw, d.whole
	if s == d.want {
		return nil
	}
	d.want = s
	if get == nil {
		return nil
	}
	p := preparation{subject: s, get: get, zone: d.zone, secrets: d.secrets, paths: d.paths}
	if d.event != nil {
		p.shown, p.shownN, p.shownTree = d.event.Body, d.event.N, d.tree != nil
	}
	return p.run
}

// Set shows what was prepared, unless another subject was asked for since.
func (d *Detail) Set(p Prepared) {
	if p.subject != d.want {
		return
	}
	same := d.have.N == p.subject.N
	d.have, d.err = p.subject, p.err
	if p.err != nil {
		d.event, d.tree = nil, nil
		return
	}
	if !same || p.tree != nil {
		d.tree, d.busy = p.tree, false
	}
	d.event = p.event
	for i, r := range p.panes {
		if !same {
			d.panes[i] = line.Scroller{}
		}
		d.panes[i].SetRows(r)
	}
}

// Tab is the tab that is open.
func (d *Detail) Tab() Tab { return d.tab }

// ToggleRaw shows bodies as they came, or laid out for reading again.
func (d *Detail) ToggleRaw() { d.raw = !d.raw }

// Raw reports whether bodies are shown as they came.
func (d *Detail) Raw() bool { return d.raw }

// Body returns the body that is read, and a name for it: the last answer in the tab of
// attempts, else the payload. JSON has indents, unless bodies are shown as they came. The
// text is not safe for a terminal.
func (d *Detail) Body() (text, name string, ok bool) {
	if !d.ready() {
		return "", "", false
	}
	body, name := d.event.Body, fmt.Sprintf("event-%d", d.event.N)
	if d.tab == Attempts {
		if len(d.event.Attempts) == 0 {
			return "", "", false
		}
		body, name = d.event.Attempts[len(d.event.Attempts)-1].Body, name+"-answer"
	}
	ending := ".txt"
	if indented, isJSON := present.Indent(body); isJSON {
		if ending = ".json"; !d.raw {
			body = indented
		}
	}
	return string(body), name + ending, true
}

// SetTab opens a tab.
func (d *Detail) SetTab(t Tab) { d.tab = t }

// OnTree reports whether the pane shows a JSON tree.
func (d *Detail) OnTree() bool { return d.tab == Payload && d.tree != nil && !d.have.raw && d.ready() }

// ready reports whether the event that was asked for is shown, at any revision.
func (d *Detail) ready() bool { return d.err == nil && d.event != nil && d.have.N == d.want.N }

// Move moves the cursor down by some rows, or up.
func (d *Detail) Move(by int) {
	if d.OnTree() {
		d.tree.move(by)
		return
	}
	d.panes[d.tab].Move(by)
}

// Cursor returns the JSON path and the value at the cursor. ok is false if the pane
// shows no tree.
func (d *Detail) Cursor() (path, value string, ok bool) {
	if !d.OnTree() {
		return "", "", false
	}
	n := d.tree.selected()
	value = string(d.tree.text[n.start:n.end])
	if n.kind == nodeString {
		value = jsontext.Unquote(d.tree.text[n.start:n.end])
	}
	return d.tree.path(n), value, true
}

// Heading returns the line of tabs. focused highlights the open one.
func (d *Detail) Heading(w int, focused bool) line.Line {
	l := line.Text(line.Accent, d.name())
	for i, label := range d.tabLabels(w) {
		st := line.Faint
		if Tab(i) == d.tab {
			st = line.Strong
			if focused {
				st = line.Chosen
			}
		}
		l = l.Add(st, label)
	}
	return l
}

// TabAt returns the tab at a column of a heading of width w.
func (d *Detail) TabAt(x, w int) (Tab, bool) {
	x -= line.Width(d.name())
	for i, label := range d.tabLabels(w) {
		if x >= 0 && x < len(label) {
			return Tab(i), true
		}
		x -= len(label)
	}
	return 0, false
}

func (d *Detail) name() string { return fmt.Sprintf("#%d ", d.want.N) }

// tabLabels returns the names of the tabs as they are shown. Where there is no room,
// only the open tab has its full name.
func (d *Detail) tabLabels(w int) (labels [Tabs]string) {
	room, full := w-line.Width(d.name()), 0
	for _, name := range tabNames {
		full += len(name) + 2
	}
	for i, name := range tabNames {
		if room < full && Tab(i) != d.tab {
			name = name[:1]
		}
		labels[i] = " " + name + " "
	}
	return labels
}

// Render returns the lines below the tabs, and which of them the cursor is on.
func (d *Detail) Render(w, h int, focused bool) (out []string, cursor int) {
	switch {
	case d.err != nil && d.have.N == d.want.N:
		return []string{line.Text(line.Alarm, "cannot be read: "+d.err.Error()).Render(w, line.Plain)}, 0
	case !d.ready():
		return []string{line.Text(line.Faint, fmt.Sprintf("reading #%d …", d.want.N)).Render(w, line.Plain)}, 0
	}
	foot := d.foot()
	body := h
	if foot != nil && h > 2 {
		body--
	}
	if d.OnTree() {
		out, cursor = d.tree.render(w, body, focused, d.phrase)
	} else {
		d.panes[d.tab].Phrase = d.phrase
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

// foot is the line that shows where the cursor is.
func (d *Detail) foot() line.Line {
	switch {
	case d.OnTree() && d.busy:
		return line.Text(line.Warn, "working …")
	case d.OnTree():
		l := line.Text(line.Accent, d.tree.path(d.tree.selected()))
		if r := d.tree.rowsOf(d.tree.sel); r != nil {
			l = l.Add(line.Faint, fmt.Sprintf("  line %s of %s", present.Group(max(d.tree.selRow, 1)), present.Group(r.count())))
		}
		return l
	}
	p := &d.panes[d.tab]
	if p.Count() == 0 {
		return nil
	}
	l := line.Line{}
	if d.have.raw && (d.tab == Payload || d.tab == Attempts) {
		l = l.Add(line.Warn, "raw  ")
	}
	l = l.Add(line.Faint, fmt.Sprintf("line %s of %s", present.Group(p.Selected()+1), present.Group(p.Count())))
	if d.tab == Payload && d.event != nil {
		l = l.Add(line.Warn, cutReason(d.event))
	}
	return l
}
