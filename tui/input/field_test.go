package input

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

func TestAFieldIsEditedACharacterAndAWordAtATime(t *testing.T) {
	key := func(name string) tea.KeyPressMsg {
		k := tea.KeyPressMsg{}
		if rest, ok := strings.CutPrefix(name, "alt+"); ok {
			k.Mod, name = tea.ModAlt, rest
		}
		if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
			k.Mod, name = tea.ModCtrl, rest
		}
		codes := map[string]rune{"backspace": tea.KeyBackspace, "delete": tea.KeyDelete, "left": tea.KeyLeft, "right": tea.KeyRight, "home": tea.KeyHome}
		if code, ok := codes[name]; ok {
			k.Code = code
		} else {
			k.Code = []rune(name)[0]
		}
		return k
	}
	for _, c := range []struct {
		text, keys, want string // the cursor is "|"
	}{
		{"a👩‍👩‍👧", "backspace", "a|"},
		{"a👩‍👩‍👧b", "left backspace", "a|b"},
		{"é", "backspace", "|"},
		{"🇩🇪🇫🇷", "left delete", "🇩🇪|"},
		{"one two  three", "alt+b ctrl+w", "one |three"},
		{"one two", "home alt+f", "one| two"},
		{"one two", "home ctrl+right ctrl+right", "one two|"},
		{"one two", "ctrl+left alt+d", "one |"},
		{"one two", "ctrl+left ctrl+left right", "o|ne two"},
	} {
		f := newField(c.text, false)
		for name := range strings.FieldsSeq(c.keys) {
			f.edit(key(name))
		}
		if got := f.text[:f.cursor] + "|" + f.text[f.cursor:]; got != c.want {
			t.Errorf("%q and %s: %q, want %q", c.text, c.keys, got, c.want)
		}
	}
}

func TestATextThatIsTooLongIsCutAndThatIsSaid(t *testing.T) {
	p := New(Options{Label: "filter "})
	p.Paste(strings.Repeat("é", maxLength))
	if len(p.Text()) > maxLength || len(p.Text()) < maxLength-1 {
		t.Errorf("%d bytes were taken", len(p.Text()))
	}
	above, _, _ := p.Lines(80)
	if !strings.Contains(above.PlainText(), "too long") {
		t.Errorf("it shows %q", above.PlainText())
	}
}

// BenchmarkLongText draws a field of the greatest length beside one of a tenth.
func BenchmarkLongText(b *testing.B) {
	for name, n := range map[string]int{"all": maxLength / 3, "a tenth": maxLength / 30} {
		f := newField(strings.Repeat("한", n), false)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f.line("filter ", 80)
			}
		})
	}
}
