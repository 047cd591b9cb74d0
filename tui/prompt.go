package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/tui/line"
)

// prompt asks for a line at the foot of the screen.
type prompt struct {
	label   string
	in      input
	problem string // what is wrong with what was typed so far
	refused bool   // it was not accepted for that
	hint    string // shown while nothing else has to be

	offers   filter.Completion // what can stand where the cursor is
	offer    int               // which is chosen, -1 for none
	complete func(text string, cursor int) filter.Completion

	changed func(*model, string) tea.Cmd // after each change, may be nil
	accept  func(*model, string) tea.Cmd
	cancel  func(*model) tea.Cmd // may be nil
}

// ask opens a prompt.
func (m *model) ask(p *prompt) tea.Cmd {
	m.prompt = p
	p.refresh()
	return nil
}

func (p *prompt) refresh() {
	p.offer, p.refused = -1, false
	if p.complete != nil {
		p.offers = p.complete(p.in.String(), p.in.offset())
	}
}

func (p *prompt) key(m *model, k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "enter":
		if p.offer >= 0 {
			return p.take(m)
		}
		m.prompt = nil
		cmd := p.accept(m, p.in.String())
		p.refused = p.problem != ""
		return cmd
	case "esc":
		m.prompt = nil
		if p.cancel != nil {
			return p.cancel(m)
		}
		return nil
	case "tab":
		if len(p.offers.Candidates) == 0 || p.offer < 0 && p.between() {
			return nil
		}
		p.offer = max(p.offer, 0)
		return p.take(m)
	case "down":
		p.choose(1)
		return nil
	case "up", "shift+tab":
		p.choose(-1)
		return nil
	}
	if !p.in.key(k) {
		if p.complete != nil {
			p.refresh()
		}
		return nil
	}
	return p.edited(m)
}

func (p *prompt) edited(m *model) tea.Cmd {
	p.refresh()
	if p.changed != nil {
		return p.changed(m, p.in.String())
	}
	return nil
}

// between reports whether the cursor stands behind a finished term, where the
// first of all keys would come out of nowhere.
func (p *prompt) between() bool {
	return p.offers.From == p.offers.To && strings.HasSuffix(p.in.String()[:p.offers.From], " ")
}

// unfinished gives where a key begins that is being typed at the end, or the
// length of the text. Until it has its colon it would be taken for a word, and
// searched in every body.
func (p *prompt) unfinished() int {
	whole := p.in.String()
	if p.offers.To != len(whole) || len(p.offers.Candidates) == 0 || !strings.HasSuffix(p.offers.Candidates[0].Text, ":") {
		return len(whole)
	}
	from := p.offers.From
	if from > 0 && whole[from-1] == '-' {
		from--
	}
	return from
}

func (p *prompt) choose(by int) {
	if n := len(p.offers.Candidates); n > 0 {
		p.offer = (max(p.offer, -1) + by + n) % n
		if by < 0 && p.offer < 0 {
			p.offer = n - 1
		}
	}
}

// take puts the chosen candidate in.
func (p *prompt) take(m *model) tea.Cmd {
	c := p.offers.Candidates[p.offer].Text
	if !strings.HasSuffix(c, ":") {
		c += " "
	}
	p.in.replace(p.offers.From, p.offers.To, c)
	return p.edited(m)
}

// lines gives what stands above the line that is typed, and that line with the
// column of the cursor.
func (p *prompt) lines(w int) (above, typed line.Line, column int) {
	typed, column = p.in.render(p.label, w)
	switch {
	case p.refused:
		return line.Text(line.Alarm, p.problem), typed, column
	case len(p.offers.Candidates) > 0: // also of what is only wrong because it is not finished
		return p.offerLine(w), typed, column
	case p.problem != "":
		return line.Text(line.Alarm, p.problem), typed, column
	}
	return line.Text(line.Faint, p.hint), typed, column
}

// offerLine shows the candidates around the chosen one, and its help.
func (p *prompt) offerLine(w int) line.Line {
	all := p.offers.Candidates
	from := 0
	for used := 0; from < p.offer; {
		used = 0
		for i := from; i <= p.offer; i++ {
			used += line.Width(all[i].Text) + 2
		}
		if used <= w*2/3 {
			break
		}
		from++
	}
	l := line.Line{}
	if from > 0 {
		l = line.Text(line.Faint, "… ")
	}
	for i := from; i < len(all) && l.Width() < w; i++ {
		st := line.Faint
		if i == p.offer {
			st = line.Invert
		}
		l = l.Add(st, all[i].Text).Add(line.Plain, "  ")
		if i == p.offer && all[i].Help != "" {
			l = l.Add(line.Accent, all[i].Help).Add(line.Plain, "  ")
		}
	}
	return l
}
