package tui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/advice"
	"github.com/hf-tap/hf-tap/tui/line"
)

// maxPainted is how much of a text is laid out to be read on the screen. The
// rest is saved or copied.
const maxPainted = 256 << 10

// requestLines show what arrived, without its body.
func requestLines(e *event.Event, zone *time.Location) []line.Line {
	lines := []line.Line{
		line.Text(line.Strong, e.Method).Add(line.Plain, " "+e.Path),
		nil,
	}
	lines = append(lines, headerLines(e.Header)...)
	lines = append(lines, nil)
	facts := [][2]string{
		{"event", fmt.Sprintf("#%d from %s, session %s", e.N, e.Source, e.Session)},
		{"received", e.ReceivedAt.In(zone).Format("2006-01-02 15:04:05.000 -07:00")},
		{"body", line.Bytes(e.Size) + cutWords(e)},
		{"delivery", e.Delivery},
		{"webhook", e.WebhookID},
	}
	if e.DeliveryN > 1 {
		facts = append(facts, [2]string{"arrived", "for the " + line.Ordinal(e.DeliveryN) + " time"})
	}
	if e.ReplayOf != 0 {
		facts = append(facts, [2]string{"repeats", fmt.Sprintf("#%d", e.ReplayOf)})
	}
	for _, f := range facts {
		if f[1] != "" {
			lines = append(lines, line.Text(line.Faint, line.Pad(f[0], 10)).Add(line.Plain, f[1]))
		}
	}
	words, st := line.Verdict(e.Verdict)
	return append(lines, line.Text(line.Faint, line.Pad("secret", 10)).Add(st, words).Add(line.Faint, verdictReason(e)))
}

// cutWords say that a body is not whole, and why if it is known.
func cutWords(e *event.Event) string {
	switch {
	case e.Refused():
		return ", only the beginning was kept: " + e.Refusal()
	case e.BodyCut && e.Verdict.Trusted():
		return ", the body is lost, or a part of it"
	case e.BodyCut:
		return ", only the beginning was kept"
	}
	return ""
}

func verdictReason(e *event.Event) string {
	switch e.Verdict {
	case event.VerdictWrong:
		if n := len(e.Header["X-Webhook-Secret"]); n > 1 {
			return fmt.Sprintf("  X-Webhook-Secret stands there %d times", n)
		}
		return "  X-Webhook-Secret is not the one that this webhook has"
	case event.VerdictMissing:
		return "  there is no X-Webhook-Secret"
	case event.VerdictUnchecked:
		return "  this session has no secret to compare with"
	}
	return ""
}

func headerLines(h http.Header) []line.Line {
	var lines []line.Line
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			lines = append(lines, line.Text(line.Accent, name).Add(line.Faint, ": ").Add(line.Plain, value))
		}
	}
	return lines
}

// attemptLines show each try, the latest first.
func attemptLines(e *event.Event, zone *time.Location) []line.Line {
	if len(e.Attempts) == 0 {
		return []line.Line{line.Text(line.Faint, noAttempt(e))}
	}
	var lines []line.Line
	for i := len(e.Attempts) - 1; i >= 0; i-- {
		a := &e.Attempts[i]
		status, st := attemptWords(a)
		lines = append(lines, line.Text(line.Title, line.ShortTarget(a.Target)).Add(line.Plain, "  ").Add(st, status).
			Add(line.Faint, fmt.Sprintf("  in %s  at %s  try %d", line.Took(a.Duration), a.StartedAt.In(zone).Format(time.TimeOnly), a.N)))
		if a.Err != "" {
			lines = append(lines, line.Text(line.Alarm, a.Err))
		}
		if advice, ok := advice.For(e, a); ok {
			lines = append(lines, line.Text(line.Warn, "hint: "+advice.Hint))
		}
		lines = append(lines, headerLines(a.Header)...)
		if len(a.Body) > 0 {
			lines = append(append(lines, nil), bodyLines(a.Body, a.Header.Get("Content-Type"))...)
		}
		if a.BodyCut {
			lines = append(lines, line.Text(line.Warn, "only the beginning of the answer was kept"))
		}
		lines = append(lines, nil)
	}
	return lines
}

func attemptWords(a *event.Attempt) (string, line.Style) {
	switch {
	case a.OK():
		return fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), line.Good
	case a.Status == 0:
		return "FAIL", line.Alarm
	}
	return fmt.Sprintf("FAIL %d %s", a.Status, http.StatusText(a.Status)), line.Alarm
}

func noAttempt(e *event.Event) string {
	switch {
	case !e.Verdict.Trusted():
		return "not handed over: the secret was not right"
	case e.Refused():
		return "not handed over: " + e.Refusal()
	case len(e.Targets) == 0:
		return "no target took it: no route matches, or none was given"
	case e.Phase == event.PhaseWaiting:
		return "waiting: the target refuses connections and gets it when it is back"
	case e.Phase == event.PhasePending:
		return "it may not have been handed over: r sends it again"
	}
	return "not tried yet"
}

