package tui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/tui/input"
)

// faultMenu offers wrong answers to the next deliveries.
func (m *model) faultMenu() tea.Cmd {
	if m.cfg.Actions.SetFault == nil {
		return m.showUnavailable()
	}
	mn := &menu{title: "answer wrongly on purpose"}
	if f := m.header.status.Fault; f != nil {
		mn.add("x", "no more: "+faultWords(f, m.header.status.FaultLeft), func() tea.Cmd { return m.setFault(nil) })
	}
	for _, f := range []Fault{
		{Status: 500, Times: 1}, {Status: 500, Times: 5}, {Status: 503, Times: 5}, {Delay: 5 * time.Second, Times: 1}, {Delay: 35 * time.Second, Times: 1}, {Drop: true, Times: 1},
	} {
		mn.add("", faultChoice(f), func() tea.Cmd { return m.setFault(&f) })
	}
	if !m.list.Filter().Empty() {
		filter := m.list.Filter()
		mn.add("f", "all that fit "+filter.String()+": 500", func() tea.Cmd { return m.setFault(&Fault{Status: 500, Filter: filter}) })
	}
	mn.add("o", "something else", func() tea.Cmd {
		return m.faultPrompt(input.Options{Text: "500 next 3", Suggested: true})
	})
	m.menu = mn
	return nil
}

// faultPrompt asks for a fault. A text that is not one stays to be put right.
func (m *model) faultPrompt(o input.Options) tea.Cmd {
	o.Label, o.Hint = "fault: ", "a status, delay 5s, drop; then next N; then for FILTER"
	return m.openPrompt(o, func(s string) tea.Cmd {
		f, err := parseFault(s)
		if err != nil {
			cmd := m.faultPrompt(input.Options{Text: s})
			m.prompt.Refuse(err.Error())
			return cmd
		}
		return m.setFault(f)
	})
}

// faultChoice is a fault in words, as a choice.
func faultChoice(f Fault) string {
	next := "the next delivery"
	if f.Times > 1 {
		next = fmt.Sprintf("the next %d deliveries", f.Times)
	}
	switch {
	case f.Drop:
		return next + ": drop the connection"
	case f.Delay > 0:
		return next + ": answer after " + f.Delay.String()
	}
	return fmt.Sprintf("%s: %d", next, f.Status)
}

// setFault makes answers wrong, or right again if f is nil.
func (m *model) setFault(f *Fault) tea.Cmd {
	what := "make answers right again"
	if f != nil {
		what = "set the fault"
	}
	do := m.cfg.Actions.SetFault
	return m.runAction(what, func(ctx context.Context) (string, error) { return do(ctx, f) })
}
