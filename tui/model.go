package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
)

// pane is a part of the screen that keys can go to.
type pane int

const (
	paneList pane = iota
	paneDetail
	paneApp
)

// model is the interface's state. Update routes a message to the part that it
// is for; View puts the parts' lines together.
type model struct {
	cfg  Config
	work *work
	w, h int

	store  *store
	list   *list
	detail *detail
	app    *appPane
	header header
	loops  loopWatch

	focus  pane
	prompt *prompt
	menu   *menu
	help   *scroller // the help screen, while it is open
	note   note
	mouse  bool

	reading   bool // older events are being read
	exhausted bool // there are none
	scan      scan
	running   int // actions under way
	pins      []int64
}

// note is the line at the foot that says what came of the last thing done. It
// stays until the next key.
type note struct {
	text string
	bad  bool
}

func newModel(w *work, cfg Config) *model {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	s := newStore()
	m := &model{
		cfg: cfg, work: w, store: s, list: newList(s, cfg.Zone), detail: &detail{zone: cfg.Zone},
		app: &appPane{zone: cfg.Zone, follow: true}, header: header{zone: cfg.Zone},
	}
	m.list.now, m.list.mask = cfg.Now, cfg.Secrets.Mask
	m.header.status = cfg.Status()
	return m
}

// Init begins to read the feed.
func (m *model) Init() tea.Cmd { return m.pull(0) }

// Update takes one message.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
	case tea.KeyPressMsg:
		cmd = m.key(msg)
	case tea.PasteMsg:
		if m.prompt != nil {
			m.prompt.in.insert(msg.Content)
			cmd = m.prompt.edited(m)
		}
	case tea.MouseClickMsg:
		cmd = m.click(msg.Mouse())
	case wheelMsg:
		m.wheel(msg)
	case changes:
		cmd = m.take(msg)
	case prepared:
		m.detail.set(msg)
	case treeReady:
		m.treeReady(msg)
	case scanned:
		cmd = m.takeScanned(msg)
	case olderRows:
		m.takeOlder(msg)
	case looped:
		m.takeLoop(msg)
	case done:
		cmd = m.takeDone(msg)
	case edited:
		cmd = m.takeEdited(msg)
	}
	m.sizeDetail()
	return m, tea.Batch(cmd, m.prepareDetail())
}

// say puts a line at the foot, and an error into the log.
func (m *model) say(text string) { m.note = note{text: text} }

func (m *model) fail(err error) {
	m.note = note{m.cfg.Secrets.Mask(event.MaskText(err.Error())), true}
	if m.cfg.Log != nil {
		m.cfg.Log.Warn("the interface", "error", err)
	}
}

// selectedRow gives the selected event, nil when a state or nothing is selected.
func (m *model) selectedRow() *event.Row {
	if e := m.list.selected(); e != nil {
		return e.row
	}
	return nil
}

// sizeDetail says what the detail should show: the selected event, as wide as
// the detail is.
func (m *model) sizeDetail() {
	l := m.layout()
	row := m.selectedRow()
	if row == nil || l.detail.w == 0 {
		return
	}
	want := view{n: row.N, rev: row.Rev, width: l.detail.w}
	if m.detail.tab == tabDiff {
		if base, _ := m.compareWith(row); base != nil {
			want.base, want.baseAt = base.N, base.Rev
		}
	}
	m.detail.pending = want != m.detail.want
	m.detail.want = want
}

// prepareDetail makes ready what the detail should show.
func (m *model) prepareDetail() tea.Cmd {
	d := m.detail
	if !d.pending || m.cfg.Feed.Get == nil {
		return nil
	}
	d.pending = false
	v, shown, zone, get := d.want, d.shown(), m.cfg.Zone, m.cfg.Feed.Get
	why, secrets := "", m.cfg.Secrets
	if row := m.selectedRow(); row != nil {
		_, why = m.compareWith(row)
	}
	return m.work.do(func(ctx ctx) tea.Msg { return prepare(ctx, get, v, why, zone, shown, secrets) })
}

// compareWith chooses what an event is compared with: the latest pinned one of
// its kind, what it repeats, the one before of its kind.
func (m *model) compareWith(row *event.Row) (*event.Row, string) {
	for i := len(m.pins) - 1; i >= 0; i-- {
		if e := m.store.get(m.store.byN[m.pins[i]]); e != nil && e.row != nil && e.row.N == m.pins[i] && e.row.N != row.N && e.row.Kind == row.Kind {
			return e.row, "pinned"
		}
	}
	if number, ok := m.store.byN[row.ReplayOf]; ok && row.ReplayOf != 0 {
		return m.store.get(number).row, "which this one repeats"
	}
	if number, ok := m.store.byN[row.N]; ok {
		if before := m.store.before(number); before != nil {
			return before, "the one before of its kind"
		}
	}
	return nil, ""
}
