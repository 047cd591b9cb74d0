package tui

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/event"
)

func TestWithoutABrowserTheAddressCanBeCopied(t *testing.T) {
	onScreen(t, 80, 24, many(1), func(s *screen) {
		s.m.cfg.Actions.Open = func(_ context.Context, url string) (string, error) {
			return "", fmt.Errorf("open %s: %w", url, &exec.Error{Name: "xdg-open", Err: exec.ErrNotFound})
		}
		s.press("o")
		s.shows("no browser here: c, then u copies the address")
		s.m.cfg.Actions.Open = func(_ context.Context, url string) (string, error) {
			return "", fmt.Errorf("open %s: it is gone", url)
		}
		s.press("o")
		if got := strings.Count(s.m.note.text, "open https://"); got != 1 {
			t.Errorf("%q says it %d times", s.m.note.text, got)
		}
	})
}

func TestALongTextIsNotCopiedByTheTerminal(t *testing.T) {
	onScreen(t, 100, 24, func(w *fakeSession) {
		e := delivery(1)
		e.Body = []byte(`"` + strings.Repeat("x", maxClipboard) + `"`)
		w.record(e)
	}, func(s *screen) {
		s.press("c", "b")
		s.did("copied \"xxx")
		s.session.fail = errors.New("no clipboard")
		s.press("c", "b")
		s.shows("copy the body (#1): no clipboard; s saves it")
		s.press("c", "c")
		s.m.cfg.Actions.Copy = nil
		s.press("c", "b")
		s.shows("more than a terminal takes; s saves it")
		s.press("c", "u")
		s.shows("names no address")
	})
}

// A terminal does not report whether it took a text.
func TestCopiedIsSaidOnlyOfWhatIsKnown(t *testing.T) {
	onScreen(t, 100, 24, many(1), func(s *screen) {
		s.press("c", "u")
		s.shows("copied the address on the Hub (#1), 38 bytes")
		s.session.fail = errors.New("no clipboard")
		s.press("c", "u")
		s.shows("sent to the terminal's clipboard: the address on the Hub (#1), 38 bytes; th")
		s.hides("copied")
		s.m.cfg.Actions.Copy = nil
		s.press("c", "u")
		s.shows("sent to the terminal's clipboard: the address on the Hub (#1), 38 bytes")
		s.hides("copied")
	})
}

func TestHubAddressesAreTheNarrowest(t *testing.T) {
	for body, want := range map[string]string{
		`{"repo":{"url":{"web":"r"}},"discussion":{"url":{"web":"d"}},"comment":{"url":{"web":"c"}}}`: "c",
		`{"repo":{"url":{"web":"r"}},"discussion":{"url":{"web":"d"}}}`:                               "d",
		`{"repo":{"url":{"web":"r"}}}`: "r",
		`{}`:                           "", "no json": "", `{"repo":3}`: "",
	} {
		got, err := hubURL(&event.Event{Body: []byte(body)})
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", body, got, err)
		}
	}
}

func TestATextScreenIsSafe(t *testing.T) {
	var out strings.Builder
	p := &textScreen{ctx: t.Context(), text: "one\n\x1b[2J\u009bx"}
	p.SetStdin(strings.NewReader("\n"))
	p.SetStdout(&out)
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	if want := "\none\r\n␛[2J\\u009bx\n\n(enter goes back)\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
