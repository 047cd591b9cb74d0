package advice

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
)

const target = "http://127.0.0.1:7860"

func attempt(status int, body string) *event.Attempt {
	return &event.Attempt{N: 1, Target: target, Status: status, Body: []byte(body)}
}

func delivered(kind event.Kind) *event.Event {
	return &event.Event{Verdict: event.VerdictOK, Source: event.SourceHub, Kind: kind}
}

func TestEachAnswerHasItsAdvice(t *testing.T) {
	replay := delivered("repo.update")
	replay.Source, replay.ReplayOf = event.SourceReplay, 12
	stranger := delivered("repo.update")
	stranger.Verdict = event.VerdictUnchecked
	only := attempt(405, "")
	only.Header = http.Header{"Allow": {"GET, HEAD"}}
	hook, away, safe := attempt(404, ""), attempt(404, ""), attempt(404, "")
	hook.Target, away.Target, safe.Target = "http://localhost:3000/hook?v=1", "http://app.example:8080/x", "https://me:***@app.example/x"
	missing := `{"detail":[{"type":"missing","loc":["body","discussion","num"],"msg":"Field required"}]}`
	for _, c := range []struct {
		name    string
		event   *event.Event
		attempt *event.Attempt
		trouble Trouble
		says    []string
	}{
		{"no path", delivered("repo.update"), attempt(404, ""), WrongPath, []string{"POST / was answered 404", "--forward 7860/webhook or --forward 7860/webhooks/huggingface"}},
		{"no method", delivered("repo.update"), only, WrongPath, []string{"POST / was answered 405", "only GET, HEAD is allowed there", "--forward 7860/webhook"}},
		{"localhost", delivered("repo.update"), hook, WrongPath, []string{"POST /hook was", "--forward 3000/webhook"}},
		{"elsewhere", delivered("repo.update"), away, WrongPath, []string{"--forward app.example:8080/webhook"}},
		{"https", delivered("repo.update"), safe, WrongPath, []string{"app.example/webhook"}},
		{"401", delivered("repo.update"), attempt(401, ""), WrongSecret, []string{"answered 401 to the right secret", "the variable that your handler reads", "export WEBHOOK_SECRET=$(hf-tap secret)", "the Hub sends the secret as it is, no signature"}},
		{"403", delivered("repo.update"), attempt(403, ""), WrongSecret, []string{"answered 403"}},
		{"400 about a signature", delivered("repo.update"), attempt(400, `{"error":"Invalid Signature"}`), WrongSecret, []string{"answered 400"}},
		{"400 about something else", delivered("repo.update"), attempt(400, `{"error":"no such model"}`), "", nil},
		{"401 without a secret to check", stranger, attempt(401, ""), "", nil},
		{"422", delivered("discussion.create"), attempt(422, "no"), BadPayload, []string{"answered 422;", "the repo's type", "a field that discussion.create does not have", "--domain repo"}},
		{"422 of FastAPI", delivered("repo.update"), attempt(422, missing), BadPayload, []string{"body.discussion.num: Field required", "--domain discussion"}},
		{"422 of great length", delivered("repo.update"), attempt(422, strings.ReplaceAll(missing, "required", strings.Repeat("x", 1000))), BadPayload, []string{"…;"}},
		{"a duplicate", replay, attempt(200, `{"status":"Duplicate"}`), Duplicate, []string{"hf-tap events replay 12 --new-id"}},
		{"a conflict", replay, attempt(409, `already processed`), Duplicate, []string{"--new-id"}},
		{"a retry of the Hub's that is a duplicate", delivered("repo.update"), attempt(200, `duplicate`), "", nil},
		{"a replay that is taken", replay, attempt(200, `ok`), "", nil},
		{"fine", delivered("repo.update"), attempt(200, ""), "", nil},
		{"a bug", delivered("repo.update"), attempt(500, "secret"), "", nil},
		{"no answer", delivered("repo.update"), &event.Attempt{Target: target, Err: "refused"}, "", nil},
	} {
		got, ok := For(c.event, c.attempt)
		if ok != (c.trouble != "") || got.Trouble != c.trouble {
			t.Errorf("%s: %+v, %v", c.name, got, ok)
		}
		for _, want := range c.says {
			if !strings.Contains(got.String(), want) {
				t.Errorf("%s: %q does not say %q", c.name, got, want)
			}
		}
		if len(got.String()) > 400 {
			t.Errorf("%s: too long: %q", c.name, got)
		}
		if strings.Contains(got.String(), "\n") {
			t.Errorf("%s: more than a line: %q", c.name, got)
		}
	}
}

func TestPathsThatAreKnownAreNamed(t *testing.T) {
	got := Path(attempt(404, ""), []string{"/api/hf", "/b", "/c", "/d"}).Hint
	if got != "--forward 7860/api/hf or --forward 7860/b or --forward 7860/c, where the handler takes POST" {
		t.Errorf("the hint is %q", got)
	}
}

func TestATroubleIsToldOnceUntilTheTargetTakesAnEvent(t *testing.T) {
	for _, c := range []struct {
		name     string
		statuses []int
		told     string // the numbers of the answers after which something is told
	}{
		{"a wrong path", []int{404, 405, 404, 200, 404}, "1 5"},
		{"a wrong secret from the beginning", []int{401, 401, 403}, "1"},
		{"a wrong secret later", []int{200, 401, 403, 401, 401, 204, 403, 403, 403}, "4 9"},
		{"one event that is refused", []int{200, 403, 200, 403, 200}, ""},
		{"400 to everything", []int{400, 400, 400, 400}, "3"},
		{"400 now and then", []int{400, 400, 200, 400, 400, 500, 400}, ""},
		{"422", []int{422, 200, 422}, "1"},
		{"several", []int{404, 422, 401}, "1 2 3"},
	} {
		var w Watch
		var told []string
		for i, status := range c.statuses {
			if _, ok := w.Note(delivered("repo.update"), attempt(status, "")); ok {
				told = append(told, string(rune('1'+i)))
			}
		}
		if got := strings.Join(told, " "); got != c.told {
			t.Errorf("%s: told after %q, want %q", c.name, got, c.told)
		}
	}
}
