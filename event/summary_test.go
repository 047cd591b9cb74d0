package event

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestASummarySaysWhatAPayloadIsAbout(t *testing.T) {
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf(`{"path":"f%d","action":"add"}`, i)
	}
	for body, want := range map[string]string{
		`{"discussion":{"num":19,"title":"Update  co2\n emissions"}}`:                                              "#19 Update co2 emissions",
		`{"discussion":{"num":19,"title":"Co2"},"comment":{"content":"Thanks\nfor it","hidden":false}}`:            "#19 Co2: Thanks for it",
		`{"discussion":{"num":19,"title":"A title that is as long as titles are"},"comment":{"content":"Thanks"}}`: "#19 A title that is as long…: Thanks",
		`{"discussion":{"num":19,"title":"Co2"},"comment":{"hidden":true}}`:                                        "#19 Co2: (hidden)",
		`{"comment":{"content":"alone"}}`:                                                                          "alone",
		`{"updatedRefs":[{"ref":"refs/heads/main","oldSha":"ce9a","newSha":"575db8b7a51b6f85"}]}`:                  "main 575db8b",
		`{"updatedRefs":[{"ref":"refs/tags/v1","oldSha":"ce9a","newSha":null},{"ref":"refs/pr/5","newSha":"a"}]}`:  "v1 deleted, pr/5 a",
		`{"updatedConfig":{"private":false}}`:                                                                      "private false",
		`{"updatedConfig":{}}`:                                                                                     "",
		`{"movedTo":{"name":"you/n","owner":{"id":"1"}}}`:                                                          "to you/n",
		`{"updatedFiles":[{"path":"a","action":"add"},{"path":"b","action":"delete"},{"action":"touch"}]}`:         "1 added, 1 deleted, 1 touch",
		`{"updatedFiles":[` + strings.Join(many, ",") + `]}`:                                                       "10000 added",
		`{"discussion":7,"comment":[],"updatedRefs":"x"}`:                                                          "",
		`{"discussion":{"num":"nineteen","title":"Co2"}}`:                                                          "Co2",
		`not JSON`: "",
	} {
		e := &Event{Body: []byte(body)}
		e.ParseRequest()
		if e.Summary != want {
			t.Errorf("%.80s: %q, want %q", body, e.Summary, want)
		}
		if got := NewRow(e).Summary; got != e.Summary {
			t.Errorf("the row has %q", got)
		}
	}
}

func TestALongSummaryIsCutBetweenRunes(t *testing.T) {
	e := &Event{Body: []byte(`{"discussion":{"num":1,"title":"` + strings.Repeat("é", 500) + `"},"comment":{"content":"` + strings.Repeat("日", 500) + `"}}`)}
	e.ParseRequest()
	if n := utf8.RuneCountInString(e.Summary); n != maxSummary || !utf8.ValidString(e.Summary) || !strings.HasSuffix(e.Summary, "…") {
		t.Errorf("%d runes: %q", n, e.Summary)
	}
}
