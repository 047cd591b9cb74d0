package detail

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/tui/line"
)

// stringRows is a text, safe and broken into rows. It keeps only where rows end: a
// text of some megabytes may have a million rows.
type stringRows struct {
	width int // of the rows, in cells
	text  string
	ends  []int32
}

// newStringRows breaks a text into rows of at most w cells, in one pass.
func newStringRows(s string, w int) *stringRows {
	lt := &stringRows{width: w, text: unjoined(strings.ReplaceAll(s, "\r\n", "\n"))}
	text := lt.text
	from, used, space := 0, 0, -1 // space: after the last one of the row
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

// unjoined is a text of several lines, safe, with the parts of joined emoji.
func unjoined(s string) string {
	lines := strings.Split(term.Text(s), "\n")
	for i, l := range lines {
		lines[i] = line.Unjoined(l)
	}
	return strings.Join(lines, "\n")
}

// cluster returns the bytes and the cells of the first character of s, as a terminal
// shows it.
func cluster(s string) (size, cells int) {
	if s[0] < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		return 1, 1
	}
	first, cells := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	return len(first), cells
}

func (lt *stringRows) count() int { return len(lt.ends) }

func (lt *stringRows) row(i int) string {
	from := 0
	if i > 0 {
		from = int(lt.ends[i-1])
	}
	return strings.TrimSuffix(lt.text[from:lt.ends[i]], "\n")
}

// find returns the next row after one, or the previous one before it, in which a
// phrase in small letters begins; -1 if there is none.
func (lt *stringRows) find(phrase string, from int, back bool) int {
	lower := strings.ToLower(lt.text)
	if len(lower) != len(lt.text) { // offsets would be wrong
		lower = lt.text
	}
	edge := 0
	if back {
		if from > 0 {
			edge = int(lt.ends[from-1])
		}
		edge = strings.LastIndex(lower[:edge], phrase)
	} else {
		if from >= 0 {
			edge = int(lt.ends[from])
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
