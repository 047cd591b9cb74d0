package tui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// Bounds of a comparison.
const (
	maxDiffBody  = 8 << 20 // bytes of both together
	maxDiffLines = 500
	maxDiffDepth = 60
)

// diffLines compare an event with an earlier one: their bodies, and what the
// targets said then and now. why says how the earlier one was chosen.
func diffLines(e, base *event.Event, why string) []line {
	if base == nil {
		return []line{text(faint, "no earlier event of this kind, and none is pinned: p pins one to compare with")}
	}
	lines := []line{
		text(gone, fmt.Sprintf("- #%d", base.N)).add(faint, "  "+base.Title()+", "+why),
		text(added, fmt.Sprintf("+ #%d", e.N)).add(faint, "  "+e.Title()),
		nil,
		text(strong, "payload"),
	}
	names := [2]string{fmt.Sprintf("#%d", base.N), fmt.Sprintf("#%d", e.N)}
	lines = append(lines, bodyDiff(base.Body, e.Body, names)...)
	for _, target := range e.Targets {
		now, before := e.Last(target), base.Last(target)
		lines = append(lines, nil, text(strong, "response of "+shortTarget(target)))
		switch {
		case now == nil && before == nil:
			lines = append(lines, text(faint, "  none then, none now"))
			continue
		case now == nil:
			lines = append(lines, text(gone, "- "+responseWords(before)), text(faint, "  not tried now"))
			continue
		case before == nil:
			lines = append(lines, text(faint, "  not tried then"), text(added, "+ "+responseWords(now)))
			continue
		case now.Status == before.Status && now.Err == before.Err:
			lines = append(lines, text(plain, "  "+responseWords(now)).add(faint, ", then in "+took(before.Duration)))
		default:
			lines = append(lines, text(gone, "- "+responseWords(before)), text(added, "+ "+responseWords(now)))
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
	return words + " in " + took(a.Duration)
}

// bodyDiff compares two bodies: JSON by its paths, other text by its lines.
// names are of the events that they belong to.
func bodyDiff(before, now []byte, names [2]string) []line {
	switch {
	case bytes.Equal(before, now) && len(now) == 0:
		return []line{text(faint, "  empty both times")}
	case bytes.Equal(before, now):
		return []line{text(faint, "  the same, byte for byte")}
	case len(before)+len(now) > maxDiffBody:
		return []line{text(warn, "  "+tooLarge(len(before), len(now), names))}
	case json.Valid(before) && json.Valid(now):
		d := &differ{a: bare(before), b: bare(now)}
		d.compare(d.a.root, d.b.root)
		if len(d.lines) == 0 {
			return []line{text(faint, "  the same but for spaces")}
		}
		return d.lines
	}
	return textDiff(before, now)
}

// tooLarge says which of two bodies cannot be compared for its size.
func tooLarge(before, now int, names [2]string) string {
	a, b := byteSize(int64(before)), byteSize(int64(now))
	limit := "; both may have " + byteSize(maxDiffBody) + " together"
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
	lines []line
}

func (d *differ) add(l line) bool {
	if len(d.lines) == maxDiffLines {
		l = text(warn, "  … more differences than are shown")
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
		d.add(text(accent, "~ "+d.b.path(b)).add(plain, " ").add(gone, brief(x)).add(faint, " → ").add(added, brief(y)))
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
		if _, there := is[d.a.key(kid)]; !there && !d.only(d.a, kid, "- ", gone) {
			return
		}
	}
	for _, kid := range b.kids {
		key := d.b.key(kid)
		switch old, there := was[key]; {
		case !there && !d.only(d.b, kid, "+ ", added):
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
			if !d.only(d.b, y[i], "+ ", added) {
				return
			}
		case i >= len(y):
			if !d.only(d.a, x[i], "- ", gone) {
				return
			}
		default:
			d.compare(x[i], y[i])
		}
	}
}

func (d *differ) only(t *tree, n *node, sign string, st style) bool {
	return d.add(text(st, sign+t.path(n)).add(plain, " ").add(st, brief(t.text[n.start:n.end])))
}

func brief(b []byte) string {
	s := oneLine(string(b[:min(len(b), maxPreview)]))
	return shorten(s, 120)
}

// textDiff compares two texts by their lines, without what is the same at both
// ends.
func textDiff(before, now []byte) []line {
	if !isText(before) || !isText(now) {
		return []line{text(warn, fmt.Sprintf("  other bytes: %s, %s", byteSize(int64(len(before))), byteSize(int64(len(now)))))}
	}
	x, y := strings.Split(string(before), "\n"), strings.Split(string(now), "\n")
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	var lines []line
	for i, side := range [][]string{x, y} {
		sign, st := "- ", gone
		if i == 1 {
			sign, st = "+ ", added
		}
		for j, l := range side {
			if j == maxDiffLines/2 {
				lines = append(lines, text(warn, fmt.Sprintf("  … %d lines more", len(side)-j)))
				break
			}
			lines = append(lines, text(st, sign+shorten(l, 2000)))
		}
	}
	return lines
}
