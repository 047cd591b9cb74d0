package event

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAnErrorInAnAnswerOf2xxIsFound(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":"incorrect secret"}`:                    "incorrect secret",
		` {"error": {"message": "no\nrepo", "code": 3}} `: "no repo",
		`{"error":true}`:                                  "true",
		`{"error":{"code":3}}`:                            `{"code":3}`,
		`{"ok":false,"errors":["a","b"]}`:                 `["a","b"]`,
		`{"status":"error","message":"bad token"}`:        "bad token",
		`{"status":"Failed"}`:                             `{"status":"Failed"}`,
		`{"statusCode":401,"message":"Unauthorized"}`:     "Unauthorized",
		`{"status":404}`:                                  `{"status":404}`,
		`[{"error":"incorrect secret"},400]`:              "incorrect secret",
		`[{"reason":"x"}, 403]`:                           `{"reason":"x"}`,
		`["Invalid secret",401]`:                          "Invalid secret",
		`{"detail":"Not Found"}`:                          "Not Found",
		`{"detail":"Not authenticated"}`:                  "Not authenticated",
		`{"detail":[{"loc":["body"],"msg":"Field required","type":"missing"}]}`: `[{"loc":["body"],"msg":"Field required","type":"missing"}]`,
	} {
		a := &Attempt{Status: 200, Body: []byte(body)}
		if got := a.BodyError(); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
		for _, other := range []Attempt{{Status: 400, Body: a.Body}, {Status: 302, Body: a.Body}, {Status: 200, Err: "cut short", Body: a.Body}, {Status: 200, BodyCut: true, Body: a.Body}} {
			if got := other.BodyError(); got != "" {
				t.Errorf("%d %s: %q", other.Status, body, got)
			}
		}
	}
}

func TestAnAnswerThatOnlyMentionsAnErrorIsNone(t *testing.T) {
	for _, body := range []string{
		``, ` `, `ok`, `{}`, `[]`, `null`, `error`, `"error"`, `{"error":`, `{"error":null}`, `{"error":false}`, `{"error":""}`, `{"error":" "}`, `{"error":0}`, `{"error":"none"}`,
		`{"error":[]}`, `{"errors":{}}`, `{"status":"ok","error":null}`, `{"status":"errors fixed"}`, `{"status":200}`, `{"status":1000}`, `{"processed":true}`,
		`{"detail":"3 events handled, no error"}`, `{"detail":"not found in cache, fetched"}`, `{"detail":"Not Found","handled":true}`, `{"detail":[]}`, `{"detail":["a"]}`,
		`[400]`, `[200,400]`, `[{"a":1},{"b":2}]`, `[{"ok":true},200]`, `["processed",499]`, `["x",400.5]`, `[{"error":"x"},400,{}]`, `{"result":{"error":"in the model's answer"}}`,
		`{"error":"` + strings.Repeat("x", 64<<10) + `"}`,
	} {
		if got := (&Attempt{Status: 200, Body: []byte(body)}).BodyError(); got != "" {
			t.Errorf("%.80s: %q", body, got)
		}
	}
}

func TestALongErrorInAnAnswerIsCut(t *testing.T) {
	a := &Attempt{Status: 200, Body: []byte(`{"error":"` + strings.Repeat("é\\u001b", 1000) + `"}`)}
	if got := a.BodyError(); len(got) > 210 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
		t.Errorf("got %d bytes: %q", len(got), got)
	}
}

func TestARowHasTheErrorInTheLastAnswer(t *testing.T) {
	const target = "http://127.0.0.1:3000"
	bad := Attempt{N: 1, Target: target, Status: 200, Body: []byte(`[{"error":"incorrect secret"},400]`)}
	e := &Event{N: 1, Phase: PhaseSettled, Targets: []string{target}, Attempts: []Attempt{bad}}
	r := NewRow(e)
	if got := r.Targets[0]; got.BodyError != "incorrect secret" || !got.OK() || r.Failed || !strings.Contains(r.SearchText(), "incorrect secret") {
		t.Errorf("the row has %+v, failed %v", got, r.Failed)
	}
	line, err := e.JSONLine(LineEvent)
	if err != nil || !strings.Contains(string(line), `"body_error":"incorrect secret"}`) {
		t.Errorf("the line is %s, %v", line, err)
	}
	if got := r.Apply(Update{N: 1, Attempt: &Attempt{N: 2, Target: target, Status: 200}}).Targets[0]; got.BodyError != "" {
		t.Errorf("after a good answer the row has %+v", got)
	}
}

func FuzzBodyErrorsAreShortLines(f *testing.F) {
	for _, body := range []string{`{"error":"x\ny"}`, `[{"error":{"message":"m"}},400]`, `{"detail":[{"loc":[],"msg":"m"}]}`, `{"status":"error"}`, `[[],500]`, strings.Repeat(`[`, 10_001), `{"error":"\ud800"}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := (&Attempt{Status: 200, Body: body}).BodyError()
		if len(got) > maxBodyError+len("…") || strings.ContainsAny(got, "\r\n") || !utf8.ValidString(got) {
			t.Errorf("%q: %q", body, got)
		}
	})
}
