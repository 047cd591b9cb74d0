package event

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hf-tap/hf-tap/hub"
)

func example() *Event {
	return &Event{
		N: 7, Session: "s1", Source: SourceHub, WebhookID: "65a14fd933eca76f4639fc84", Delivery: "d-1", DeliveryN: 2,
		Kind: "repo.content.update", Repo: hub.Repo{Type: "model", Name: "me/m"},
		ReceivedAt: time.Date(2026, 11, 23, 20, 0, 0, 123456789, time.UTC), Verdict: VerdictOK, Method: "POST",
		Path:   "/hf-tap/abc?secret=s3cret&x=1",
		Header: http.Header{"X-Webhook-Secret": {"s3cret"}, "Authorization": {"Bearer s3cret"}, "Cookie": {"a=s3cret"}, "B": {"2", "1"}, "A": {"<&>"}},
		Body:   []byte(`{ "n": 12345678901234567890, "b": 1, "b": 2 }`), Size: 45, Phase: PhaseSettled,
		Answer: Answer{Status: 200, Duration: 1234567 * time.Nanosecond},
		Attempts: []Attempt{{N: 1, Target: "http://u:s3cret@127.0.0.1:1/?token=s3cret", Status: 500, Duration: time.Second,
			StartedAt: time.Date(2026, 11, 23, 20, 0, 1, 0, time.UTC), Err: "went away"}},
	}
}

func TestAnEventIsALineOfTheDocumentedSchema(t *testing.T) {
	// json.Marshal escapes "<" in what a MarshalJSON returned; the printers call
	// MarshalJSON themselves.
	got, err := example().JSONLine(LineEvent)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"event","v":1,"n":7,"session":"s1","source":"hub","webhook_id":"65a14fd933eca76f4639fc84",` +
		`"delivery":"d-1","delivery_n":2,"kind":"repo.content.update","repo":{"type":"model","name":"me/m"},` +
		`"received_at":"2026-11-23T20:00:00.123456789Z","verdict":"ok","method":"POST","path":"/hf-tap/abc?secret=***&x=1",` +
		`"headers":[["A","<&>"],["Authorization","***"],["B","2"],["B","1"],["Cookie","***"],["X-Webhook-Secret","***"]],` +
		`"body":{"n":12345678901234567890,"b":1,"b":2},"size":45,"phase":"settled","answer":{"status":200,"ms":1.235},` +
		`"attempts":[{"n":1,"target":"http://u:***@127.0.0.1:1/?token=***","started_at":"2026-11-23T20:00:01Z","status":500,"ms":1000,"error":"went away"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(string(got), "s3cret") {
		t.Error("a secret got out")
	}
}

func TestABodyThatIsNoJSONIsBase64(t *testing.T) {
	for body, want := range map[string]string{
		"":                               `"body_base64":""`,
		"not json":                       `"body_base64":"bm90IGpzb24="`,
		"\"\xff\"":                       `"body_base64":"Iv8i"`,
		strings.Repeat("[", 20_000):      `"body_base64":"W1tb`,
		`null`:                           `"body":null`,
		`{"a":"` + "\u202e" + `\u001b"}`: `"body":{"a":"` + "\u202e" + `\u001b"}`,
	} {
		e := &Event{Body: []byte(body)}
		got, err := e.JSONLine(LineEvent)
		if err != nil || !strings.Contains(string(got), want) || !json.Valid(got) {
			t.Errorf("body %.20q: %v, %.200s", body, err, got)
		}
	}
	got, _ := (&Event{}).JSONLine(LineEvent)
	if strings.Contains(string(got), `"body`) {
		t.Errorf("a body that was not loaded is in %s", got)
	}
}

func TestAStateIsALine(t *testing.T) {
	s := &State{Session: "s1", At: time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC), Subject: SubjectTunnel, Name: "https://x", State: "up"}
	got, err := s.JSONLine()
	want := `{"type":"state","v":1,"session":"s1","at":"2026-11-23T20:00:00Z","subject":"tunnel","name":"https://x","state":"up"}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

func TestURLsAreMaskedInPlace(t *testing.T) {
	for in, want := range map[string]string{
		"/p":                          "/p",
		"/p?a=1&b=2":                  "/p?a=1&b=2",
		"/p?Secret=x&a=%zz":           "/p?Secret=***&a=%zz",
		"/p?s%65cret=x":               "/p?s%65cret=***",
		"https://u:p@h/p":             "https://u:***@h/p",
		"https://u@h/p":               "https://u@h/p",
		"https://u:p@h?to=a@b":        "https://u:***@h?to=a@b",
		"https://u:p@h#a@b":           "https://u:***@h#a@b",
		"https://u:p@w@h/p?api_key=1": "https://u:***@h/p?api_key=***",
		"/p?secret":                   "/p?secret",
		"/p?token=a#frag":             "/p?token=***#frag",
		"::::?secret=x":               "::::?secret=***",
	} {
		if got := MaskURL(in); got != want {
			t.Errorf("MaskURL(%q) = %q, want %q", in, got, want)
		}
	}
}
