package line

import (
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestJoinedEmojiAreTheirPartsAndOtherScriptsStayInTextToRead(t *testing.T) {
	for s, want := range map[string]string{
		"a 👩\u200d👩\u200d👧 b": "a 👩👩👧 b", "❤\ufe0f": "❤", "👍🏽": "👍", "1\ufe0f\u20e3": "1",
		"नमस्ते दुनिया": "नमस्ते दुनिया", "می\u200cخواهم": "می\u200cخواهم", "한국어 🇩🇪": "한국어 🇩🇪", "\x1b[2J": "␛[2J",
	} {
		got := Unjoined(s)
		if got != want {
			t.Errorf("%q became %q, want %q", s, got, want)
		}
		if WrapAll([]Line{Text(Plain, s)}, 40).Row(0).PlainText() != want {
			t.Errorf("%q is not so in a pane", s)
		}
	}
	if s := Unjoined("👩\u200d👩\u200d👧"); ansi.StringWidth(s) != ansi.StringWidthWc(s) {
		t.Error("terminals disagree about the parts")
	}
}

func TestAPreviewDoesNotEndInsideACharacter(t *testing.T) {
	for s, want := range map[string]string{"abcd": "abc", "ab한": "ab", "abc": "abc", "한": "한", "\xff\xfe\xfd\xfc": "\xff\xfe\xfd", "": ""} {
		if got := CutBytes(s, 3); got != want {
			t.Errorf("%q is cut to %q, want %q", s, got, want)
		}
	}
}
