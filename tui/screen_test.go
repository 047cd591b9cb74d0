package tui

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("HF_TAP_TEST_STORY") != "" {
		os.Exit(story())
	}
	goleak.VerifyTestMain(m)
}

// screen drives a model as Bubble Tea does, without a terminal: it runs commands and
// sends their results, until nothing more happens.
type screen struct {
	t       *testing.T
	m       *model
	session *fakeSession
	msgs    chan tea.Msg
	sent    []tea.Msg // what went to Bubble Tea itself
}

// onScreen runs a test in a bubble, where time passes only when all wait.
func onScreen(t *testing.T, w, h int, prepare func(*fakeSession), test func(*screen)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		session := newFakeSession()
		if prepare != nil {
			prepare(session)
		}
		ctx, cancel := context.WithCancel(t.Context())
		work := &work{ctx: ctx}
		s := &screen{t: t, m: newModel(work, session.config()), session: session, msgs: make(chan tea.Msg, 10_000)}
		s.run(s.m.Init())
		s.send(tea.WindowSizeMsg{Width: w, Height: h})
		s.settle()
		test(s)
		cancel()
		work.wait()
		synctest.Wait()
	})
}

func (s *screen) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		if msg := cmd(); msg != nil {
			s.msgs <- msg
		}
	}()
}

func (s *screen) send(msg tea.Msg) {
	if batch, ok := msg.(tea.BatchMsg); ok {
		for _, cmd := range batch {
			s.run(cmd)
		}
		return
	}
	s.sent = append(s.sent, msg)
	_, cmd := s.m.Update(wheelAsLines(s.m, msg))
	s.m.View()
	s.run(cmd)
}

// settle waits until all commands have ended.
func (s *screen) settle() {
	for quiet := 0; quiet < 2; {
		synctest.Wait()
		select {
		case msg := <-s.msgs:
			s.send(msg)
			quiet = 0
		default:
			quiet++
			<-time.After(2 * time.Second) // of the bubble: the pauses between readings
		}
	}
}

// press presses keys one after another: names, or text to type.
func (s *screen) press(keys ...string) {
	for _, k := range keys {
		for _, press := range keyPresses(k) {
			s.send(press)
		}
		s.settle()
	}
}

// text is the screen without styles, and without spaces at the ends of lines.
func (s *screen) text() string {
	content, _, _ := s.m.compose()
	var lines []string
	for l := range strings.SplitSeq(ansi.Strip(content), "\n") {
		lines = append(lines, strings.TrimRight(l, " "))
	}
	return strings.Join(lines, "\n")
}

// shows fails the test unless each text is on the screen.
func (s *screen) shows(texts ...string) {
	s.t.Helper()
	screen := s.text()
	for _, want := range texts {
		if !strings.Contains(screen, want) {
			s.t.Errorf("the screen does not show %q:\n%s", want, screen)
		}
	}
}

func (s *screen) hides(texts ...string) {
	s.t.Helper()
	screen := s.text()
	for _, not := range texts {
		if strings.Contains(screen, not) {
			s.t.Errorf("the screen shows %q:\n%s", not, screen)
		}
	}
}

// did fails the test unless this was the last action.
func (s *screen) did(want string) {
	s.t.Helper()
	said := s.session.actions()
	if len(said) == 0 || !strings.Contains(said[len(said)-1], want) {
		s.t.Errorf("done was %q, want %q; the screen:\n%s", said, want, s.text())
	}
}

// sound fails the test if the screen is not sound.
func (s *screen) sound() {
	s.t.Helper()
	if err := soundness(s.m); err != nil {
		s.t.Fatal(err)
	}
}

// soundness returns what no screen may have: too many lines or too wide ones, a cursor
// outside, nothing selected, bytes that a terminal obeys.
func soundness(m *model) error {
	content, x, y := m.compose()
	lines := strings.Split(content, "\n")
	if m.w > 0 && m.h > 0 && len(lines) > m.h {
		return fmt.Errorf("%d lines in a window of %d", len(lines), m.h)
	}
	for i, l := range lines {
		if w := ansi.StringWidth(l); w > m.w {
			return fmt.Errorf("line %d is %d wide in a window of %d: %q", i, w, m.w, l)
		}
	}
	if m.w > 0 && m.h > 0 && (x < 0 || y < 0 || y >= m.h) {
		return fmt.Errorf("the cursor is at %d, %d in a window of %d×%d", x, y, m.w, m.h)
	}
	if m.list.Shown() > 0 && m.list.SelectedRow() == nil && m.list.SelectedState() == nil {
		return fmt.Errorf("nothing of %d events and states is selected", m.list.Shown())
	}
	return obeyed(content)
}

// obeyed returns the first part of a text that a terminal would obey, except styles.
func obeyed(content string) error {
	if !utf8.ValidString(content) {
		return fmt.Errorf("bytes that are no text: %q", content)
	}
	for i, r := range content {
		if r == 0x1b {
			end := strings.IndexByte(content[i:], 'm')
			if end < 0 || strings.Trim(content[i+1:i+end], "[0123456789;") != "" {
				return fmt.Errorf("a sequence that is no style: %.20q", content[i:])
			}
			continue
		}
		if r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return fmt.Errorf("U+%04X is on the screen: %.20q", r, content[i:])
		}
	}
	return nil
}
