package detail

import (
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/tui/line"
)

// textDiff compares two texts by their lines. Lines that are the same at both ends are
// left out.
func textDiff(before, now []byte) []line.Line {
	if !isText(before) || !isText(now) {
		return []line.Line{line.Text(line.Warn, fmt.Sprintf("  other bytes: %s, %s", present.Size(int64(len(before))), present.Size(int64(len(now)))))}
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
