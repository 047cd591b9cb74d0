package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// triggerMenu offers every kind of the selected event's repo, or of the session's.
func (m *model) triggerMenu() tea.Cmd {
	if m.cfg.Actions.Trigger == nil {
		return m.showUnavailable()
	}
	repo := m.cfg.Repo
	if row := m.list.SelectedRow(); row != nil && row.Repo != "" {
		repo = row.Repo
	}
	typ, _, _ := strings.Cut(repo, ":")
	kinds := event.KindsOf(hub.RepoType(typ))
	if kinds == nil {
		kinds = event.Kinds()
	}
	mn := &menu{title: "trigger"}
	if repo != "" {
		mn.title = "trigger on " + repo
	}
	for _, k := range kinds {
		mn.add("", string(k), func() tea.Cmd {
			trigger := m.cfg.Actions.Trigger
			return m.runAction("trigger "+string(k), func(ctx context.Context) (string, error) { return trigger(ctx, k, repo) })
		})
	}
	m.menu = mn
	return nil
}
