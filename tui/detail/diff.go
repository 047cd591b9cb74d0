package detail

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/line"
)

// Bounds of a comparison.
const (
	maxDiffBody  = 8 << 20 // bytes of both together
	maxDiffLines = 500
	maxDiffDepth = 60
)

// diffLines compares an event with an earlier one: their bodies, and the responses of
// their targets. reason is how the earlier one was chosen.
func diffLines(e, base *event.Event, reason string) []line.Line {
	if base == nil {
		return []line.Line{line.Text(line.Faint, "no earlier event of this kind, and none is pinned: p pins one to compare with")}
	}
	lines := []line.Line{
		line.Text(line.Gone, fmt.Sprintf("- #%d", base.N)).Add(line.Faint, "  "+base.Title()+", "+reason),
		line.Text(line.Added, fmt.Sprintf("+ #%d", e.N)).Add(line.Faint, "  "+e.Title()),
		nil,
		line.Text(line.Strong, "payload"),
	}
	names := [2]string{fmt.Sprintf("#%d", base.N), fmt.Sprintf("#%d", e.N)}
	lines = append(lines, bodyDiff(base.Body, e.Body, names)...)
	for _, target := range e.Targets {
		now, before := e.Last(target), base.Last(target)
		lines = append(lines, nil, line.Text(line.Strong, "response of "+present.Target(target)))
		switch {
		case now == nil && before == nil:
			lines = append(lines, line.Text(line.Faint, "  none then, none now"))
			continue
		case now == nil:
			lines = append(lines, line.Text(line.Gone, "- "+responseWords(before)), line.Text(line.Faint, "  not tried now"))
			continue
		case before == nil:
			lines = append(lines, line.Text(line.Faint, "  not tried then"), line.Text(line.Added, "+ "+responseWords(now)))
			continue
		case now.Status == before.Status && now.Err == before.Err:
			lines = append(lines, line.Text(line.Plain, "  "+responseWords(now)).Add(line.Faint, ", then in "+present.Duration(before.Duration)))
		default:
			lines = append(lines, line.Text(line.Gone, "- "+responseWords(before)), line.Text(line.Added, "+ "+responseWords(now)))
		}
		lines = append(lines, bodyDiff(before.Body, now.Body, names)...)
	}
	return lines
}

func responseWords(a *event.Attempt) string {
	words, _ := attemptWords(a)
	if a.Err != "" {
		words += ", " + a.Err
	}
	return words + " in " + present.Duration(a.Duration)
}

// bodyDiff compares two bodies: JSON by its paths, other text by its lines. names are
// the names of their events.
func bodyDiff(before, now []byte, names [2]string) []line.Line {
	switch {
	case bytes.Equal(before, now) && len(now) == 0:
		return []line.Line{line.Text(line.Faint, "  empty both times")}
	case bytes.Equal(before, now):
		return []line.Line{line.Text(line.Faint, "  the same, byte for byte")}
	case len(before)+len(now) > maxDiffBody:
		return []line.Line{line.Text(line.Warn, "  "+tooLarge(len(before), len(now), names))}
	case json.Valid(before) && json.Valid(now):
		return jsonDiff(before, now)
	}
	return textDiff(before, now)
}

// tooLarge is the message that two bodies are too large to compare.
func tooLarge(before, now int, names [2]string) string {
	a, b := present.Size(int64(before)), present.Size(int64(now))
	limit := "; both may have " + present.Size(maxDiffBody) + " together"
	switch {
	case now <= maxDiffBody/2:
		return fmt.Sprintf("that of %s is too large to compare: %s%s", names[0], a, limit)
	case before <= maxDiffBody/2:
		return fmt.Sprintf("that of %s is too large to compare: %s%s", names[1], b, limit)
	}
	return fmt.Sprintf("both are too large to compare: %s, %s%s", a, b, limit)
}
