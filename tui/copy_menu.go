package tui

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
)

// copyMenu offers parts of the chosen events to copy.
func (m *model) copyMenu() tea.Cmd {
	if m.focus == paneApp {
		return m.copyOfApp()
	}
	return m.onChosen("copy", m.offerCopies)
}

// part is a part of an event that can be copied.
type part struct {
	key, name string
	text      func(*event.Event) (string, error)
}

func (m *model) offerCopies(ns []int64) tea.Cmd {
	mn := &menu{title: "copy of " + eventWords(ns)}
	if path, value, ok := m.detail.Cursor(); ok && m.focus == paneDetail {
		mn.add("v", "the value at the cursor", func() tea.Cmd { return m.copyText("the value", value) })
		mn.add("p", "its path, "+path, func() tea.Cmd { return m.copyText("the path", path) })
	}
	parts := []part{
		{"c", "the curl command that sends it again", func(e *event.Event) (string, error) { return m.curl(e), nil }},
		{"j", "the event as JSON", m.eventJSON},
		{"b", "the body", func(e *event.Event) (string, error) { return string(e.Body), nil }},
		{"h", "the headers", func(e *event.Event) (string, error) { return m.headerText(e.Header), nil }},
		{"u", "the address on the Hub", hubURL},
	}
	for _, p := range parts {
		m.addCopy(mn, ns, p)
	}
	if len(ns) == 1 {
		m.addCopiesOfAnswers(mn, ns[0])
	}
	mn.add("w", "the public URL of this session", func() tea.Cmd { return m.copyText("the public URL", m.header.status.URL) })
	if id := m.header.status.WebhookID; id != "" {
		mn.add("i", "the webhook's id, "+id, func() tea.Cmd { return m.copyText("the webhook's id", id) })
	}
	mn.add("s", "show the curl command below this screen, to select it by hand", func() tea.Cmd {
		return m.withEvent(ns[0], func(e *event.Event) tea.Cmd {
			return tea.Exec(&textScreen{ctx: m.work.ctx, text: m.curl(e)}, func(err error) tea.Msg {
				return actionResult{err: err}
			})
		})
	})
	m.menu = mn
	return nil
}

// addCopiesOfAnswers offers what each target answered, and with which headers.
func (m *model) addCopiesOfAnswers(mn *menu, n int64) {
	row := m.list.Row(n)
	if row == nil {
		return
	}
	for i, t := range row.Targets {
		if t.Tries == 0 || 2*i+1 >= len(answerKeys) {
			continue
		}
		name := present.Target(t.Name)
		answer := func(take func(*event.Attempt) string) func(*event.Event) (string, error) {
			return func(e *event.Event) (string, error) {
				for _, a := range slices.Backward(e.Attempts) {
					if event.MaskURL(a.Target) == t.Name {
						return take(&a), nil
					}
				}
				return "", fmt.Errorf("%s has not answered", name)
			}
		}
		m.addCopy(mn, []int64{n}, part{answerKeys[2*i : 2*i+1], "the answer of " + name, answer(func(a *event.Attempt) string { return string(a.Body) })})
		m.addCopy(mn, []int64{n}, part{answerKeys[2*i+1 : 2*i+2], "the headers of that answer", answer(func(a *event.Attempt) string { return m.headerText(a.Header) })})
	}
}

// answerKeys are the keys of the answer and the headers of each target.
const answerKeys = "aA1!2@3#4$5%6^7&"

// addCopy offers a part of some events. Those of several are copied one below the other.
func (m *model) addCopy(mn *menu, ns []int64, p part) {
	mn.add(p.key, p.name, func() tea.Cmd {
		if m.cfg.Feed.Get == nil {
			return m.showUnavailable()
		}
		get := m.cfg.Feed.Get
		return m.work.command(func(ctx context.Context) tea.Msg {
			var texts []string
			for _, n := range ns {
				e, err := get(ctx, n)
				if err != nil {
					return actionResult{err: fmt.Errorf("read #%d: %w", n, err)}
				}
				text, err := p.text(e)
				if err != nil {
					return actionResult{err: fmt.Errorf("#%d: %w", n, err)}
				}
				texts = append(texts, text)
			}
			return actionResult{then: func() tea.Cmd { return m.copyText(p.name+" ("+eventWords(ns)+")", strings.Join(texts, "\n")) }}
		})
	})
}

// headerText is headers as HTTP writes them, without secrets.
func (m *model) headerText(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, m.cfg.Secrets.MaskHeader(name, value))
		}
	}
	return b.String()
}

// curl is the command that sends an event to its first target, or else to the public
// address.
func (m *model) curl(e *event.Event) string {
	to := m.header.status.URL
	if len(e.Targets) > 0 {
		to = e.Targets[0]
	}
	return m.cfg.Secrets.Mask(event.Curl(e, to))
}

// eventJSON is an event as its JSON line, with indents.
func (m *model) eventJSON(e *event.Event) (string, error) {
	line, err := e.JSONLine(event.LineEvent)
	if err != nil {
		return "", err
	}
	line = m.cfg.Secrets.MaskBody(line)
	if text, ok := present.Indent(line); ok {
		return string(text), nil
	}
	return string(line), nil
}
