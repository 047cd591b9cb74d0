package tui

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/hub"
)

var errNotHere = errors.New("this is not to be had here")

// done is what came of an action.
type done struct {
	text string
	err  error
	then func(*model) tea.Cmd // what to do on success, may be nil
}

// act does something off the interface's goroutine. what says what is under way.
func (m *model) act(what string, f func(ctx) (string, error)) tea.Cmd {
	m.running++
	m.say(what + " …")
	return m.work.do(func(ctx ctx) tea.Msg {
		text, err := f(ctx)
		if err != nil && !strings.HasPrefix(err.Error(), what+": ") {
			err = fmt.Errorf("%s: %w", what, err)
		}
		return done{text: text, err: err}
	})
}

func (m *model) takeDone(d done) tea.Cmd {
	m.running--
	m.header.status = m.cfg.Status()
	if d.err != nil {
		m.fail(d.err)
		return nil
	}
	m.say(d.text)
	if d.then != nil {
		return d.then(m)
	}
	return nil
}

func (m *model) notHere() tea.Cmd {
	m.fail(errNotHere)
	return nil
}

// chosen gives the marked events, or the selected one.
func (m *model) chosen() []int64 {
	if len(m.list.marks) > 0 {
		var ns []int64
		for n := range m.list.marks {
			ns = append(ns, n)
		}
		slices.Sort(ns)
		return ns
	}
	if row := m.selectedRow(); row != nil {
		return []int64{row.N}
	}
	return nil
}

// chosenOr is chosen, with a word about it where there is none.
func (m *model) chosenOr() []int64 {
	ns := m.chosen()
	if ns == nil {
		m.say("select an event first")
	}
	return ns
}

// eventWords names events: "#12", "3 events".
func eventWords(ns []int64) string {
	if len(ns) == 1 {
		return "#" + strconv.FormatInt(ns[0], 10)
	}
	return count(len(ns), "event")
}

func (m *model) replay() tea.Cmd {
	ns := m.chosenOr()
	if ns == nil {
		return nil
	}
	return m.replayEvents(Replay{Numbers: ns, Times: 1})
}

func (m *model) replayEvents(r Replay) tea.Cmd {
	if m.cfg.Actions.Replay == nil {
		return m.notHere()
	}
	what := "replay " + eventWords(r.Numbers)
	if r.Times > 1 {
		what += fmt.Sprintf(" %d times", r.Times)
	}
	if r.Target != "" {
		what += " to " + shortTarget(r.Target)
	}
	if r.NewID {
		what += " as new"
	}
	replay := m.cfg.Actions.Replay
	return m.act(what, func(ctx ctx) (string, error) { return replay(ctx, r) })
}

// maxTimes bounds how often one key sends an event.
const maxTimes = 1000

// targetKeys are the keys of targets in the menu of replays.
const targetKeys = "tabcdegh"

// replayMenu offers the ways to send again.
func (m *model) replayMenu() tea.Cmd {
	mn := &menu{title: "replay"}
	failed := 0
	for _, e := range m.store.entries {
		if e.row != nil && e.row.Failed {
			failed++
		}
	}
	mn.add("f", fmt.Sprintf("all that failed and were not made good since (%s here)", count(failed, "failure")), func(m *model) tea.Cmd {
		if m.cfg.Actions.ReplayFailed == nil {
			return m.notHere()
		}
		return m.act("replay what failed", m.cfg.Actions.ReplayFailed)
	})
	ns := m.chosen()
	words := eventWords(ns)
	if ns == nil && m.store.len() > 0 { // a state is selected
		if e := m.store.get(m.store.number(m.list.newest())); e.row != nil {
			ns = []int64{e.row.N}
			words = eventWords(ns) + ", the newest,"
		}
	}
	if ns != nil {
		mn.add("n", words+" several times, to see whether the handler minds", func(m *model) tea.Cmd {
			return m.ask(&prompt{label: "how many times? ", in: suggest("2"), hint: "each is an event of its own, linked to this one", accept: func(m *model, s string) tea.Cmd {
				times, err := strconv.Atoi(strings.TrimSpace(s))
				if err != nil || times < 1 || times > maxTimes {
					m.fail(fmt.Errorf("replay %q times: want a number from 1 to %d", s, maxTimes))
					return nil
				}
				return m.replayEvents(Replay{Numbers: ns, Times: times})
			}})
		})
		mn.add("i", words+" with a new Webhook-Id, for a handler that drops repeats", func(m *model) tea.Cmd {
			return m.replayEvents(Replay{Numbers: ns, Times: 1, NewID: true})
		})
		for i, t := range m.header.status.Targets {
			mn.add(targetKeys[min(i, len(targetKeys)-1):][:1], words+" to "+shortTarget(t.Name)+" only", func(m *model) tea.Cmd { return m.replayEvents(Replay{Numbers: ns, Times: 1, Target: t.Name}) })
		}
		mn.add("u", words+" to another target", func(m *model) tea.Cmd {
			return m.ask(&prompt{label: "to which target? ", hint: "7860, 7860/path, host:port/path or a URL", accept: func(m *model, s string) tea.Cmd {
				if s = strings.TrimSpace(s); s == "" {
					return nil
				}
				return m.replayEvents(Replay{Numbers: ns, Times: 1, Target: s})
			}})
		})
	}
	m.menu = mn
	return nil
}

