package input

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/tui/line"
)

func press(p *Prompt, keys ...tea.KeyPressMsg) (last Intent) {
	for _, k := range keys {
		last = p.Key(k)
	}
	return last
}

func typed(s string) (keys []tea.KeyPressMsg) {
	for _, r := range s {
		keys = append(keys, tea.KeyPressMsg{Code: r, Text: string(r)})
	}
	return keys
}

func key(code rune) tea.KeyPressMsg { return tea.KeyPressMsg{Code: code} }

func filterPrompt() *Prompt {
	return New(Options{Label: "/ ", Complete: func(text string, cursor int) filter.Completion {
		return filter.Complete(text, cursor, filter.Known{})
	}})
}

func TestKeysAskForWhatTheyMean(t *testing.T) {
	p := New(Options{Text: "2", Suggested: true})
	for _, c := range []struct {
		key    tea.KeyPressMsg
		intent Intent
		text   string
	}{
		{key(tea.KeyDown), None, "2"},
		{typed("7")[0], Change, "7"}, // replaces the suggestion
		{typed("8")[0], Change, "78"},
		{key(tea.KeyHome), None, "78"},
		{key(tea.KeyDelete), Change, "8"},
		{key(tea.KeyDelete), Change, ""},
		{key(tea.KeyDelete), None, ""},
		{key(tea.KeyEnter), Accept, ""},
		{key(tea.KeyEscape), Cancel, ""},
	} {
		if got := p.Key(c.key); got != c.intent || p.Text() != c.text {
			t.Errorf("%s: intent %d and text %q, want %d and %q", c.key, got, p.Text(), c.intent, c.text)
		}
	}
}

func TestArrowsChooseOffersAtBothEnds(t *testing.T) {
	p := filterPrompt()
	press(p, typed("verdict:")...)
	press(p, key(tea.KeyUp), key(tea.KeyEnter))
	if got := p.Text(); got != "verdict:unchecked " {
		t.Errorf("up chooses %q, want the last offer", got)
	}
	p = filterPrompt()
	press(p, typed("verdict:")...)
	press(p, key(tea.KeyUp), key(tea.KeyDown), key(tea.KeyTab))
	if got := p.Text(); got != "verdict:ok " {
		t.Errorf("up and down choose %q, want the first offer", got)
	}
}

func TestAKeyThatIsBeingTypedIsNotFinished(t *testing.T) {
	for text, want := range map[string]string{"kind:x -re": "kind:x ", "repo": "", "kind:x": "kind:x", "nothing like a key": "nothing like a key"} {
		p := filterPrompt()
		press(p, typed(text)...)
		if got := p.FinishedText(); got != want {
			t.Errorf("the finished text of %q is %q, want %q", text, got, want)
		}
	}
}

func TestARefusalIsShownUntilTheTextIsEdited(t *testing.T) {
	p := filterPrompt()
	press(p, typed("kind:")...)
	above := func() string { l, _, _ := p.Lines(80); return l.PlainText() }
	p.SetProblem("not finished")
	if strings.Contains(above(), "not finished") {
		t.Errorf("a problem hides the offers: %q", above())
	}
	p.Refuse("kind is empty")
	if above() != "kind is empty" {
		t.Errorf("the refusal is not shown: %q", above())
	}
	press(p, typed("r")...)
	if strings.Contains(above(), "empty") {
		t.Errorf("the refusal stays: %q", above())
	}
}

// FuzzPrompt edits hostile text with any keys.
func FuzzPrompt(f *testing.F) {
	f.Add("kind:\x1b[2J\u202e한", []byte("\t\x01\x02\x03abc"), 20)
	f.Fuzz(func(t *testing.T, paste string, keys []byte, w int) {
		w = 1 + (w%100+100)%100
		p := filterPrompt()
		p.Paste(paste)
		for _, k := range keys[:min(len(keys), 50)] {
			special := []rune{tea.KeyLeft, tea.KeyRight, tea.KeyUp, tea.KeyDown, tea.KeyTab, tea.KeyBackspace, tea.KeyDelete, tea.KeyHome, tea.KeyEnd}
			switch {
			case int(k) < len(special):
				p.Key(key(special[k]))
			case k < 0x20:
				p.Key(tea.KeyPressMsg{Code: 'a' + rune(k), Mod: tea.ModCtrl})
			default:
				p.Key(typed(string(rune(k)))[0])
			}
			above, text, column := p.Lines(w)
			for _, l := range []line.Line{above, text} {
				if got := ansi.StringWidth(l.Render(w, line.Plain)); got != w {
					t.Fatalf("a line of %d cells, want %d", got, w)
				}
			}
			if column < 0 || column >= w {
				t.Fatalf("the cursor is in column %d of %d", column, w)
			}
		}
	})
}
