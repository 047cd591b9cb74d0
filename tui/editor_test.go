package tui

import (
	"bytes"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
)

func TestAnEventThatIsNotEditedIsSentAsItWas(t *testing.T) {
	for _, body := range []string{`{"b":1,"a":12345678901234567890}`, "no json\r\nat all\n", "", "\x00\xff"} {
		e := delivery(3)
		e.Body = []byte(body)
		e.Header = http.Header{"Authorization": {"Bearer s3cret", "other s3cret"}, "X-Webhook-Secret": {"s3cret"}, "X-Two": {"a", "b"}, "X-Empty": {""}, "Content-Length": {"9"}}
		e.Path = "/hf-tap/4f1c?token=s3cret"
		e.Targets = []string{"http://u:s3cret@127.0.0.1:3000/hook"}
		text := writeDraft(e)
		if bytes.Contains(text, []byte("s3cret")) {
			t.Fatalf("the file for the editor holds a secret:\n%s", text)
		}
		d, err := readDraft(text, e)
		if err != nil {
			t.Fatal(err)
		}
		e.Header.Del("Content-Length")
		if d.Of != 3 || d.Method != "POST" || d.Path != e.Path || string(d.Body) != body || d.KeepSecret ||
			!reflect.DeepEqual(d.Header, e.Header) || !reflect.DeepEqual(d.Targets, e.Targets) {
			t.Errorf("%q came back as %+v", body, d)
		}
	}
}

func TestEditsAreApplied(t *testing.T) {
	e := delivery(3)
	d, err := readDraft([]byte("# a comment\n@secret: as it stands\n@target: 4000\nPUT /other?x=1\nX-Webhook-Secret: mine\nx-new: 1\n\n{\n  \"a\": 1\n}\n"), e)
	if err != nil {
		t.Fatal(err)
	}
	want := &Draft{Of: 3, Method: "PUT", Path: "/other?x=1", Header: http.Header{"X-Webhook-Secret": {"mine"}, "X-New": {"1"}}, Body: []byte("{\n  \"a\": 1\n}"), Targets: []string{"4000"}, KeepSecret: true}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got %+v", d)
	}
}

func TestAStrangersEventKeepsItsSecret(t *testing.T) {
	for _, verdict := range []event.Verdict{event.VerdictWrong, event.VerdictMissing} {
		e := delivery(3)
		e.Verdict = verdict
		text := writeDraft(e)
		if !bytes.Contains(text, []byte("\n@secret: as it stands\n")) {
			t.Errorf("the draft is %s", text)
		}
		for _, text := range [][]byte{text, []byte("POST /hook\n\n{}")} {
			if d, err := readDraft(text, e); err != nil || !d.KeepSecret {
				t.Errorf("came back as %+v, %v", d, err)
			}
		}
	}
}

func TestAnInvalidDraftNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"POST hook\n\n":               "line 1: \"POST hook\" is not a request line",
		"POST /hook\nno header\n\n":   "line 2: \"no header\" is not a header",
		"@secret: maybe\nPOST /\n":    "line 1: \"@secret: maybe\" is not understood",
		"# only this\n\n{}":           "no line with the method",
		"@other: x\nPOST /hook\n\n{}": "line 1:",
	} {
		if _, err := readDraft([]byte(text), delivery(1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if d, err := readDraft([]byte(" \n"), delivery(1)); d != nil || err != nil {
		t.Errorf("an empty file came back as %+v, %v", d, err)
	}
}

func TestAnEditedEventIsSentOrAskedAbout(t *testing.T) {
	onScreen(t, 100, 24, many(1), func(s *screen) {
		e := delivery(1)
		back := func(text string) {
			s.send(editorResult{of: e, text: []byte(text)})
			s.settle()
		}
		back("POST /hook\n\n{\"a\":1}\n")
		s.did(`delivered 1: POST /hook "{\"a\":1}" to [], keep secret false`)
		n := len(s.session.actions())
		back("POST /hook\n\n{\"a\":\n1,}\n")
		s.shows("the body is not valid JSON", "line 2 of the body: invalid JSON", "e  edit it again")
		s.press("esc")
		s.shows("nothing was sent")
		back("POST /hook\n\n{\"a\":")
		s.press("s")
		s.did(`delivered 1: POST /hook "{\"a\":" to []`)
		back("nonsense\n")
		s.shows("this cannot be sent", "line 1")
		s.press("x")
		back("")
		s.shows("nothing was sent")
		s.send(editorResult{of: e, err: errUnavailable})
		s.shows("this is not to be had here")
		if got := len(s.session.actions()) - n; got != 1 {
			t.Errorf("%d were sent, one was told to be", got)
		}
	})
}

func TestAnEditorWithoutAChangeSendsNothing(t *testing.T) {
	for _, body := range []string{`{"a":1}`, "no end of line", "", "{wrong"} {
		onScreen(t, 100, 24, many(1), func(s *screen) {
			e := delivery(1)
			e.Body = []byte(body)
			ended := append(bytes.TrimSuffix(writeDraft(e), []byte("\n")), '\n') // vim and nano add an end where there is none
			for _, text := range [][]byte{writeDraft(e), ended} {
				s.send(editorResult{of: e, text: text})
				s.settle()
				s.shows("nothing was changed: not sent; r sends it as it was")
			}
			if said := s.session.actions(); len(said) > 0 {
				t.Errorf("done was %q", said)
			}
			s.send(editorResult{of: e, text: bytes.Replace(writeDraft(e), []byte("POST"), []byte("PUT"), 1)})
			s.settle()
			s.did("delivered 1: PUT")
		})
	}
}

func FuzzDraft(f *testing.F) {
	f.Add([]byte("POST /\nA: b\n\n{}"), []byte(`{"a": 1}`))
	f.Add(writeDraft(delivery(4)), []byte("x"))
	f.Fuzz(func(t *testing.T, text, body []byte) {
		e := delivery(4)
		e.Body = body
		_, _ = readDraft(text, e)
		d, err := readDraft(writeDraft(e), e)
		if err != nil || !bytes.Equal(d.Body, body) {
			t.Fatalf("%q came back as %q, %v", body, d.Body, err)
		}
	})
}
