package tui

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/input"
)

// replay replays the chosen events to the targets that they had.
func (m *model) replay() tea.Cmd {
	ns := m.requireEvents()
	if ns == nil {
		return nil
	}
	return m.replayEvents(Replay{Numbers: ns, Times: 1})
}

func (m *model) replayEvents(r Replay) tea.Cmd {
	if m.cfg.Actions.Replay == nil {
		return m.showUnavailable()
	}
	what := "replay " + eventWords(r.Numbers)
	if r.Times > 1 {
		what += fmt.Sprintf(" %d times", r.Times)
	}
	if r.Target != "" {
		what += " to " + present.Target(r.Target)
	}
	if r.NewID {
		what += " as new"
	}
	replay := m.cfg.Actions.Replay
	return m.runAction(what, func(ctx context.Context) (string, error) { return replay(ctx, r) })
}

// maxTimes is how often an event can be replayed at once.
const maxTimes = 1000

// targetKeys are the keys of targets in the replay menu.
const targetKeys = "tabcdegh"

// replayMenu offers ways to replay events. If a state is selected, the newest event is
// offered.
func (m *model) replayMenu() tea.Cmd {
	m.menu = &menu{title: "replay"}
	m.addReplayFailed(m.menu)
	ns := m.chosenEvents()
	words := eventWords(ns)
	if newest := m.list.Newest(); ns == nil && newest != nil {
		ns = []int64{newest.N}
		words = eventWords(ns) + ", the newest,"
	}
	if ns != nil {
		m.addReplayChoices(m.menu, ns, words)
	}
	return nil
}

func (m *model) addReplayFailed(mn *menu) {
	failed := 0
	for r := range m.list.Rows() {
		if r.Failed {
			failed++
		}
	}
	mn.add("f", fmt.Sprintf("all that failed and were not delivered since (%s here)", present.Count(failed, "failure")), func() tea.Cmd {
		if m.cfg.Actions.ReplayFailed == nil {
			return m.showUnavailable()
		}
		return m.runAction("replay what failed", m.cfg.Actions.ReplayFailed)
	})
}

// addReplayChoices offers ways to replay some events, which words names.
func (m *model) addReplayChoices(mn *menu, ns []int64, words string) {
	mn.add("n", words+" several times, to see whether the handler minds", func() tea.Cmd {
		return m.openPrompt(input.Options{Label: "how many times? ", Text: "2", Suggested: true, Hint: "each is an event of its own, linked to this one"}, func(s string) tea.Cmd {
			times, err := strconv.Atoi(strings.TrimSpace(s))
			if err != nil || times < 1 || times > maxTimes {
				m.showError(fmt.Errorf("replay %q times: want a number from 1 to %d", s, maxTimes))
				return nil
			}
			return m.replayEvents(Replay{Numbers: ns, Times: times})
		})
	})
	mn.add("i", words+" with a new Webhook-Id, for a handler that drops repeats", func() tea.Cmd {
		return m.replayEvents(Replay{Numbers: ns, Times: 1, NewID: true})
	})
	for i, t := range m.header.status.Targets {
		mn.add(targetKeys[min(i, len(targetKeys)-1):][:1], words+" to "+present.Target(t.Name)+" only", func() tea.Cmd { return m.replayEvents(Replay{Numbers: ns, Times: 1, Target: t.Name}) })
	}
	mn.add("u", words+" to another target", func() tea.Cmd {
		return m.openPrompt(input.Options{Label: "to which target? ", Hint: "7860, 7860/path, host:port/path or a URL"}, func(s string) tea.Cmd {
			if s = strings.TrimSpace(s); s == "" {
				return nil
			}
			return m.replayEvents(Replay{Numbers: ns, Times: 1, Target: s})
		})
	})
}
