package tui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/tui/line"
)

// Bounds of a comparison.
const (
	maxDiffBody  = 8 << 20 // bytes of both together
	maxDiffLines = 500
	maxDiffDepth = 60
)

// diffLines compare an event with an earlier one: their bodies, and what the
// targets said then and now. why says how the earlier one was chosen.
func diffLines(e, base *event.Event, why string) []line.Line {
	if base == nil {
		return []line.Line{line.Text(line.Faint, "no earlier event of this kind, and none is pinned: p pins one to compare with")}
	}
	lines := []line.Line{
		line.Text(line.Gone, fmt.Sprintf("- #%d", base.N)).Add(line.Faint, "  "+base.Title()+", "+why),
		line.Text(line.Added, fmt.Sprintf("+ #%d", e.N)).Add(line.Faint, "  "+e.Title()),
		nil,
		line.Text(line.Strong, "payload"),
	}
	names := [2]string{fmt.Sprintf("#%d", base.N), fmt.Sprintf("#%d", e.N)}
	lines = append(lines, bodyDiff(base.Body, e.Body, names)...)
	for _, target := range e.Targets {
		now, before := e.Last(target), base.Last(target)
		lines = append(lines, nil, line.Text(line.Strong, "response of "+line.ShortTarget(target)))
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
			lines = append(lines, line.Text(line.Plain, "  "+responseWords(now)).Add(line.Faint, ", then in "+line.Took(before.Duration)))
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
	return words + " in " + line.Took(a.Duration)
}

// bodyDiff compares two bodies: JSON by its paths, other text by its lines.
// names are of the events that they belong to.
func bodyDiff(before, now []byte, names [2]string) []line.Line {
	switch {
	case bytes.Equal(before, now) && len(now) == 0:
		return []line.Line{line.Text(line.Faint, "  empty both times")}
	case bytes.Equal(before, now):
		return []line.Line{line.Text(line.Faint, "  the same, byte for byte")}
	case len(before)+len(now) > maxDiffBody:
		return []line.Line{line.Text(line.Warn, "  "+tooLarge(len(before), len(now), names))}
	case json.Valid(before) && json.Valid(now):
		d := &differ{a: bare(before), b: bare(now)}
		d.compare(d.a.root, d.b.root)
		if len(d.lines) == 0 {
			return []line.Line{line.Text(line.Faint, "  the same but for spaces")}
		}
		return d.lines
	}
	return textDiff(before, now)
}

// tooLarge says which of two bodies cannot be compared for its size.
func tooLarge(before, now int, names [2]string) string {
	a, b := line.Bytes(int64(before)), line.Bytes(int64(now))
	limit := "; both may have " + line.Bytes(maxDiffBody) + " together"
	switch {
	case now <= maxDiffBody/2:
		return fmt.Sprintf("that of %s is too large to compare: %s%s", names[0], a, limit)
	case before <= maxDiffBody/2:
		return fmt.Sprintf("that of %s is too large to compare: %s%s", names[1], b, limit)
	}
	return fmt.Sprintf("both are too large to compare: %s, %s%s", a, b, limit)
}

// bare is a tree that nothing has been opened in.
func bare(b []byte) *tree {
	start := skipSpace(b, 0)
	return &tree{text: b, root: &node{start: int32(start), end: int32(skipValue(b, start)), kind: kindOf(b, start)}}
}

// differ walks two trees side by side.
type differ struct {
	a, b  *tree
	lines []line.Line
}

func (d *differ) add(l line.Line) bool {
	if len(d.lines) == maxDiffLines {
		l = line.Text(line.Warn, "  … more differences than are shown")
	}
	if len(d.lines) <= maxDiffLines {
		d.lines = append(d.lines, l)
	}
	return len(d.lines) <= maxDiffLines
}

func (d *differ) compare(a, b *node) {
	x, y := d.a.text[a.start:a.end], d.b.text[b.start:b.end]
	if bytes.Equal(x, y) || len(d.lines) > maxDiffLines {
		return
	}
	if a.kind != b.kind || !a.folds() || a.depth > maxDiffDepth {
		d.add(line.Text(line.Accent, "~ "+d.b.path(b)).Add(line.Plain, " ").Add(line.Gone, brief(x)).Add(line.Faint, " → ").Add(line.Added, brief(y)))
		return
	}
	for d.a.scan(a) {
	}
	for d.b.scan(b) {
	}
	if a.kind == nodeArray {
		d.elements(a, b)
		return
	}
	was := make(map[string]*node, len(a.kids))
	for _, kid := range a.kids {
		was[d.a.key(kid)] = kid // of keys that stand there twice the last one counts
	}
	is := make(map[string]*node, len(b.kids))
	for _, kid := range b.kids {
		is[d.b.key(kid)] = kid
	}
	for _, kid := range a.kids {
		if _, there := is[d.a.key(kid)]; !there && !d.only(d.a, kid, "- ", line.Gone) {
			return
		}
	}
	for _, kid := range b.kids {
		key := d.b.key(kid)
		switch old, there := was[key]; {
		case !there && !d.only(d.b, kid, "+ ", line.Added):
			return
		case there && is[key] == kid:
			d.compare(old, kid)
		}
	}
}

// elements compares arrays without what is the same at both ends, so that one
// element put in at the front is one difference.
func (d *differ) elements(a, b *node) {
	x, y := a.kids, b.kids
	same := func(i, j int) bool {
		return bytes.Equal(d.a.text[x[i].start:x[i].end], d.b.text[y[j].start:y[j].end])
	}
	for len(x) > 0 && len(y) > 0 && same(0, 0) {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && same(len(x)-1, len(y)-1) {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	for i := range max(len(x), len(y)) {
		switch {
		case i >= len(x):
			if !d.only(d.b, y[i], "+ ", line.Added) {
				return
			}
		case i >= len(y):
			if !d.only(d.a, x[i], "- ", line.Gone) {
				return
			}
		default:
			d.compare(x[i], y[i])
		}
	}
}

func (d *differ) only(t *tree, n *node, sign string, st line.Style) bool {
	return d.add(line.Text(st, sign+t.path(n)).Add(line.Plain, " ").Add(st, brief(t.text[n.start:n.end])))
}

func brief(b []byte) string {
	s := oneLine(string(b[:min(len(b), maxPreview)]))
	return line.Shorten(s, 120)
}

// textDiff compares two texts by their lines, without what is the same at both
// ends.
func textDiff(before, now []byte) []line.Line {
	if !isText(before) || !isText(now) {
		return []line.Line{line.Text(line.Warn, fmt.Sprintf("  other bytes: %s, %s", line.Bytes(int64(len(before))), line.Bytes(int64(len(now)))))}
	}
	x, y := strings.Split(string(before), "\n"), strings.Split(string(now), "\n")
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	var lines []line.Line
	for i, side := range [][]string{x, y} {
		sign, st := "- ", line.Gone
		if i == 1 {
			sign, st = "+ ", line.Added
		}
		for j, l := range side {
			if j == maxDiffLines/2 {
				lines = append(lines, line.Text(line.Warn, fmt.Sprintf("  … %d lines more", len(side)-j)))
				break
			}
			lines = append(lines, line.Text(st, sign+line.Shorten(l, 2000)))
		}
	}
	return lines
}
