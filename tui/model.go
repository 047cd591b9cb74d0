package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/tui/detail"
	"github.com/hf-tap/hf-tap/tui/line"
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

	focus  pane
	prompt *prompt        // while it is open
	menu   *menu          // while it is open
	help   *line.Scroller // while it is open
	note   note
	search string // the last phrase that was searched for
	mouse  bool   // the mouse works here

	bodySearch   bodySearch
	readingOlder bool
	noOlder      bool    // all older events are in the list
	pins         []int64 // the numbers of pinned events, the last one pinned last
}

// note is the result of the last action. It stays at the foot until the next key.
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
	m := &model{
		cfg: cfg, work: w, list: list.New(cfg.Zone, cfg.Now, cfg.Secrets.Mask), detail: detail.New(cfg.Zone, cfg.Secrets),
		app: &appPane{zone: cfg.Zone, follow: true}, header: header{zone: cfg.Zone},
	}
	m.header.status = cfg.Status()
	return m
}

// Init begins to read the feed.
func (m *model) Init() tea.Cmd { return m.readFeed(0, false) }

// Update routes a message.
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
	case feedUpdate:
		cmd = m.applyFeed(msg)
	case detail.Prepared:
		m.detail.Set(msg)
	case detail.Result:
		cmd = m.onDetail(m.detail.Finish(msg), nil)
	case searchResult:
		cmd = m.applySearch(msg)
	case olderResult:
		m.addOlder(msg)
	case botFound:
		m.showBot(msg)
	case actionResult:
		cmd = m.finishAction(msg)
	case editorResult:
		cmd = m.finishEdit(msg)
	}
	return m, tea.Batch(cmd, m.showSelected())
}

// showNote shows a text at the foot.
func (m *model) showNote(text string) { m.note = note{text: text} }

// showError shows an error at the foot, and logs it.
func (m *model) showError(err error) {
	m.note = note{m.cfg.Secrets.Mask(event.MaskText(err.Error())), true}
	if m.cfg.Log != nil {
		m.cfg.Log.Warn("the interface", "error", err)
	}
}
