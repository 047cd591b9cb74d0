package tui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
)

// editorResult is the text that came back from the editor.
type editorResult struct {
	of   *event.Event
	text []byte
	err  error
}

// editorGrace is how long an editor may take to exit when the session ends.
const editorGrace = 2 * time.Second

// edit opens an event in the user's editor. If several are marked, it asks which.
func (m *model) edit() tea.Cmd {
	switch {
	case m.cfg.Actions.Deliver == nil:
		return m.showUnavailable()
	case len(m.cfg.Editor) == 0:
		m.showError(errors.New("no editor: set VISUAL or EDITOR"))
		return nil
	}
	return m.onChosen("edit", func(ns []int64) tea.Cmd {
		if len(ns) == 1 {
			return m.editEvent(ns[0])
		}
		m.menu = &menu{title: "edit which?"}
		for _, n := range ns {
			m.menu.add("", m.eventTitle(n), func() tea.Cmd { return m.editEvent(n) })
		}
		return nil
	})
}

// eventTitle is the number of an event, its kind and what it is about.
func (m *model) eventTitle(n int64) string {
	title := fmt.Sprintf("#%d", n)
	if row := m.list.Row(n); row != nil {
		title += " " + row.Title() + " " + row.Repo + " " + row.Summary
	}
	return title
}

func (m *model) editEvent(n int64) tea.Cmd {
	return m.withEvent(n, func(e *event.Event) tea.Cmd {
		if e.BodyCut {
			m.showError(fmt.Errorf("edit #%d: only the beginning of its body was kept", e.N))
			return nil
		}
		return m.editText(e, writeDraft(e))
	})
}

// editText opens a text in the editor, which gets the screen. Events are recorded and
// delivered as before.
func (m *model) editText(of *event.Event, text []byte) tea.Cmd {
	dir, err := os.MkdirTemp("", "hf-tap-edit-") // readable by the user only
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("event-%d.http", of.N)), text, 0o600)
	}
	if err != nil {
		m.showError(fmt.Errorf("edit #%d: %w", of.N, err))
		return nil
	}
	file := filepath.Join(dir, fmt.Sprintf("event-%d.http", of.N))
	return tea.ExecProcess(m.program(m.cfg.Editor, file), func(err error) tea.Msg {
		defer os.RemoveAll(dir)
		back := editorResult{of: of, text: text}
		if err != nil {
			back.err = fmt.Errorf("edit #%d with %s: %w", of.N, m.cfg.Editor[0], err)
			return back
		}
		if back.text, err = os.ReadFile(file); err != nil {
			back.err = fmt.Errorf("edit #%d: %w", of.N, err)
		}
		return back
	})
}

// finishEdit sends what was edited. If the text is not valid, it asks what to do.
func (m *model) finishEdit(e editorResult) tea.Cmd {
	if e.err != nil {
		m.showError(e.err)
		return nil
	}
	draft, err := readDraft(e.text, e.of)
	switch {
	case untouched(e.text, writeDraft(e.of)):
		m.showNote("nothing was changed: not sent; r sends it as it was")
		return nil
	case err != nil:
		m.showError(fmt.Errorf("edit #%d: %w", e.of.N, err))
		m.menu = &menu{title: "this cannot be sent", cancelNote: "nothing was sent"}
		m.menu.add("e", "edit it again", func() tea.Cmd { return m.editText(e.of, e.text) })
		m.menu.add("x", "throw it away", func() tea.Cmd { m.showNote("nothing was sent"); return nil })
		return nil
	case draft == nil:
		m.showNote("nothing was sent")
		return nil
	}
	if json.Valid(e.of.Body) && !json.Valid(draft.Body) {
		m.showError(fmt.Errorf("edit #%d: %s", e.of.N, jsonFault(draft.Body)))
		m.menu = &menu{title: "the body is not valid JSON", cancelNote: "nothing was sent"}
		m.menu.add("e", "edit it again", func() tea.Cmd { return m.editText(e.of, e.text) })
		m.menu.add("s", "send it as it is", func() tea.Cmd { return m.deliver(draft) })
		m.menu.add("x", "throw it away", func() tea.Cmd { m.showNote("nothing was sent"); return nil })
		return nil
	}
	return m.deliver(draft)
}

// untouched reports whether a text came back without a change. Editors add a line
// break at the end if there is none.
func untouched(text, given []byte) bool {
	return bytes.Equal(bytes.TrimSuffix(text, []byte("\n")), bytes.TrimSuffix(given, []byte("\n")))
}

// deliver sends an edited event.
func (m *model) deliver(d *Draft) tea.Cmd {
	deliver := m.cfg.Actions.Deliver
	return m.runAction(fmt.Sprintf("send #%d as edited", d.Of), func(ctx context.Context) (string, error) { return deliver(ctx, *d) })
}

// jsonFault is why a body is not valid JSON, and in which line.
func jsonFault(b []byte) string {
	var v any
	err := json.Unmarshal(b, &v)
	var at *json.SyntaxError
	if errors.As(err, &at) {
		lines := 1
		for _, c := range b[:min(int(at.Offset), len(b))] {
			if c == '\n' {
				lines++
			}
		}
		return fmt.Sprintf("line %d of the body: invalid JSON: %v", lines, err)
	}
	return fmt.Sprintf("the body: invalid JSON: %v", err)
}
