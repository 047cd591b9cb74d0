package tui

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/tui/line"
)

// longText is the text of an opened string, made safe and broken into rows. Of
// the rows only their ends are kept: a text of some megabytes may have as many.
type longText struct {
	width int // in cells, for which it was broken
	text  string
	ends  []int32
}

// newLongText breaks a text into rows of at most w cells, in one pass.
func newLongText(s string, w int) *longText {
	lt := &longText{width: w, text: term.Text(strings.ReplaceAll(s, "\r\n", "\n"))}
	text := lt.text
	from, used, space := 0, 0, -1 // space: behind the last one of the row
	for i := 0; i < len(text); {
		if text[i] == '\n' {
			lt.ends = append(lt.ends, int32(i+1))
			i++
			from, used, space = i, 0, -1
			continue
		}
		size, cells := cluster(text[i:])
		if used+cells > w && i > from {
			end := i
			if text[i] != ' ' && space-from > (i-from)/2 {
				end = space
			}
			lt.ends = append(lt.ends, int32(end))
			from, used, space = end, line.Width(text[end:i]), -1
		}
		used += cells
		if text[i] == ' ' {
			space = i + size
		}
		i += size
	}
	if from < len(text) || len(lt.ends) == 0 {
		lt.ends = append(lt.ends, int32(len(text)))
	}
	return lt
}

// cluster gives the bytes and the cells of what a terminal shows as one sign at
// the beginning of s.
func cluster(s string) (size, cells int) {
	if s[0] < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		return 1, 1
	}
	first, cells := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	return len(first), cells
}

func (lt *longText) count() int { return len(lt.ends) }

func (lt *longText) row(i int) string {
	from := 0
	if i > 0 {
		from = int(lt.ends[i-1])
	}
	return strings.TrimSuffix(lt.text[from:lt.ends[i]], "\n")
}

// find gives the next row behind one, or the one before it, that a phrase in
// small letters begins in, -1 if there is none.
func (lt *longText) find(phrase string, behind int, back bool) int {
	lower := strings.ToLower(lt.text)
	if len(lower) != len(lt.text) { // a rune got shorter: positions would be wrong
		lower = lt.text
	}
	edge := 0
	if back {
		if behind > 0 {
			edge = int(lt.ends[behind-1])
		}
		edge = strings.LastIndex(lower[:edge], phrase)
	} else {
		if behind >= 0 {
			edge = int(lt.ends[behind])
		}
		at := strings.Index(lower[edge:], phrase)
		if edge += at; at < 0 {
			return -1
		}
	}
	if edge < 0 {
		return -1
	}
	row, there := slices.BinarySearch(lt.ends, int32(edge))
	if there {
		row++
	}
	return row
}
