package tui

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/internal/present"
)

// maxClipboard is how many bytes a terminal takes for its clipboard: xterm's limit of
// 100,000 after base64.
const maxClipboard = 74_000

// copyText copies text to the terminal's clipboard, which works through SSH, and to
// this machine's, if there is one. A terminal does not report success.
func (m *model) copyText(what, s string) tea.Cmd {
	var cmds []tea.Cmd
	if len(s) <= maxClipboard {
		cmds = append(cmds, tea.SetClipboard(s))
	} else if m.cfg.Actions.Copy == nil {
		m.showError(fmt.Errorf("copy %s: %s are more than a terminal takes; s saves it", what, present.Size(int64(len(s)))))
		return nil
	}
	words, terminal := what+", "+present.Size(int64(len(s))), len(cmds) > 0
	m.showNote("sent to the terminal's clipboard: " + words)
	if local := m.cfg.Actions.Copy; local != nil {
		cmds = append(cmds, m.work.command(func(ctx context.Context) tea.Msg {
			// A machine without a clipboard does not fail if the terminal has the text.
			err := local(ctx, s)
			if err != nil && !terminal {
				return actionResult{err: fmt.Errorf("copy %s: %w; s saves it", what, err)}
			}
			if err != nil {
				return actionResult{text: "sent to the terminal's clipboard: " + words + "; this machine has none"}
			}
			return actionResult{text: "copied " + words}
		}))
	}
	return tea.Batch(cmds...)
}
