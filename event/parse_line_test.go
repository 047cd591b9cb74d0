package event

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestALineThatIsReadIsTheSameLine(t *testing.T) {
	withAnswers := example()
	withAnswers.Attempts[0].Header = http.Header{"Content-Type": {"text/plain"}, "Set-Cookie": {"s3cret"}}
	withAnswers.Attempts[0].Body = []byte("not json")
	withAnswers.Attempts = append(withAnswers.Attempts,
		Attempt{N: 1, Target: "http://127.0.0.1:2", Status: 200, StartedAt: time.Unix(1, 0).UTC(), Header: http.Header{}, Body: []byte(`{"ok":true}`), BodyCut: true},
		Attempt{N: 1, Target: "exec:x", Err: "exit status 3", StartedAt: time.Unix(1, 0).UTC(), Body: []byte("said")},
		Attempt{N: 1, Target: "http://127.0.0.1:3", Err: "connection refused", StartedAt: time.Unix(1, 0).UTC(), Body: []byte{}})
	binary := example()
	binary.Body, binary.Size, binary.Attempts = []byte("\x00\xff"), 2, nil
	for name, e := range map[string]*Event{"answers": withAnswers, "binary": binary, "least": {N: 1, Verdict: VerdictWrong, Method: "POST", Phase: PhaseSettled, Body: []byte{}}} {
		written, err := e.JSONLine(LineEvent)
		if err != nil {
			t.Fatal(err)
		}
		read, err := ParseLine(written)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := read.JSONLine(LineEvent)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(string(written), `"size":45`, `"size":38`) // the body's blanks are gone
		if diff := cmp.Diff(want, string(again)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWrongLinesAreRefused(t *testing.T) {
	const good = `{"type":"event","v":1,"n":1,"verdict":"ok","method":"POST","body":{},"headers":[["A","b"]],"attempts":[{"n":1,"target":"x","status":200}]}`
	if _, err := ParseLine([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for change, want := range map[string]string{
		`"v":1 -> "v":2`:                                            "written by a newer hf-tap: version 2 of the schema, this one reads 1",
		`"type":"event" -> "type":"state"`:                          "not an event",
		`"type":"event" -> "type":"arrival"`:                        "not an event",
		`"type":"event", -> `:                                       `not a line of hf-tap: "type" or "v" is missing`,
		`"n":1,"verdict" -> "verdict"`:                              `"n" must be 1 or more, not 0`,
		`"n":1,"verdict" -> "n":"1","verdict"`:                      `"n" must not be a JSON string`,
		`"ok" -> "yes"`:                                             `"verdict" "yes" is unknown`,
		`"POST" -> "P OST"`:                                         `"method" "P OST" is not valid`,
		`"body":{}, -> `:                                            `"body" or "body_base64" is missing`,
		`["A","b"] -> ["A\n","b"]`:                                  `header "A\n" is not valid`,
		`["A","b"] -> ["A","b\r\nC: d"]`:                            `header "A" is not valid`,
		`"target":"x" -> "headers":[["","x"]]`:                      `attempt 1: header "" is not valid`,
		`"n":1,"v -> "received_at":"9999-01-01T00:00:00Z","n":1,"v`: `time "9999-01-01T00:00:00Z" is out of range`,
		`} -> `: "invalid JSON",
	} {
		from, to, _ := strings.Cut(change, " -> ")
		_, err := ParseLine([]byte(strings.Replace(good, from, to, 1)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", change, err, want)
		}
	}
	if _, err := ParseLine([]byte(`{"type":"state","v":1}`)); !errors.Is(err, ErrNotEvent) {
		t.Error(err)
	}
}

func FuzzParseLine(f *testing.F) {
	line, err := example().JSONLine(LineEvent)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte(`{"type":"event","v":1,"n":1,"verdict":"ok","method":"POST","body":null,"answer":{"ms":1e300},"delivered_by":[{"target":"a","n":-1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseLine(b)
		if err != nil {
			return
		}
		written, err := e.JSONLine(LineEvent)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseLine(written); err != nil {
			t.Errorf("what was read cannot be read again: %v\n%s", err, written)
		}
	})
}
