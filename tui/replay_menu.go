package tui

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/input"
)

// replay replays the chosen events to the targets that they had.
func (m *model) replay() tea.Cmd {
	return m.onChosen("replay", func(ns []int64) tea.Cmd { return m.replayEvents(Replay{Numbers: ns, Times: 1}) })
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
const targetKeys = "123456789"

// replayMenu offers sets of events to replay, and ways to replay the chosen ones. If a
// state is selected, the newest event is offered.
func (m *model) replayMenu() tea.Cmd {
	mn := &menu{title: "replay"}
	if m.list.Filter().Empty() {
		m.addReplayFailed(mn)
	} else {
		m.addReplaySet(mn, "f", "failed of those shown", m.rowsWith(func(r *event.Row) bool { return r.Failed }))
	}
	m.addReplaySet(mn, "p", "pending, never handed over", m.rowsWith(func(r *event.Row) bool { return r.Pending }))
	if marked := m.list.Marked(); len(marked) > 0 {
		m.addReplaySet(mn, "m", "marked", marked)
	}
	m.addReplaySet(mn, "a", "shown", m.list.ShownEvents())
	ns := m.chosenEvents()
	words := eventWords(ns)
	if newest := m.list.Newest(); ns == nil && newest != nil {
		ns = []int64{newest.N}
		words = eventWords(ns) + ", the newest,"
	}
	if ns != nil {
		m.addReplayChoices(mn, ns, words)
	}
	m.menu = mn
	return nil
}

// rowsWith returns the numbers of the events that are shown and fit, in order.
func (m *model) rowsWith(fits func(*event.Row) bool) []int64 {
	var ns []int64
	for r := range m.list.Rows() {
		if fits(r) && m.list.IsShown(r.N) {
			ns = append(ns, r.N)
		}
	}
	slices.Sort(ns)
	return ns
}

func (m *model) addReplaySet(mn *menu, key, what string, ns []int64) {
	mn.add(key, fmt.Sprintf("all %s (%d)", what, len(ns)), func() tea.Cmd {
		if len(ns) == 0 {
			m.showNote("there is no such event")
			return nil
		}
		return m.onEvents("replay", ns, func(ns []int64) tea.Cmd { return m.replayEvents(Replay{Numbers: ns, Times: 1}) })
	})
}

func (m *model) addReplayFailed(mn *menu) {
	failed := len(m.rowsWith(func(r *event.Row) bool { return r.Failed }))
	mn.add("f", fmt.Sprintf("all failed (%d here), not delivered since", failed), func() tea.Cmd {
		if m.cfg.Actions.ReplayFailed == nil {
			return m.showUnavailable()
		}
		replay := func() tea.Cmd { return m.runAction("replay what failed", m.cfg.Actions.ReplayFailed) }
		if failed > manyEvents {
			m.ask(fmt.Sprintf("replay all failed events, %d here?", failed), replay)
			return nil
		}
		return replay()
	})
}

// addReplayChoices offers ways to replay some events, which words names.
func (m *model) addReplayChoices(mn *menu, ns []int64, words string) {
	mn.add("n", words+" several times: does the handler mind?", func() tea.Cmd {
		return m.openPrompt(input.Options{Label: "how many times? ", Text: "2", Suggested: true, Hint: "each is an event of its own, linked to this one"}, func(s string) tea.Cmd {
			times, err := strconv.Atoi(strings.TrimSpace(s))
			if err != nil || times < 1 || times > maxTimes {
				m.showError(fmt.Errorf("replay %q times: want a number from 1 to %d", s, maxTimes))
				return nil
			}
			return m.replayEvents(Replay{Numbers: ns, Times: times})
		})
	})
	mn.add("i", words+" with a new Webhook-Id, as a new event", func() tea.Cmd {
		return m.replayEvents(Replay{Numbers: ns, Times: 1, NewID: true})
	})
	for i, t := range m.header.status.Targets {
		if i == len(targetKeys) {
			break
		}
		mn.add(targetKeys[i:i+1], words+" to "+present.Target(t.Name)+" only", func() tea.Cmd { return m.replayEvents(Replay{Numbers: ns, Times: 1, Target: t.Name}) })
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
