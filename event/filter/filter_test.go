package filter

import (
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// asked is an event with something for every key.
func asked() *event.Event {
	return &event.Event{
		N: 12, Session: "896c", Source: event.SourceReplay, ReplayOf: 7, WebhookID: "65a14fd9", Delivery: "d-77", DeliveryN: 2,
		Kind: "discussion.comment.create", Repo: hub.Repo{Type: "model", Name: "me/Whisper"}, Verdict: event.VerdictOK, Method: "POST",
		ReceivedAt: time.Unix(1_795_000_000, 0), Path: "/hf-tap/x?secret=s3cret", Phase: event.PhaseSettled,
		Header: http.Header{"User-Agent": {"hub/1"}, "Authorization": {"Bearer s3cret"}},
		Size:   12_000, Body: []byte(`{"comment":{"content":"hi @Bot, \"merge\" this"},"discussion":{"num":4}}`), Answer: event.Answer{Status: 200},
		Targets: []string{"http://127.0.0.1:3000/hook", "http://127.0.0.1:4000/"}, Pinned: true,
		Attempts: []event.Attempt{
			{N: 1, Target: "http://127.0.0.1:3000/hook", Status: 500, Duration: 20 * time.Millisecond},
			{N: 2, Target: "http://127.0.0.1:3000/hook", Status: 204, Duration: 1500 * time.Millisecond},
			{N: 1, Target: "http://127.0.0.1:4000/", Err: "connection refused"},
		},
	}
}

func TestAFilterFitsWhatItAsksFor(t *testing.T) {
	e := asked()
	r := event.NewRow(e)
	for filter, want := range map[string]bool{
		"": true, "  ": true,
		"kind:discussion.*": true, "kind:repo.*": false, "kind:comment": true, "kind:repo.*,discussion.*": true, "-kind:repo.config": true, "KIND:Discussion.*": true,
		"repo:me/*": true, "repo:model:me/*": true, "repo:whisper": true, "repo:dataset:*": false, "repo:you/*": false,
		"verdict:ok": true, "verdict:o": true, "verdict:wrong": false, "-verdict:wrong,missing": true,
		"status:204": true, "status:500": false, "status:2xx": true, "status:0": true, "status:>=500": false, "status:200..299": true, "status:500,204": true,
		"answer:200": true, "latency:>1s": true, "latency:>1500ms": false, "latency:<=1500ms": true, "latency:1s..2s": true,
		"target:3000": true, "target:5000": false, "target:*4000/": true, "error:refused": true, "error:timeout": false,
		"is:failed": true, "is:handed": false, "is:replay": true, "is:again": true, "is:pinned": true, "-is:edited": true, "is:trusted": true, "is:waiting": false,
		"source:replay": true, "source:hub": false, "tries:>1": true, "tries:>2": false, "size:>10kb": true, "size:<1mb": true,
		"n:12": true, "n:#12": true, "n:10..20": true, "n:<12": false, "replay:7": true, "delivery:d-77": true, "webhook:65a1": true, "session:896c": true,
		"path:/hf-tap": true, "path:s3cret": false, `header:"user-agent: hub"`: true, "header:user-agent:*": true, "header:s3cret": false,
		"body:@bot": true, "body:nowhere": false, `"@bot"`: true, "@bot": true, `"hi @bot"`: true, `"hi  @bot"`: false, `"\"merge\" this"`: true,
		"-@bot": false, "-nowhere": true, "-body:nowhere": true, "whisper": true, ":3000": true, "refused": true, "204": true,
		"discussion.*,model:me/*": true, "repo.*,model:me/*": false, "discussion.* , model:me/*": true, "-discussion.*": false, "user:me": true, "org:us": false, "*": true,
		"kind:discussion.* repo:me/* verdict:ok status:2xx latency:>1s target:3000 -kind:repo.config \"@bot\"": true,
		"kind:discussion.* status:>=500": false, "discussion.* is:failed @bot": true,
		"jq:.body.discussion.num > 3": true, "jq:.body.discussion.num > 4": false, "jq:'.repo.name == \"me/Whisper\"' is:failed": true,
		`jq:".kind == \"discussion.comment.create\"" is:handed`: false, "-jq:.body.discussion": false, "is:failed jq:.attempts[] | select(.status == 500)": true,
		"jq:.body.nothing": false, "jq:error": false, "jq:empty": false, "jq:.n.x": false,
	} {
		f, err := Parse(filter)
		if err != nil {
			t.Errorf("%q: %v", filter, err)
			continue
		}
		if got := f.Match(e); got != want {
			t.Errorf("%q fits: %v, want %v", filter, got, want)
		}
		switch fit := f.MatchRow(r); {
		case fit == FitUnknown && !f.NeedsBody():
			t.Errorf("%q needs no body and the row cannot tell", filter)
		case fit != FitUnknown && (fit == FitYes) != want:
			t.Errorf("%q fits the row: %v, want %v", filter, fit, want)
		}
	}
}

func TestAFilterTellsItsConditions(t *testing.T) {
	f, err := Parse(`-kind:"a*",Repo.* status:5xx,>=200 verdict:w,ok @Bot repo.* jq:.A`)
	if err != nil {
		t.Fatal(err)
	}
	want := []Condition{
		{Key: "kind", Not: true, Values: []string{"a*", "repo.*"}, Plain: []bool{true, false}},
		{Key: "status", Ranges: [][2]int64{{500, 599}, {200, math.MaxInt64}}},
		{Key: "verdict", Values: []string{"wrong", "ok"}, Plain: []bool{false, false}},
		{Values: []string{"@bot"}, Plain: []bool{true}},
		{Key: "match", Values: []string{"repo.*"}, Plain: []bool{false}},
		{Key: "jq", Values: []string{".A"}, Plain: []bool{true}},
	}
	if diff := cmp.Diff(want, f.Conditions()); diff != "" {
		t.Error(diff)
	}
	if (*Filter)(nil).Conditions() != nil || !(*Filter)(nil).Empty() || (*Filter)(nil).String() != "" || !(*Filter)(nil).Match(&event.Event{}) {
		t.Error("no filter asks for something")
	}
}

func TestEveryMatchOfARouteIsAFilter(t *testing.T) {
	for _, match := range []string{"*", "discussion.*", "*.update", "repo.config.update", "repo.config.dois.*", "model:me/*", "*:me/*", "user:me", "org:us",
		"repo.*,discussion.create,model:me/m", "repo.* , model:me/m", "discussion.*,model:me/*", "user:*"} {
		m, err := event.ParseMatch(match)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(match)
		if err != nil {
			t.Errorf("%q is a match and no filter: %v", match, err)
			continue
		}
		for _, kind := range append(event.Kinds(), "", "repo.config.dois.create", "newer.create") {
			for _, repo := range []hub.Repo{{}, {Type: "model", Name: "me/m"}, {Type: "space", Name: "us/m"}, {Type: "model", Name: "bert"}} {
				e := &event.Event{Kind: kind, Repo: repo}
				if f.Match(e) != m.Matches(e) {
					t.Errorf("%q fits %q of %q: %v as a filter, %v as a match", match, kind, repo.String(), f.Match(e), m.Matches(e))
				}
			}
		}
	}
}

func TestAWrongFilterSaysWhereAndWhatIsRight(t *testing.T) {
	for filter, want := range map[string]string{
		"is:failed foo:bar":       `at character 11: unknown key "foo": want one of kind, repo, `,
		"né한 foo:bar":             `at character 5: unknown key "foo"`, // characters, not bytes
		"https://hf.co":           `at character 1: unknown key "https": want one of kind`,
		`kind:a "open`:            `at character 8: the quoted phrase has no end: want "`,
		"status:>>5":              `at character 8: ">>5" is not a valid value of status: want a status`,
		"status:200,x":            `at character 12: "x" is not a valid value of status`,
		"latency:>1":              `at character 9: ">1" is not a valid value of latency: want a duration with its unit`,
		"verdict:bad":             `at character 9: verdict has no value "bad": want one of ok, wrong, missing, unchecked`,
		"is:":                     "at character 4: the value is empty",
		"kind:a,":                 "at character 8: the value is empty",
		`kind:"a"b`:               "at character 9: \"b\" follows a quote",
		"a - b":                   `at character 3: "-" stands alone`,
		"a -\n":                   `at character 3: "-" stands alone`,
		"a -\u3000b":              `at character 3: "-" stands alone`,
		"jq:":                     "at character 4: jq has no expression",
		"ok jq:.a |":              "at character 11: unexpected EOF",
		"jq:'.a ='":               "at character 9: ",
		"jq:nofunc":               "function not defined: nofunc",
		`""`:                      "at character 1: the phrase is empty",
		strings.Repeat("x", 5000): "it is too long: want at most 4096 bytes",
		"jq:input":                "input(s)/0 is not allowed",
		"size:>1tb":               `">1tb" is not a valid value of size`,
		"n:-1":                    `"-1" is not a valid value of n`,
		"latency:-1s..1s":         `is not a valid value of latency`,
	} {
		_, err := Parse(filter)
		var at *Error
		if !errors.As(err, &at) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %s", filter, err, want)
		}
	}
}

