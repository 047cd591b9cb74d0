package tui

import (
	"fmt"
	"net/http"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// Hostile bytes in every place that comes from outside reach the screen as
// pictures of themselves.
func TestNothingFromOutsideReachesTheTerminalAsACommand(t *testing.T) {
	evil := "\x1b]0;x\x07\x1b[2J\x1bP+q\x1b\\\x9b31m\u009b2J\u202e\xff\xfe\t\r\n\x00é한👩‍👩‍👧\u2028"
	onScreen(t, 120, 40, func(w *fakeSession) {
		for i := 1; i <= 3; i++ {
			e := delivery(i)
			e.Kind, e.Repo.Type, e.Repo.Name, e.Path, e.Method, e.Delivery, e.Session, e.WebhookID = event.Kind(evil), hub.RepoType(evil), evil, "/"+evil, evil, evil, evil, evil
			e.Header = http.Header{evil: {evil}, "Content-Type": {evil}}
			e.Targets = []string{"http://" + evil}
			e.Attempts[0].Target, e.Attempts[0].Err, e.Attempts[0].Header, e.Attempts[0].Body = e.Targets[0], evil, http.Header{evil: {evil}}, []byte(evil)
			e.Body = [][]byte{[]byte(evil), []byte(`{"` + "\u009b\u202e\x7f" + `":"` + "\u009b\u202e" + `","x":"\u001b[31m\u0000\n\u202e"}`), []byte("<p>" + evil)}[i-1]
			w.record(e)
		}
		w.state(event.State{At: noon, Subject: event.Subject(evil), Name: evil, State: evil, Detail: evil})
		w.app = []AppLine{{Rev: 1, At: noon, Text: evil}}
		w.status = Status{Provider: evil, URL: evil, Tunnel: Health{State: evil, Since: noon, Cause: evil}, Check: Check{At: noon, Err: evil}, WebhookID: evil,
			Webhook: Health{State: evil, Cause: evil}, Watches: []string{evil}, Domains: []string{evil}, Targets: []TargetStatus{{Name: evil, At: noon, Down: true, Err: evil}}}
	}, func(s *screen) {
		s.session.fail = fmt.Errorf("%s", evil)
		for range 4 {
			for _, k := range []string{"enter", "Z", "Z", "j", "right", "j", "enter", "tab", "tab", "j", "tab", "tab", "tab", "r", "R", "esc", "esc", "t", "esc", "c", "esc", "shift+tab", "tab", "up"} {
				s.press(k)
				s.sound()
			}
		}
		s.press("/")
		s.send(tea.PasteMsg{Content: evil})
		s.sound()
		s.press("tab", "enter")
		s.sound()
	})
}

func FuzzScreen(f *testing.F) {
	f.Add(80, 24, []byte("jjkk\rzZ/abc\r?tF"), "kind:disc", []byte(`{"a":[1,2]}`))
	f.Add(40, 12, []byte("/\tx\x1bRn5\r"), "\"@bot\"", []byte("\x1b[31m\xff"))
	f.Add(0, 0, []byte("q"), "", []byte{})
	f.Add(200, 60, []byte("12345hlhl GgPpseo"), "jq:.a", []byte(`"x"`))
	f.Fuzz(func(t *testing.T, w, h int, keys []byte, typed string, body []byte) {
		w, h = (w%201+201)%201, (h%61+61)%61
		onScreen(t, w, h, func(w *fakeSession) {
			aDay(w)
			e := delivery(15)
			e.Body = body
			w.record(e)
		}, func(s *screen) {
			for i, k := range keys[:min(len(keys), 40)] {
				name := map[byte]string{'\r': "enter", 0x1b: "esc", '\t': "tab", 1: "up", 2: "down", 3: "left", 4: "right", 5: "pgup", 6: "pgdown", 7: "shift+tab", ' ': "space"}[k]
				switch {
				case name != "":
				case k >= 0x20 && k < 0x7f && k != 'e':
					name = string(rune(k))
				case k == 0x80:
					s.send(tea.PasteMsg{Content: typed})
					continue
				case k == 0x81:
					s.send(tea.WindowSizeMsg{Width: int(keys[(i+1)%len(keys)]), Height: int(keys[(i+2)%len(keys)]) % 70})
					continue
				case k > 0x81:
					s.send(tea.MouseClickMsg{X: int(k) % 100, Y: i, Button: tea.MouseLeft})
					continue
				default:
					continue
				}
				s.send(keyPresses(name)[0])
				s.sound()
			}
			s.settle()
			s.sound()
		})
	})
}
