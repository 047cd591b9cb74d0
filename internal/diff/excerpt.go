package diff

import (
	"strings"
	"unicode"
)

// Bounds of an excerpt, in characters.
const (
	longValue = 60 // from this on the same beginning and end of two values are cut away
	context   = 20 // what stays of them
)

// excerpts are two values on one line each. Of long ones the beginning and the end that
// are the same are cut away.
func excerpts(a, b []byte) (before, now string) {
	x, y := []rune(oneLine(a)), []rune(oneLine(b))
	if len(x) <= longValue && len(y) <= longValue {
		return string(x), string(y)
	}
	same, end := sameEnds(x, y)
	cut := func(r []rune) string {
		head, tail := "", ""
		to := len(r)
		if end > context {
			to, tail = len(r)-end+context, "…"
		}
		from := 0
		if same > context {
			from, head = same-context, "…"
		}
		return head + shorten(string(r[from:to])+tail, 120)
	}
	return cut(x), cut(y)
}

// sameEnds is how much of two lists is the same at the beginning and, after that, at the
// end.
func sameEnds[T comparable](x, y []T) (start, end int) {
	for start < min(len(x), len(y)) && x[start] == y[start] {
		start++
	}
	for end < min(len(x), len(y))-start && x[len(x)-1-end] == y[len(y)-1-end] {
		end++
	}
	return start, end
}

func oneLine(b []byte) string { return strings.Join(strings.Fields(string(b)), " ") }

// maxWords is how many words of two texts are compared one by one. Of longer texts the
// middle between what is the same at both ends counts as changed.
const maxWords = 400

// Word is a piece of a text, and whether the other text has it, too.
type Word struct {
	Text string
	Same bool
}

// Words compares two texts word by word.
func Words(before, now string) (a, b []Word) {
	x, y := words(before), words(now)
	same, end := sameEnds(x, y)
	keepX, keepY := common(x[same:len(x)-end], y[same:len(y)-end])
	return pieces(x, same, end, keepX), pieces(y, same, end, keepY)
}

// words splits a text into words, spaces, and single other characters.
func words(s string) (all []string) {
	class := func(r rune) int {
		switch {
		case unicode.IsSpace(r):
			return 1
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '_':
			return 2
		}
		return 0
	}
	from, last := 0, -1
	for i, r := range s {
		if c := class(r); c != last || c == 0 {
			if i > from {
				all = append(all, s[from:i])
			}
			from, last = i, c
		}
	}
	if from < len(s) {
		all = append(all, s[from:])
	}
	return all
}

// common says of each word whether it is in the longest common sequence.
func common(x, y []string) (inX, inY []bool) {
	inX, inY = make([]bool, len(x)), make([]bool, len(y))
	if len(x) > maxWords || len(y) > maxWords {
		return inX, inY
	}
	length := make([][]int, len(x)+1)
	for i := range length {
		length[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch {
		case x[i] == y[j]:
			inX[i], inY[j] = true, true
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return inX, inY
}

// pieces joins words that are the same, and words that differ.
func pieces(all []string, same, end int, kept []bool) (out []Word) {
	for i, w := range all {
		is := i < same || i >= len(all)-end || kept[i-same]
		if n := len(out) - 1; n >= 0 && out[n].Same == is {
			out[n].Text += w
		} else {
			out = append(out, Word{w, is})
		}
	}
	return out
}
