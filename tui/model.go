package tui

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/tui/detail"
	"github.com/hf-tap/hf-tap/tui/line"
	"github.com/hf-tap/hf-tap/tui/list"
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

	list   *list.List
	detail *detail.Detail
	app    *appPane
	header header
	loops  loopWatch

	focus  pane
	prompt *prompt
	menu   *menu
	help   *line.Scroller // the help screen, while it is open
	note   note
	search string // the last phrase that was searched for
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
	if cfg.Mask == nil {
		cfg.Mask = func(s string) string { return s }
	}
	m := &model{
		cfg: cfg, work: w, list: list.New(cfg.Zone, cfg.Now, cfg.Mask), detail: detail.New(cfg.Zone),
		app: &appPane{zone: cfg.Zone, follow: true}, header: header{zone: cfg.Zone},
	}
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
			cmd = m.onPrompt(m.prompt.Paste(msg.Content))
		}
	case tea.MouseClickMsg:
		cmd = m.click(msg.Mouse())
	case wheelMsg:
		m.wheel(msg)
	case changes:
		cmd = m.take(msg)
	case detail.Prepared:
		m.detail.Set(msg)
	case detail.Result:
		cmd = m.onDetail(m.detail.Finish(msg), nil)
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
	return m, tea.Batch(cmd, m.showSelected())
}

// say puts a line at the foot, and an error into the log.
func (m *model) say(text string) { m.note = note{text: text} }

func (m *model) fail(err error) {
	m.note = note{m.cfg.Mask(event.MaskText(err.Error())), true}
	if m.cfg.Log != nil {
		m.cfg.Log.Warn("the interface", "error", err)
	}
}

// selectedRow gives the selected event, nil when a state or nothing is selected.
func (m *model) selectedRow() *event.Row {
	return m.list.SelectedRow()
}

// showSelected shows the selected event in the detail, as wide as that is.
func (m *model) showSelected() tea.Cmd {
	row, w := m.selectedRow(), m.layout().detail.w
	if row == nil || w == 0 {
		return nil
	}
	subject := detail.Subject{N: row.N, Rev: row.Rev, Width: w}
	if m.detail.Tab() == detail.Diff {
		if base, reason := m.compareWith(row); base != nil {
			subject.Base, subject.BaseRev, subject.BaseReason = base.N, base.Rev, reason
		}
	}
	prepare := m.detail.Show(subject, m.cfg.Feed.Get)
	if prepare == nil {
		return nil
	}
	return m.work.do(func(ctx ctx) tea.Msg { return prepare(ctx) })
}

// onDetail does what a key or a click asked of the detail.
func (m *model) onDetail(intent detail.Intent, task detail.Task) tea.Cmd {
	switch intent {
	case detail.Leave:
		m.focusOn(paneList)
	case detail.NotFound:
		m.sayNotFound()
	}
	if task == nil {
		return nil
	}
	return m.work.do(func(ctx) tea.Msg { return task() })
}

func (m *model) sayNotFound() { m.say(`"` + m.search + `" is not there`) }

// compareWith chooses the event that one is compared with: the last pinned one of its
// kind, else the one that it repeats, else the previous one of its kind. reason says
// which.
func (m *model) compareWith(row *event.Row) (base *event.Row, reason string) {
	for _, n := range slices.Backward(m.pins) {
		if pinned := m.list.Row(n); pinned != nil && n != row.N && pinned.Kind == row.Kind {
			return pinned, "pinned"
		}
	}
	if original := m.list.Row(row.ReplayOf); original != nil {
		return original, "which this one repeats"
	}
	return m.list.Previous(row.N), "the one before of its kind"
}