func TestAJQExpressionThatRunsForEverIsCut(t *testing.T) {
	for _, filter := range []string{
		"jq:[repeat(1)]", "jq:def f: f; f", `jq:reduce range(60) as $i ("ab"; . + .)`, "jq:reduce range(60) as $i ([1]; . + .)", "jq:last(range(1e12))",
	} {
		f, err := Parse(filter)
		if err != nil {
			t.Fatal(err)
		}
		began, done := time.Now(), make(chan bool, 1)
		go func() { done <- f.Match(asked()) }()
		select {
		case fits := <-done:
			if fits {
				t.Errorf("%q fits", filter)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%q took %s", filter, took)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%q still runs", filter)
		}
	}
}

func TestCompletionOffersKeysThenTheirValues(t *testing.T) {
	known := Known{Repos: []string{"space:me/s", "model:me/m", "model:me/m"}, Targets: []string{":3000"}}
	known.Add(&event.Row{Session: "5e55", WebhookID: "6ebb", Repo: "model:me/m"})
	for _, c := range []struct{ before, after, want string }{
		{"", "", "kind: repo: verdict: status: exit: answer: latency: target: error: is: source: tries: size: n: replay: delivery: webhook: session: path: header: body: jq:"},
		{"ver", "", "verdict:"},
		{"is:failed -st", "", "status:"},
		{"verdict:", "", "ok wrong missing unchecked"},
		{"verdict:ok,w", "", "wrong"},
		{"repo:", "", "model:me/m space:me/s"},
		{"session:", "", "5e55"},
		{"-webhook:6", "", "6ebb"},
		{"repo:me", " is:failed", "model:me/m space:me/s"},
		{"kind:discussion.c", "", "discussion.create discussion.comment.create discussion.comment.update"},
		{"target:", "", ":3000"},
		{`"ver`, "", ""},
		{`"some ver`, "", ""},
		{`kind:"a,`, "", ""},
		{`"some" ver`, "", "verdict:"},
		{"jq:.ver", "", ""},
		{"jq:. | st", "", ""},
		{"nokey:v", "", ""},
	} {
		got := Complete(c.before+c.after, len(c.before), known)
		var texts []string
		for _, candidate := range got.Candidates {
			texts = append(texts, candidate.Text)
			full := c.before[:got.From] + candidate.Text
			if strings.HasSuffix(candidate.Text, ":") {
				continue
			}
			if _, err := Parse(full); err != nil {
				t.Errorf("%q is completed to what is wrong: %v", c.before, err)
			}
		}
		if strings.Join(texts, " ") != c.want {
			t.Errorf("%q| offers %q, want %q", c.before, texts, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"kind:discussion.* -repo:me/* \"@bot\"", "discussion.* , model:me/*", "status:>=500,2xx latency:1s..2s", "jq:.a | select(.b)",
		`jq:"x\"y" is:failed`, "-", `"`, "a:b", "is:\xff", "kind:\"*\"", "size:9999999999gb", "n:..", "-jq:1"} {
		f.Add(seed, 3)
	}
	e := asked()
	f.Fuzz(func(t *testing.T, s string, cursor int) {
		c := Complete(s, cursor, Known{Repos: []string{"model:me/m"}})
		if c.From < 0 || c.From > c.To || c.To > len(s) {
			t.Fatalf("completion of %q at %d replaces %d to %d", s, cursor, c.From, c.To)
		}
		got, err := Parse(s)
		if err != nil {
			var at *Error
			if !errors.As(err, &at) || at.Pos < 0 || at.Pos > len(s) || at.Want == "" || at.Problem == "" {
				t.Fatalf("%q: %#v", s, err)
			}
			return
		}
		again, err := Parse(got.String())
		if err != nil {
			t.Fatalf("%q was read as %q, which is wrong: %v", s, got, err)
		}
		fits := got.Match(e)
		if !strings.Contains(s, "jq:") && again.Match(e) != fits { // jq has now and input
			t.Errorf("%q became %q, which fits otherwise", s, got)
		}
		if m, err := event.ParseMatch(s); err == nil && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > 0x7e }) && m.Matches(e) != fits {
			t.Errorf("%q fits as a filter: %v, and otherwise as a match", s, fits)
		}
	})
}

