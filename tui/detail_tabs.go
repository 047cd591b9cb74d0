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
)

// maxPainted is how much of a text is laid out to be read on the screen. The
// rest is saved or copied.
const maxPainted = 256 << 10

// requestLines show what arrived, without its body.
func requestLines(e *event.Event, zone *time.Location) []line {
	lines := []line{
		text(strong, e.Method).add(plain, " "+e.Path),
		nil,
	}
	lines = append(lines, headerLines(e.Header)...)
	lines = append(lines, nil)
	facts := [][2]string{
		{"event", fmt.Sprintf("#%d from %s, session %s", e.N, e.Source, e.Session)},
		{"received", e.ReceivedAt.In(zone).Format("2006-01-02 15:04:05.000 -07:00")},
		{"body", byteSize(e.Size) + cutWords(e)},
		{"delivery", e.Delivery},
		{"webhook", e.WebhookID},
	}
	if e.DeliveryN > 1 {
		facts = append(facts, [2]string{"arrived", "for the " + ordinal(e.DeliveryN) + " time"})
	}
	if e.ReplayOf != 0 {
		facts = append(facts, [2]string{"repeats", fmt.Sprintf("#%d", e.ReplayOf)})
	}
	for _, f := range facts {
		if f[1] != "" {
			lines = append(lines, text(faint, pad(f[0], 10)).add(plain, f[1]))
		}
	}
	words, st := verdictWords(e.Verdict)
	return append(lines, text(faint, pad("secret", 10)).add(st, words).add(faint, verdictReason(e)))
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

func headerLines(h http.Header) []line {
	var lines []line
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			lines = append(lines, text(accent, name).add(faint, ": ").add(plain, value))
		}
	}
	return lines
}

// attemptLines show each try, the latest first.
func attemptLines(e *event.Event, zone *time.Location) []line {
	if len(e.Attempts) == 0 {
		return []line{text(faint, noAttempt(e))}
	}
	var lines []line
	for i := len(e.Attempts) - 1; i >= 0; i-- {
		a := &e.Attempts[i]
		status, st := attemptWords(a)
		lines = append(lines, text(title, shortTarget(a.Target)).add(plain, "  ").add(st, status).
			add(faint, fmt.Sprintf("  in %s  at %s  try %d", took(a.Duration), a.StartedAt.In(zone).Format(time.TimeOnly), a.N)))
		if a.Err != "" {
			lines = append(lines, text(alarm, a.Err))
		}
		if advice, ok := advice.For(e, a); ok {
			lines = append(lines, text(warn, "hint: "+advice.Hint))
		}
		lines = append(lines, headerLines(a.Header)...)
		if len(a.Body) > 0 {
			lines = append(append(lines, nil), bodyLines(a.Body, a.Header.Get("Content-Type"))...)
		}
		if a.BodyCut {
			lines = append(lines, text(warn, "only the beginning of the answer was kept"))
		}
		lines = append(lines, nil)
	}
	return lines
}

func attemptWords(a *event.Attempt) (string, style) {
	exit, exited := a.Exit()
	switch {
	case exited:
		return exitWords(exit)
	case a.OK() && a.BodyError() != "":
		return fmt.Sprintf("%d %s, ERROR IN BODY", a.Status, http.StatusText(a.Status)), warn
	case a.OK():
		return fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), good
	case a.Status == 0:
		return "FAIL", alarm
	}
	return fmt.Sprintf("FAIL %d %s", a.Status, http.StatusText(a.Status)), alarm
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
func bodyLines(body []byte, contentType string) []line {
	var more line
	if len(body) > maxPainted {
		more = text(warn, fmt.Sprintf("… %s more: s saves all of it", byteSize(int64(len(body)-maxPainted))))
	}
	shown := body[:min(len(body), maxPainted)]
	media, _, _ := mime.ParseMediaType(contentType)
	var lines []line
	var indented bytes.Buffer
	switch {
	case more == nil && json.Valid(body) && json.Indent(&indented, body, "", "  ") == nil:
		lines = textLines(indented.Bytes(), good)
	case !isText(shown):
		h := newHexRows(shown[:min(len(shown), 4096)], 80)
		for i := range h.count() {
			lines = append(lines, h.row(i))
		}
		if len(shown) > 4096 && more == nil {
			more = text(warn, fmt.Sprintf("… %s more: s saves all of it", byteSize(int64(len(body)-4096))))
		}
	case media == "text/html":
		lines = textLines([]byte(htmlText(string(shown))), plain)
	default:
		lines = textLines(shown, plain)
	}
	if more != nil {
		lines = append(lines, more)
	}
	return lines
}

func textLines(b []byte, st style) []line {
	var lines []line
	for l := range strings.SplitSeq(strings.TrimRight(string(b), "\n"), "\n") {
		lines = append(lines, text(st, strings.TrimSuffix(l, "\r")))
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
func timelineLines(e *event.Event, zone *time.Location) []line {
	step := func(at time.Duration, what string, st style, detail string) line {
		return text(faint, padLeft(offset(at), 9)+"  ").add(st, pad(what, 12)).add(plain, " "+detail)
	}
	lines := []line{
		step(0, "arrived", plain, fmt.Sprintf("at %s, %s", e.ReceivedAt.In(zone).Format("15:04:05.000"), byteSize(e.Size))),
	}
	recorded := text(faint, padLeft("", 9)+"  ").add(plain, pad("recorded", 12)).add(plain, fmt.Sprintf(" #%d", e.N))
	if e.Source.AwaitsAnswer() {
		recorded = recorded.add(faint, ", before the answer")
	}
	lines = append(lines, recorded)
	if e.Answer.Status != 0 {
		lines = append(lines, step(e.Answer.Duration, "answered", answerStyle(e.Answer.Status), fmt.Sprintf("%d", e.Answer.Status)))
	}
	type moment struct {
		at   time.Duration
		line line
	}
	var moments []moment
	for i := range e.Attempts {
		a := &e.Attempts[i]
		began := a.StartedAt.Sub(e.ReceivedAt)
		name := shortTarget(a.Target)
		moments = append(moments, moment{began, step(began, "handed over", plain, fmt.Sprintf("to %s, try %d", name, a.N))})
		words, st := attemptWords(a)
		what := "responded"
		switch exit, exited := a.Exit(); {
		case exited && exit == 0:
			what = "ended"
		case a.Status == 0:
			what, words = "failed", a.Err
		}
		moments = append(moments, moment{began + a.Duration, step(began+a.Duration, what, st, fmt.Sprintf("%s by %s after %s", words, name, took(a.Duration)))})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return int(min(max(a.at-b.at, -1), 1)) })
	for _, m := range moments {
		lines = append(lines, m.line)
	}
	if e.Phase != event.PhaseSettled {
		lines = append(lines, text(warn, padLeft("", 9)+"  "+string(e.Phase)))
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
	return "+" + took(d)
}
