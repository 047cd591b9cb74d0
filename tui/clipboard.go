package tui

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/line"
)

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
		m.showError(fmt.Errorf("copy %s: %s are more than a terminal takes; s saves it", what, line.Bytes(int64(len(s)))))
		return nil
	}
	m.showNote("copied " + what + ", " + line.Bytes(int64(len(s))))
	if local := m.cfg.Actions.Copy; local != nil {

		words, terminal := m.note.text, len(cmds) > 0
		cmds = append(cmds, m.work.do(func(ctx context.Context) tea.Msg {
			// On a machine without a clipboard the terminal's is all there is.
			err := local(ctx, s)
			if err != nil && !terminal {
				return actionResult{err: fmt.Errorf("copy %s: %w; s saves it", what, err)}
			}
			if err != nil {
				words += " (by the terminal: this machine has no clipboard)"
			}
			return actionResult{text: words}
		}))
	}
	return tea.Batch(cmds...)
}
