package term

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEachHostileRuneBecomesAPictureOfItself(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                       "plain",
		"naïve 你好 👩‍💻":                "naïve 你好 👩‍💻",
		"\x1b[31mred\x1b[0m":          "␛[31mred␛[0m",
		"\x1b]52;c;AAAA\x07":          "␛]52;c;AAAA␇",
		"\x1b_Gapc\x1b\\":             "␛_Gapc␛\\",
		"a\tb":                        "a    b",
		"over\rwrite":                 "over␍write",
		"del\x7f":                     "del␡",
		"c1\u009b31m":                 `c1\u009b31m`,
		"evil\u202etxt.exe":           `evil\u202etxt.exe`,
		"isolate\u2066\u2069":         `isolate\u2066\u2069`,
		"sep\u2028":                   `sep\u2028`,
		"bad\xff\xc3":                 `bad\xff\xc3`,
		"raw C1 byte \x9b31m":         `raw C1 byte \x9b31m`,
		"nul\x00":                     "nul␀",
		"zero\u200bwidth\u2060\ufeff": `zero\u200bwidth\u2060\ufeff`,
		"me/\u00adm\u034f\u3164":      `me/\u00adm\u034f\u3164`,
		"tag\U000e0041\U000e007f":     `tag\U000e0041\U000e007f`,
		"note\ufff9a\ufffab\ufffb":    `note\ufff9a\ufffab\ufffb`,
		"a\u200db c\u200c\ufe0f":      `a\u200db c\u200c\ufe0f`,
		"x\U000e0100":                 `x\U000e0100`,
		"👩\u200b\u200d💻":              `👩\u200b\u200d💻`,
		"\u200d💻":                     `\u200d💻`,
		"👩\u200dx":                    `👩\u200dx`,
		"🏴\U000e0067":                 `🏴\U000e0067`,
		"replacement rune \ufffd":     "replacement rune \ufffd",
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAPileOfMarksIsNotDrawn(t *testing.T) {
	for _, pile := range []string{"\u0301", "\u20e3", "\u0489", "\u0e4a"} {
		most := "a" + strings.Repeat(pile, mostMarks)
		if got := Line(most + "b" + most); got != most+"b"+most {
			t.Errorf("%q became %q", most, got)
		}
		r, _ := utf8.DecodeRuneInString(pile)
		if got, want := Line(most+pile+pile+"b"), most+strings.Repeat(escaped(r), 2)+"b"; got != want {
			t.Errorf("it is %q, want %q", got, want)
		}
		text := []byte(`"` + most + pile + `"`)
		var is, was string
		if err := errors.Join(json.Unmarshal(JSON(text), &is), json.Unmarshal(text, &was)); err != nil || is != was || bytes.Contains(JSON(text), text[1:len(text)-1]) {
			t.Errorf("%s became %s, %v", text, JSON(text), err)
		}
	}
}

// What is seen of an emoji, or of a script that is written with joiners, is made
// with characters that are not seen.
func TestEmojiAndScriptsStay(t *testing.T) {
	for _, s := range []string{
		"👩\u200d💻", "👩🏽\u200d🚀", "👨\u200d👩\u200d👧\u200d👦", "❤\ufe0f", "❤\ufe0f\u200d🔥", "🏳\ufe0f\u200d🌈", "🇩🇪", "1\ufe0f\u20e3", "#\ufe0f\u20e3", "☎\ufe0e",
		"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🏴\u200d☠\ufe0f", "می\u200cخواهم", "क्\u200dष", "葛\U000e0100", "e\u0301",
	} {
		if got := Line("a " + s + " b"); got != "a "+s+" b" {
			t.Errorf("Line(%q) = %q", s, got)
		}
		if got := string(JSON([]byte(`"` + s + `"`))); got != `"`+s+`"` {
			t.Errorf("JSON(%q) = %q", s, got)
		}
	}
}

// hides reports whether something in s is not seen.
func hides(s string) bool {
	for i := range s {
		if hidden(s, i) {
			return true
		}
	}
	return false
}

func TestOnlyTextKeepsNewlines(t *testing.T) {
	if got := Line("a\nb"); got != "a␊b" {
		t.Errorf("Line: %q", got)
	}
	if got := Text("a\nb\r\n"); got != "a\nb␍\n" {
		t.Errorf("Text: %q", got)
	}
}

func TestJSONKeepsItsMeaning(t *testing.T) {
	in := `{"a":"\u001b x` + "\u009b\u202e\x7f\u2028\u200b\U000e0041 你" + `","n":12345678901234567890}`
	out := string(JSON([]byte(in)))
	if strings.ContainsFunc(out, func(r rune) bool { return r >= 0x7f && r <= 0x9f || r == 0x202e || r == 0x2028 }) {
		t.Errorf("hostile runes are left in %q", out)
	}
	var before, after struct{ A string }
	if json.Unmarshal([]byte(in), &before) != nil || json.Unmarshal([]byte(out), &after) != nil || before != after {
		t.Errorf("%q does not mean the same as %q", out, in)
	}
}

func FuzzSafe(f *testing.F) {
	for _, s := range []string{"", "ok", "\x1b[2J", "\u009b", "\u202e", "\xff", "a\nb\tc", "\x1bP$q\x1b\\", "👩\u200d💻", "a\u200db", "🏴\U000e0067\U000e007f", "\U000e0100\u200c\ufe0f", "a" + strings.Repeat("\u0301", 20)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Line(s), Text(s)} {
			if !utf8.ValidString(got) {
				t.Fatalf("%q is not UTF-8", got)
			}
			for _, r := range got {
				if r == 0x200b || r == 0xfeff || r < 0x20 && r != '\n' || r >= 0x7f && r <= 0x9f || unicode.Is(unicode.Bidi_Control, r) {
					t.Fatalf("%U is left in %q", r, got)
				}
			}
			if again := Text(got); again != got {
				t.Fatalf("what was safe changed again: %q, %q", got, again)
			}
		}
		if strings.Contains(Line(s), "\n") {
			t.Fatal("Line left a newline")
		}
		if quoted, err := json.Marshal(s); err == nil {
			if out := JSON(quoted); !json.Valid(out) || hides(string(out)) {
				t.Fatalf("JSON gave %q", out)
			}
		}
	})
}

func BenchmarkLine(b *testing.B) {
	s := strings.Repeat("a clean line of ASCII ", 50)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		Line(s)
	}
}
