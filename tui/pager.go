package tui

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/internal/term"
)

// pagerResult is the end of a pager.
type pagerResult struct{ err error }

// openInPager opens what is read in the pager: the body of the event, the last answer in
// the tab of attempts, or the output of the app.
func (m *model) openInPager() tea.Cmd {
	if len(m.cfg.Pager) == 0 {
		m.showError(errors.New("no pager: set PAGER"))
		return nil
	}
	if m.focus == paneApp {
		return m.pageText("app.txt", m.app.wholeText())
	}
	text, name, ok := m.detail.Body()
	if !ok || m.list.SelectedRow() == nil {
		m.showNote("nothing is open to read")
		return nil
	}
	return m.pageText(name, text)
}

// pageText shows a text in the pager, which gets the screen. The text is made safe: a
// pager may pass on what a terminal obeys.
func (m *model) pageText(name, text string) tea.Cmd {
	dir, err := os.MkdirTemp("", "hf-tap-page-") // readable by the user only
	file := filepath.Join(dir, name)
	if err == nil {
		err = os.WriteFile(file, []byte(term.Text(text)), 0o600)
	}
	if err != nil {
		m.showError(fmt.Errorf("open the pager: %w", err))
		return nil
	}
	return tea.ExecProcess(m.program(m.cfg.Pager, file), func(err error) tea.Msg {
		if err != nil {
			err = fmt.Errorf("read with %s: %w", m.cfg.Pager[0], err)
		}
		return pagerResult{errors.Join(err, os.RemoveAll(dir))}
	})
}

// program is a command on a file. A session that ends does not wait for it.
func (m *model) program(command []string, file string) *exec.Cmd {
	m.foreign = true
	args := append(append([]string(nil), command[1:]...), file)
	cmd := exec.CommandContext(m.work.ctx, command[0], args...)
	cmd.Cancel = func() error { // an editor restores the terminal on SIGTERM
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return cmd.Process.Kill()
		}
		return nil
	}
	cmd.WaitDelay = editorGrace
	return cmd
}
