package present

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestJSONIsIndented(t *testing.T) {
	for _, text := range []string{`{"a":[1,2,{"b":"\"[[[{{{,,,"}],"c":{}}`, `null`, `[]`, strings.Repeat("[", 100) + strings.Repeat("]", 100)} {
		var want bytes.Buffer
		if err := json.Indent(&want, []byte(text), "", "  "); err != nil {
			t.Fatal(err)
		}
		if got, ok := Indent([]byte(text)); !ok || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s became %s, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "{", "plain", `{"a":1} b`} {
		if got, ok := Indent([]byte(text)); ok {
			t.Errorf("%s became %s", text, got)
		}
	}
}

func TestJSONDoesNotSwell(t *testing.T) {
	const deep = 8000
	brackets := strings.Repeat("[", deep) + strings.Repeat("]", deep)
	for _, text := range []string{brackets, strings.Repeat(`{"a":`, deep) + "1" + strings.Repeat("}", deep),
		strings.Repeat("[", 200) + strings.Repeat("0,", 50_000) + "0" + strings.Repeat("]", 200)} {
		if got, ok := Indent([]byte(text)); ok {
			t.Errorf("%d bytes became %d", len(text), len(got))
		}
	}
	text := `{"body":` + strings.Repeat(`["text",`, 40) + "1" + strings.Repeat("]", 40) + "}"
	if _, ok := Indent([]byte(text)); !ok {
		t.Error("40 levels are not indented")
	}
}