// A session that waits for a misspelt word never ends.
func TestAMisspeltWordOfAFilterIsCorrected(t *testing.T) {
	for filter, want := range map[string]string{
		"kind:discusion.*": "kind:discussion.*", "-kind:repo.*,discusion.*": "-kind:repo.*,discussion.*", "kind:discusion": "kind:discussion.*", "Kind:Discusion.Create": "Kind:discussion.create",
		"discusion.*": "discussion.*", "discusion.create": "discussion.create", "is:failed repo.contnet.update": "is:failed repo.content.update",
		"verdct:ok": "verdict:ok", "modle:me/*": "model:me/*", "repo:modle:me/m": "repo:model:me/m", "repo:qqqq:x": "",
		"is:faild": "is:failed", "verdict:wrnog": "verdict:wrong", "source:sandbx": "source:sandbox", "is:zzz": "", "kind:billing.*": "",
	} {
		_, err := Parse(filter)
		var wrong *Error
		if !errors.As(err, &wrong) {
			t.Errorf("%q is taken", filter)
			continue
		}
		if got := wrong.Corrected(); got != want {
			t.Errorf("%q is corrected to %q, want %q (%v)", filter, got, want, err)
		}
		if want != "" && !strings.Contains(wrong.Want, wrong.Near) {
			t.Errorf("%q: %q does not name %q", filter, wrong, wrong.Near)
		}
	}
	for _, filter := range []string{
		`kind:"billing.*"`, "kind:repo.config.dois.create", "kind:repo.config.*.create", "kind:comment", "kind:discussion.c", "kind:*.update", `"discusion.create"`, "readme.md", "example.com",
		"repo:me/m", "*update", "kind:*update", "repo.*,*date", "repo:dataset:", "repo:del:me", `repo:"paper:me/x"`, "repo:*:me/m",
	} {
		if _, err := Parse(filter); err != nil {
			t.Errorf("%q: %v", filter, err)
		}
	}
}

func TestTheExitStatusOfACommandIsNotAStatus(t *testing.T) {
	e := &event.Event{Targets: []string{"exec:a", "exec:b", "http://127.0.0.1:1"}, Attempts: []event.Attempt{
		{Target: "exec:a", N: 1, Err: "exit status 3"}, {Target: "exec:b", N: 1, Err: "ended by SIGKILL"}, {Target: "http://127.0.0.1:1", N: 1, Status: 204},
	}}
	for filter, want := range map[string]bool{
		"exit:3": true, "exit:>2": true, "exit:0": false, "exit:204": false, "status:3": false, "status:0": true, "is:failed": true, `error:"exit status 3"`: true,
	} {
		f, err := Parse(filter)
		if err != nil {
			t.Fatal(err)
		}
		if f.Match(e) != want {
			t.Errorf("%s: got %v", filter, !want)
		}
	}
}
