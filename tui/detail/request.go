package detail

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/line"
)

// requestLines shows the request without its body.
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
		{"body", present.Size(e.Size) + cutReason(e)},
		{"delivery", e.Delivery},
		{"webhook", e.WebhookID},
	}
	if e.DeliveryN > 1 {
		facts = append(facts, [2]string{"arrived", "for the " + present.Ordinal(e.DeliveryN) + " time"})
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

// cutReason is why a body is not complete; "" if it is.
func cutReason(e *event.Event) string {
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

// verdictReason explains a verdict.
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

// headerLines shows headers in the order of their names.
func headerLines(h http.Header) []line.Line {
	var lines []line.Line
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			lines = append(lines, line.Text(line.Accent, name).Add(line.Faint, ": ").Add(line.Plain, value))
		}
	}
	return lines
}
