package term

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEachHostileRuneBecomesAPictureOfItself(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                   "plain",
		"naïve 你好 👩‍💻":            "naïve 你好 👩‍💻",
		"\x1b[31mred\x1b[0m":      "␛[31mred␛[0m",
		"\x1b]52;c;AAAA\x07":      "␛]52;c;AAAA␇",
		"\x1b_Gapc\x1b\\":         "␛_Gapc␛\\",
		"a\tb":                    "a    b",
		"over\rwrite":             "over␍write",
		"del\x7f":                 "del␡",
		"c1\u009b31m":             `c1\u009b31m`,
		"evil\u202etxt.exe":       `evil\u202etxt.exe`,
		"isolate\u2066\u2069":     `isolate\u2066\u2069`,
		"sep\u2028":               `sep\u2028`,
		"bad\xff\xc3":             `bad\xff\xc3`,
		"raw C1 byte \x9b31m":     `raw C1 byte \x9b31m`,
		"nul\x00":                 "nul␀",
		"replacement rune \ufffd": "replacement rune \ufffd",
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
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
	in := `{"a":"\u001b x` + "\u009b\u202e\x7f\u2028 你" + `","n":12345678901234567890}`
	out := string(JSON([]byte(in)))
	if strings.ContainsFunc(out, func(r rune) bool { return r == 0x7f || hidden(r) }) {
		t.Errorf("hostile runes are left in %q", out)
	}
	var before, after struct{ A string }
	if json.Unmarshal([]byte(in), &before) != nil || json.Unmarshal([]byte(out), &after) != nil || before != after {
		t.Errorf("%q does not mean the same as %q", out, in)
	}
}

func FuzzSafe(f *testing.F) {
	for _, s := range []string{"", "ok", "\x1b[2J", "\u009b", "\u202e", "\xff", "a\nb\tc", "\x1bP$q\x1b\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Line(s), Text(s)} {
			if !utf8.ValidString(got) {
				t.Fatalf("%q is not UTF-8", got)
			}
			for _, r := range got {
				if r < 0x20 && r != '\n' || r >= 0x7f && r <= 0x9f || unicode.Is(unicode.Bidi_Control, r) {
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
			if out := JSON(quoted); !json.Valid(out) || strings.ContainsFunc(string(out), hidden) {
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
