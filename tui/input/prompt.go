// Package input asks for a line of text at the foot of the screen, and completes
// terms of a filter in it.
package input

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/tui/line"
)

// Options are what a prompt asks for.
type Options struct {
	Label string // before the text
	Hint  string // above the text, while there is nothing else to show
	Text  string // to begin with
	// Suggested makes the first text that is typed replace Text.
	Suggested bool
	// Complete offers what can stand at the cursor, in bytes; nil: nothing.
	Complete func(text string, cursor int) filter.Completion
}

// Intent is what a key asks of the caller.
type Intent int

// The intents.
const (
	None   Intent = iota
	Change        // the text has changed
	Accept        // use the text, and close the prompt
	Cancel        // close the prompt
)

// Prompt asks for a line of text.
type Prompt struct {
	options Options
	field   field
	problem string
	refused bool // the text was not accepted, because of the problem

	offers filter.Completion
	offer  int // the offer that is chosen, -1: none
}

// New opens a prompt.
func New(o Options) *Prompt {
	p := &Prompt{options: o, field: newField(o.Text, o.Suggested)}
	p.updateOffers()
	return p
}

// Text is the text so far.
func (p *Prompt) Text() string { return p.field.String() }

// FinishedText is the text without a filter's key that is being typed at its end.
// Until it has its colon, a key would be taken for a word to search for.
func (p *Prompt) FinishedText() string {
	whole := p.Text()
	if p.offers.To != len(whole) || len(p.offers.Candidates) == 0 || !strings.HasSuffix(p.offers.Candidates[0].Text, ":") {
		return whole
	}
	from := p.offers.From
	if from > 0 && whole[from-1] == '-' {
		from--
	}
	return whole[:from]
}

// SetProblem shows what is wrong with the text so far; "" is nothing. Offers are
// shown instead while there are any, as an unfinished text is often wrong.
func (p *Prompt) SetProblem(problem string) { p.problem = problem }

// Refuse shows why the text was not accepted, until it is edited.
func (p *Prompt) Refuse(problem string) { p.problem, p.refused = problem, true }

// Paste inserts text at the cursor.
func (p *Prompt) Paste(text string) Intent {
	whole := p.field.insert(text)
	p.updateOffers()
	if !whole {
		p.Refuse("the text is too long: only its beginning was taken")
	}
	return Change
}

// Key does what a key does.
func (p *Prompt) Key(k tea.KeyPressMsg) Intent {
	switch k.String() {
	case "enter":
		if p.offer >= 0 {
			return p.acceptOffer()
		}
		return Accept
	case "esc":
		return Cancel
	case "tab":
		if len(p.offers.Candidates) == 0 || p.offer < 0 && p.betweenTerms() {
			return None
		}
		p.offer = max(p.offer, 0)
		return p.acceptOffer()
	case "down":
		p.chooseOffer(1)
		return None
	case "up", "shift+tab":
		p.chooseOffer(-1)
		return None
	}
	changed := p.field.edit(k)
	if changed || p.options.Complete != nil {
		p.updateOffers()
	}
	if changed {
		return Change
	}
	return None
}

func (p *Prompt) updateOffers() {
	p.offer, p.refused = -1, false
	if p.options.Complete != nil {
		p.offers = p.options.Complete(p.Text(), p.field.cursor)
	}
}

// betweenTerms reports whether the cursor is after a finished term. There, tab would
// insert the first of all keys, which nobody asked for.
func (p *Prompt) betweenTerms() bool {
	return p.offers.From == p.offers.To && strings.HasSuffix(p.Text()[:p.offers.From], " ")
}

func (p *Prompt) chooseOffer(by int) {
	n := len(p.offers.Candidates)
	switch {
	case n == 0:
	case p.offer < 0 && by < 0:
		p.offer = n - 1
	default:
		p.offer = (p.offer + by + n) % n
	}
}

// acceptOffer inserts the offer that is chosen.
func (p *Prompt) acceptOffer() Intent {
	text := p.offers.Candidates[p.offer].Text
	if !strings.HasSuffix(text, ":") {
		text += " "
	}
	p.field.replace(p.offers.From, p.offers.To, text)
	p.updateOffers()
	return Change
}

// Lines returns the line above the text, the text, and the column of the cursor.
func (p *Prompt) Lines(w int) (above, typed line.Line, column int) {
	typed, column = p.field.line(p.options.Label, w)
	switch {
	case p.problem != "" && (p.refused || len(p.offers.Candidates) == 0):
		return line.Text(line.Alarm, p.problem), typed, column
	case len(p.offers.Candidates) > 0:
		return p.offerLine(w), typed, column
	}
	return line.Text(line.Faint, p.options.Hint), typed, column
}

// offerLine shows the offers around the one that is chosen, and its help.
func (p *Prompt) offerLine(w int) line.Line {
	all := p.offers.Candidates
	from := 0
	for from < p.offer {
		used := 0
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