// bodyLines make a body readable: JSON indented, HTML without its tags, text as
// it is, and what is no text as bytes.
func bodyLines(body []byte, contentType string) []line.Line {
	var more line.Line
	if len(body) > maxPainted {
		more = line.Text(line.Warn, fmt.Sprintf("… %s more: s saves all of it", line.Bytes(int64(len(body)-maxPainted))))
	}
	shown := body[:min(len(body), maxPainted)]
	media, _, _ := mime.ParseMediaType(contentType)
	var lines []line.Line
	var indented bytes.Buffer
	switch {
	case more == nil && json.Valid(body) && json.Indent(&indented, body, "", "  ") == nil:
		lines = textLines(indented.Bytes(), line.Good)
	case !isText(shown):
		h := newHexRows(shown[:min(len(shown), 4096)], 80)
		for i := range h.Count() {
			lines = append(lines, h.Row(i))
		}
		if len(shown) > 4096 && more == nil {
			more = line.Text(line.Warn, fmt.Sprintf("… %s more: s saves all of it", line.Bytes(int64(len(body)-4096))))
		}
	case media == "text/html":
		lines = textLines([]byte(htmlText(string(shown))), line.Plain)
	default:
		lines = textLines(shown, line.Plain)
	}
	if more != nil {
		lines = append(lines, more)
	}
	return lines
}

func textLines(b []byte, st line.Style) []line.Line {
	var lines []line.Line
	for l := range strings.SplitSeq(strings.TrimRight(string(b), "\n"), "\n") {
		lines = append(lines, line.Text(st, strings.TrimSuffix(l, "\r")))
	}
	return lines
}

// isText reports whether nearly all of b is text in UTF-8.
func isText(b []byte) bool {
	odd, n := 0, 0
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 && len(b)-i >= utf8.UTFMax || r < 0x20 && r != '\n' && r != '\r' && r != '\t' {
			odd++
		}
		i += size
		n++
	}
	return odd*20 <= n
}

// skippedTags are elements whose text is not for people; breaks begin a line.
var (
	skippedTags = regexp.MustCompile(`(?is)<(script|style|head|title)\b.*?</(script|style|head|title)\s*>|<!--.*?-->`)
	breaks      = regexp.MustCompile(`(?i)</?(p|div|br|h[1-6]|li|tr|table|pre|ul|ol|section|hr)\b[^>]*>`)
	anyTag      = regexp.MustCompile(`<[^>]*>`)
	emptyLines  = regexp.MustCompile(`\n\s*\n+`)
)

// htmlText is what an error page of a framework says. Its title is often all
// that it says.
func htmlText(s string) string {
	var heading string
	if _, rest, ok := strings.Cut(s, "<title>"); ok {
		heading, _, _ = strings.Cut(rest, "</title>")
		heading += "\n"
	}
	s = skippedTags.ReplaceAllString(s, "")
	s = breaks.ReplaceAllString(s, "\n")
	s = anyTag.ReplaceAllString(s, "")
	return strings.TrimSpace(emptyLines.ReplaceAllString(html.UnescapeString(heading+s), "\n"))
}

// timelineLines show what became of an event, by the time since it arrived.
func timelineLines(e *event.Event, zone *time.Location) []line.Line {
	step := func(at time.Duration, what string, st line.Style, detail string) line.Line {
		return line.Text(line.Faint, line.PadLeft(offset(at), 9)+"  ").Add(st, line.Pad(what, 12)).Add(line.Plain, " "+detail)
	}
	lines := []line.Line{
		step(0, "arrived", line.Plain, fmt.Sprintf("at %s, %s", e.ReceivedAt.In(zone).Format("15:04:05.000"), line.Bytes(e.Size))),
	}
	recorded := line.Text(line.Faint, line.PadLeft("", 9)+"  ").Add(line.Plain, line.Pad("recorded", 12)).Add(line.Plain, fmt.Sprintf(" #%d", e.N))
	if e.Source.AwaitsAnswer() {
		recorded = recorded.Add(line.Faint, ", before the answer")
	}
	lines = append(lines, recorded)
	if e.Answer.Status != 0 {
		lines = append(lines, step(e.Answer.Duration, "answered", line.AnswerStyle(e.Answer.Status), fmt.Sprintf("%d", e.Answer.Status)))
	}
	type moment struct {
		at   time.Duration
		line line.Line
	}
	var moments []moment
	for i := range e.Attempts {
		a := &e.Attempts[i]
		began := a.StartedAt.Sub(e.ReceivedAt)
		name := line.ShortTarget(a.Target)
		moments = append(moments, moment{began, step(began, "handed over", line.Plain, fmt.Sprintf("to %s, try %d", name, a.N))})
		words, st := attemptWords(a)
		what := "responded"
		if a.Status == 0 {
			what, words = "failed", a.Err
		}
		moments = append(moments, moment{began + a.Duration, step(began+a.Duration, what, st, fmt.Sprintf("%s by %s after %s", words, name, line.Took(a.Duration)))})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return int(min(max(a.at-b.at, -1), 1)) })
	for _, m := range moments {
		lines = append(lines, m.line)
	}
	if e.Phase != event.PhaseSettled {
		lines = append(lines, line.Text(line.Warn, line.PadLeft("", 9)+"  "+string(e.Phase)))
	}
	return lines
}

func offset(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d >= time.Second && d < time.Hour:
		return fmt.Sprintf("+%.3fs", d.Seconds())
	}
	return "+" + line.Took(d)
}
