package detail

import (
	"bytes"

	"github.com/hf-tap/hf-tap/tui/line"
)

// jsonDiff compares two JSON texts by their paths.
func jsonDiff(before, now []byte) []line.Line {
	d := &jsonDiffer{a: closedTree(before), b: closedTree(now)}
	d.compare(d.a.root, d.b.root)
	if len(d.lines) == 0 {
		return []line.Line{line.Text(line.Faint, "  the same but for spaces")}
	}
	return d.lines
}

// closedTree returns the tree of a valid JSON text without any lines.
func closedTree(b []byte) *tree {
	start := skipSpace(b, 0)
	return &tree{text: b, root: &node{start: int32(start), end: int32(skipValue(b, start)), kind: kindOf(b, start)}}
}

// jsonDiffer walks through two trees side by side.
type jsonDiffer struct {
	a, b  *tree
	lines []line.Line
}

// add adds a line, and reports whether there is room for more.
func (d *jsonDiffer) add(l line.Line) bool {
	if len(d.lines) == maxDiffLines {
		l = line.Text(line.Warn, "  … more differences than are shown")
	}
	if len(d.lines) <= maxDiffLines {
		d.lines = append(d.lines, l)
	}
	return len(d.lines) <= maxDiffLines
}

func (d *jsonDiffer) compare(a, b *node) {
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
		d.compareArrays(a, b)
		return
	}
	was := make(map[string]*node, len(a.kids))
	for _, kid := range a.kids {
		was[d.a.key(kid)] = kid // the last one of repeated keys counts
	}
	is := make(map[string]*node, len(b.kids))
	for _, kid := range b.kids {
		is[d.b.key(kid)] = kid
	}
	for _, kid := range a.kids {
		if _, there := is[d.a.key(kid)]; !there && !d.addOnly(d.a, kid, "- ", line.Gone) {
			return
		}
	}
	for _, kid := range b.kids {
		key := d.b.key(kid)
		switch old, there := was[key]; {
		case !there && !d.addOnly(d.b, kid, "+ ", line.Added):
			return
		case there && is[key] == kid:
			d.compare(old, kid)
		}
	}
}

// compareArrays compares arrays without what is the same at both ends, so that one
// element that was inserted at the front is one difference.
func (d *jsonDiffer) compareArrays(a, b *node) {
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
			if !d.addOnly(d.b, y[i], "+ ", line.Added) {
				return
			}
		case i >= len(y):
			if !d.addOnly(d.a, x[i], "- ", line.Gone) {
				return
			}
		default:
			d.compare(x[i], y[i])
		}
	}
}

// addOnly adds a node that only one of the trees has.
func (d *jsonDiffer) addOnly(t *tree, n *node, sign string, st line.Style) bool {
	return d.add(line.Text(st, sign+t.path(n)).Add(line.Plain, " ").Add(st, brief(t.text[n.start:n.end])))
}

// brief is the beginning of a value on one line.
func brief(b []byte) string {
	s := oneLine(line.CutBytes(string(b[:min(len(b), maxPreview+1)]), maxPreview))
	return line.Shorten(s, 120)
}
