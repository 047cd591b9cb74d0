package tui

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
)

// openOnHub opens the subjects of the chosen events in the browser.
func (m *model) openOnHub() tea.Cmd {
	if m.cfg.Actions.Open == nil {
		return m.showUnavailable()
	}
	return m.onChosen("open", func(ns []int64) tea.Cmd {
		var all []tea.Cmd
		for _, n := range ns {
			all = append(all, m.openEvent(n))
		}
		return tea.Batch(all...)
	})
}

func (m *model) openEvent(n int64) tea.Cmd {
	return m.withEvent(n, func(e *event.Event) tea.Cmd {
		url, err := hubURL(e)
		if err != nil {
			m.showError(err)
			return nil
		}
		open := m.cfg.Actions.Open
		return m.runAction("open "+url, func(ctx context.Context) (string, error) {
			said, err := open(ctx, url)
			if errors.Is(err, exec.ErrNotFound) {
				return "no browser here: c, then u copies the address", nil
			}
			return said, err
		})
	})
}

// hubURL is the address of the narrowest subject of a payload: its comment, else its
// discussion, else its repo.
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
