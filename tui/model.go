package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/tui/detail"
	"github.com/hf-tap/hf-tap/tui/input"
	"github.com/hf-tap/hf-tap/tui/list"
)

// pane is a part of the screen that keys go to.
type pane int

const (
	paneList pane = iota
	paneDetail
	paneApp
)

// model is the state of the interface. Update routes a message to a part; View composes
// what the parts draw.
type model struct {
	cfg  Config
	work *work
	w, h int // of the window

	list   *list.List
	detail *detail.Detail
	app    *appPane
	header header
	bots   botWatch

	focus   pane
	prompt  *prompt // while it is open
	menu    *menu   // while it is open
	page    *page   // while it is open
	note    note
	notes   []note // those that were shown
	search  string // the last phrase that was searched for
	mouse   bool   // the mouse works here
	foreign bool   // another program had the terminal
	zoom    int    // of the panes: see layout

	bodySearch   bodySearch
	readingOlder bool
	noOlder      bool    // all older events are in the list
	pins         []int64 // the numbers of pinned events, the last one pinned last
	actions      int     // how many are under way
	arrived      arrival
}

// arrival is when the selection went to an event because it arrived.
type arrival struct {
	n  int64
	at time.Time
}

// prompt is an open prompt, and what to do with its text.
type prompt struct {
	*input.Prompt
	changed func() tea.Cmd // may be nil
	accept  func(text string) tea.Cmd
	cancel  func() tea.Cmd // may be nil
}

// bodySearch is the search in the bodies of events whose rows cannot decide whether the
// filter matches.
type bodySearch struct {
	filterID int // counts filters
	running  bool
	batch    int // how many events are being read
	decided  int // how many were read
	cancel   context.CancelFunc
}

func newModel(w *work, cfg Config) *model {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	m := &model{
		cfg: cfg, work: w, list: list.New(cfg.Zone, cfg.Now, cfg.Secrets.Mask), detail: detail.New(cfg.Zone, cfg.Secrets),
		app: &appPane{zone: cfg.Zone, follow: true}, header: header{zone: cfg.Zone},
	}
	m.header.status = cfg.Status()
	return m
}

// showError shows an error at the foot, and logs it.
func (m *model) showError(err error) {
	m.addNote(note{text: m.cfg.Secrets.Mask(event.MaskText(err.Error())), bad: true})
	if m.cfg.Log != nil {
		m.cfg.Log.Warn("the interface", "error", err)
	}
}

// focusOn sets the pane that keys go to. While an event is read, the list does not
// follow new events.
func (m *model) focusOn(p pane) {
	if m.focus = p; p == paneApp {
		m.app.unseen = 0
	}
	m.list.Hold(p == paneDetail)
}

// openTab opens a tab of the selected event.
func (m *model) openTab(t detail.Tab) {
	m.detail.SetTab(t)
	m.focusOn(paneDetail)
}
