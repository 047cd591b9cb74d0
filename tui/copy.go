package tui

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/muesli/cancelreader"
)

// copyMenu offers what of an event can be copied.
func (m *model) copyMenu() tea.Cmd {
	row := m.selectedRow()
	if row == nil {
		m.say("select an event first")
		return nil
	}
	mn := &menu{title: "copy of #" + fmt.Sprint(row.N)}
	if m.focus == paneDetail && m.detail.onTree() {
		t, n := m.detail.tree, m.detail.tree.at()
		value := string(t.text[n.start:n.end])
		if n.kind == nodeString {
			value = unquote(t.text[n.start:n.end])
		}
		mn.add("v", "the value at the cursor", func(m *model) tea.Cmd { return m.copyText("the value", value) })
		mn.add("p", "its path, "+t.path(n), func(m *model) tea.Cmd { return m.copyText("the path", t.path(n)) })
	}
	for _, c := range []struct {
		key, name string
		make      func(*event.Event) (string, error)
	}{
		{"c", "the curl command that sends it again", func(e *event.Event) (string, error) { return m.cfg.Secrets.Mask(event.Curl(e, m.sendTo(e))), nil }},
		{"j", "the event as JSON", func(e *event.Event) (string, error) { return eventJSON(e, m.cfg.Secrets) }},
		{"b", "its body", func(e *event.Event) (string, error) { return string(e.Body), nil }},
		{"u", "its address on the Hub", hubURL},
	} {
		mn.add(c.key, c.name, func(m *model) tea.Cmd {
			return m.withEvent(row.N, func(m *model, e *event.Event) tea.Cmd {
				text, err := c.make(e)
				if err != nil {
					m.fail(err)
					return nil
				}
				return m.copyText(c.name, text)
			})
		})
	}
	mn.add("s", "show the curl command below this screen, to select it by hand", func(m *model) tea.Cmd {
		return m.withEvent(row.N, func(m *model, e *event.Event) tea.Cmd {
			m.running++
			return tea.Exec(&printed{ctx: m.work.ctx, text: m.cfg.Secrets.Mask(event.Curl(e, m.sendTo(e)))}, func(err error) tea.Msg {
				return done{err: err}
			})
		})
	})
	m.menu = mn
	return nil
}

// sendTo gives where a copy of an event goes: its first target, else the public
// address.
func (m *model) sendTo(e *event.Event) string {
	if len(e.Targets) > 0 {
		return e.Targets[0]
	}
	return m.header.status.URL
}

func eventJSON(e *event.Event, secrets event.Secrets) (string, error) {
	line, err := e.JSONLine(event.LineEvent)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = json.Indent(&b, secrets.MaskBody(line), "", "  ")
	return b.String(), err
}

// hubURL finds the narrowest thing of a payload that has an address: a comment,
// its discussion, the repo.
func hubURL(e *event.Event) (string, error) {
	type place struct {
		URL struct {
			Web string `json:"web"`
		} `json:"url"`
	}
	var p struct {
		Comment, Discussion, Repo place
	}
	_ = json.Unmarshal(e.Body, &p) // a body of another shape has no address
	for _, at := range []place{p.Comment, p.Discussion, p.Repo} {
		if at.URL.Web != "" {
			return at.URL.Web, nil
		}
	}
	return "", errors.New("the payload names no address on the Hub")
}

// withEvent does something with a whole event, once it is read.
func (m *model) withEvent(n int64, do func(*model, *event.Event) tea.Cmd) tea.Cmd {
	if m.cfg.Feed.Get == nil {
		return m.notHere()
	}
	m.running++
	get := m.cfg.Feed.Get
	return m.work.do(func(ctx ctx) tea.Msg {
		e, err := get(ctx, n)
		if err != nil {
			return done{err: fmt.Errorf("read #%d: %w", n, err)}
		}
		return done{then: func(m *model) tea.Cmd { return do(m, e) }}
	})
}

// maxClipboard is what terminals take for their clipboard, in bytes: xterm's
// limit of 100,000 after base64.
const maxClipboard = 74_000

