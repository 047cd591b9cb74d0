package tui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/event"
)

// wide are texts that some terminals draw wider than others, and texts that are
// not seen.
var wide = []string{
	strings.Repeat("👩‍💻", 12), strings.Repeat("❤️", 30), strings.Repeat("🇩🇪", 20), "🇩🇪🇫", strings.Repeat("1️⃣", 20), strings.Repeat("👩🏽", 20), "🏴‍☠️🏴‍☠️🏴‍☠️", strings.Repeat("क्षि", 9),
	strings.Repeat("漢字", 30), "a\u200b\u200b\u2060b", "\x1b[2J\x1b]8;;x\x07", "e\u0301\u0302\u0303", "line\nready: http://evil/", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "",
}

func TestTheVerdictStandsBeforeAnyTextFromOutside(t *testing.T) {
	for _, name := range wide {
		for _, w := range []int{20, 24, 30, 40, 60, 80, 96, 100, 120, 160, 200} {
			onScreen(t, w, 24, func(w *fakeSession) {
				e := delivery(1)
				e.Verdict, e.Targets, e.Attempts, e.Answer.Status = event.VerdictWrong, nil, nil, 403
				e.Kind, e.Repo.Name = event.Kind("X"+name), "me/X"+name
				w.record(e)
			}, func(s *screen) {
				for _, row := range strings.Split(s.text(), "\n") {
					if !strings.Contains(row, "12:00:0") || !strings.Contains(row, "›") {
						continue
					}
					verdict, outside := strings.Index(row, "BAD SECR"), strings.IndexByte(row, 'X')
					if verdict < 0 || outside >= 0 && outside < verdict {
						t.Errorf("%q at %d cells: %q", name, w, row)
					}
					return
				}
				t.Errorf("%q at %d cells: no row\n%s", name, w, s.text())
			})
		}
	}
}

func TestColumnsStayAlignedWhateverARowContains(t *testing.T) {
	for _, w := range []int{40, 80, 120, 160, 200} {
		onScreen(t, w, 50, func(w *fakeSession) {
			for i, name := range wide {
				e := delivery(i + 1)
				e.Kind, e.Repo.Name = event.Kind("x."+name), "me/"+name
				e.Attempts[0].Status, e.Attempts[0].Err = 0, name
				w.record(e)
				w.state(event.State{At: noon, Subject: event.SubjectTarget, Name: name, State: "down", Detail: name})
			}
		}, func(s *screen) {
			for _, row := range strings.Split(s.text(), "\n") {
				if !strings.Contains(row, "12:00:") {
					continue
				}
				list := row
				if w >= sideWidth {
					list, _, _ = strings.Cut(row, "│")
				}
				if a, b := ansi.StringWidth(list), ansi.StringWidthWc(list); a != b {
					t.Errorf("at %d cells terminals draw %d or %d of %q", w, a, b, list)
				}
				if a := ansi.StringWidth(row); a > w {
					t.Errorf("at %d cells the row is %d wide: %q", w, a, row)
				}
			}
			s.sound()
		})
	}
}