// triggerMenu offers every kind that the repo in use can have.
func (m *model) triggerMenu() tea.Cmd {
	if m.cfg.Actions.Trigger == nil {
		return m.notHere()
	}
	repo := m.cfg.Repo
	if row := m.selectedRow(); row != nil && row.Repo != "" {
		repo = row.Repo
	}
	typ, _, _ := strings.Cut(repo, ":")
	kinds := event.KindsOf(hub.RepoType(typ))
	if kinds == nil {
		kinds = event.Kinds()
	}
	mn := &menu{title: "trigger a sample of"}
	if repo != "" {
		mn.title = "trigger, for " + repo + ", a"
	}
	for _, k := range kinds {
		mn.add("", string(k), func(m *model) tea.Cmd {
			trigger := m.cfg.Actions.Trigger
			return m.act("trigger "+string(k), func(ctx ctx) (string, error) { return trigger(ctx, k, repo) })
		})
	}
	m.menu = mn
	return nil
}

func (m *model) togglePin() tea.Cmd {
	ns := m.chosenOr()
	if ns == nil {
		return nil
	}
	if m.cfg.Actions.Pin == nil {
		return m.notHere()
	}
	on := false
	for _, n := range ns {
		on = on || !slices.Contains(m.pins, n)
	}
	what := map[bool]string{true: "pin ", false: "unpin "}[on] + eventWords(ns)
	do := m.cfg.Actions.Pin
	return m.act(what, func(ctx ctx) (string, error) { return do(ctx, ns, on) })
}

func (m *model) togglePause() tea.Cmd {
	if m.cfg.Actions.Pause == nil {
		return m.notHere()
	}
	on := !m.header.status.Paused
	what := map[bool]string{true: "pause handing over", false: "resume handing over"}[on]
	do := m.cfg.Actions.Pause
	return m.act(what, func(ctx ctx) (string, error) { return do(ctx, on) })
}

// faultMenu offers wrong answers.
func (m *model) faultMenu() tea.Cmd {
	if m.cfg.Actions.SetFault == nil {
		return m.notHere()
	}
	mn := &menu{title: "answer wrongly on purpose"}
	if f := m.header.status.Fault; f != nil {
		mn.add("x", "no more: "+faultWords(f, m.header.status.FaultLeft), func(m *model) tea.Cmd { return m.setFault(nil) })
	}
	for _, f := range []Fault{
		{Status: 500, Times: 1}, {Status: 500, Times: 5}, {Status: 503, Times: 5}, {Delay: 5 * time.Second, Times: 1}, {Delay: 35 * time.Second, Times: 1}, {Drop: true, Times: 1},
	} {
		mn.add("", faultChoice(f), func(m *model) tea.Cmd { return m.setFault(&f) })
	}
	if !m.store.filter.Empty() {
		filter := m.store.filter
		mn.add("f", "all that fit "+filter.String()+": 500", func(m *model) tea.Cmd { return m.setFault(&Fault{Status: 500, Filter: filter}) })
	}
	mn.add("o", "something else", func(m *model) tea.Cmd {
		return m.ask(&prompt{label: "fault: ", in: suggest("500 next 3"), hint: "a status, delay 5s, drop; then next N; then for FILTER", accept: func(m *model, s string) tea.Cmd {
			f, err := parseFault(s)
			if err != nil {
				m.fail(err)
				return nil
			}
			return m.setFault(f)
		}})
	})
	m.menu = mn
	return nil
}

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

func (m *model) setFault(f *Fault) tea.Cmd {
	what := "make answers right again"
	if f != nil {
		what = "set the fault"
	}
	do := m.cfg.Actions.SetFault
	return m.act(what, func(ctx ctx) (string, error) { return do(ctx, f) })
}

// parseFault reads "500 delay 2s next 3 for kind:repo.*".
func parseFault(s string) (*Fault, error) {
	f := &Fault{}
	head, which, hasFilter := strings.Cut(s+" ", " for ")
	if hasFilter {
		parsed, err := filter.Parse(which)
		if err != nil {
			return nil, err
		}
		f.Filter = parsed
	}
	wrong := func(word string) error {
		return fmt.Errorf("fault %q: %q is not understood: want a status, delay 5s, drop, next 3, for FILTER", s, word)
	}
	words := strings.Fields(head)
	for i := 0; i < len(words); i++ {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch words[i] {
		case "drop":
			f.Drop = true
		case "delay":
			d, err := time.ParseDuration(next)
			if err != nil || d <= 0 {
				return nil, wrong("delay " + next)
			}
			f.Delay = d
			i++
		case "next":
			n, err := strconv.Atoi(next)
			if err != nil || n < 1 {
				return nil, wrong("next " + next)
			}
			f.Times = n
			i++
		default:
			status, err := strconv.Atoi(words[i])
			if err != nil || status < 200 || status > 599 {
				return nil, wrong(words[i])
			}
			f.Status = status
		}
	}
	if f.Status == 0 && f.Delay == 0 && !f.Drop {
		return nil, wrong(strings.TrimSpace(s))
	}
	return f, nil
}