// copyText puts text into the clipboards: the terminal's, which works through
// SSH, and this machine's, where there is one. A terminal does not say whether
// it did.
func (m *model) copyText(what, s string) tea.Cmd {
	var cmds []tea.Cmd
	if len(s) <= maxClipboard {
		cmds = append(cmds, tea.SetClipboard(s))
	} else if m.cfg.Actions.Copy == nil {
		m.fail(fmt.Errorf("copy %s: %s are more than a terminal takes; s saves it", what, byteSize(int64(len(s)))))
		return nil
	}
	m.say("copied " + what + ", " + byteSize(int64(len(s))))
	if local := m.cfg.Actions.Copy; local != nil {
		m.running++
		words, terminal := m.note.text, len(cmds) > 0
		cmds = append(cmds, m.work.do(func(ctx ctx) tea.Msg {
			// On a machine without a clipboard the terminal's is all there is.
			err := local(ctx, s)
			if err != nil && !terminal {
				return done{err: fmt.Errorf("copy %s: %w; s saves it", what, err)}
			}
			if err != nil {
				words += " (by the terminal: this machine has no clipboard)"
			}
			return done{text: words}
		}))
	}
	return tea.Batch(cmds...)
}

// printed shows text on the terminal's own screen until enter is pressed or the
// session ends: the way out for terminals that copy nothing.
type printed struct {
	ctx  ctx
	text string
	in   io.Reader
	out  io.Writer
}

// SetStdin is called with the terminal.
func (p *printed) SetStdin(r io.Reader) { p.in = r }

// SetStdout is called with the terminal.
func (p *printed) SetStdout(w io.Writer) { p.out = w }

// SetStderr is not needed.
func (p *printed) SetStderr(io.Writer) {}

// Run prints and waits.
func (p *printed) Run() error {
	if _, err := fmt.Fprintf(p.out, "\n%s\n\n(enter goes back)\n", strings.ReplaceAll(term.Text(p.text), "\n", "\r\n")); err != nil {
		return err
	}
	in, err := cancelreader.NewReader(p.in)
	if err != nil {
		return err
	}
	defer in.Close()
	stop := context.AfterFunc(p.ctx, func() { in.Cancel() })
	defer stop()
	_, err = bufio.NewReader(in).ReadString('\n')
	if errors.Is(err, io.EOF) || errors.Is(err, cancelreader.ErrCanceled) {
		return nil
	}
	return err
}

// saveMenu offers the forms in which the chosen events can be saved.
func (m *model) saveMenu() tea.Cmd {
	ns := m.chosenOr()
	if ns == nil {
		return nil
	}
	if m.cfg.Actions.Save == nil {
		return m.notHere()
	}
	mn := &menu{title: "save " + eventWords(ns)}
	for _, f := range []struct {
		key, name string
		format    Format
	}{
		{"j", "as JSON, all that is known of it", FormatJSON},
		{"n", "as NDJSON, a line an event", FormatNDJSON},
		{"f", "as a fixture: the body alone, byte for byte", FormatFixture},
	} {
		mn.add(f.key, f.name, func(m *model) tea.Cmd {
			save := m.cfg.Actions.Save
			return m.act("save "+eventWords(ns), func(ctx ctx) (string, error) { return save(ctx, ns, f.format) })
		})
	}
	m.menu = mn
	return nil
}

// open shows what an event is about in the browser.
func (m *model) open() tea.Cmd {
	row := m.selectedRow()
	if row == nil {
		m.say("select an event first")
		return nil
	}
	if m.cfg.Actions.Open == nil {
		return m.notHere()
	}
	return m.withEvent(row.N, func(m *model, e *event.Event) tea.Cmd {
		url, err := hubURL(e)
		if err != nil {
			m.fail(err)
			return nil
		}
		open := m.cfg.Actions.Open
		return m.act("open "+url, func(ctx ctx) (string, error) {
			said, err := open(ctx, url)
			if errors.Is(err, exec.ErrNotFound) {
				return "no browser here: c, then u copies the address", nil
			}
			return said, err
		})
	})
}
