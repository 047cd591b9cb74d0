package line

import "strings"

// Marked returns the line with all places marked that contain a phrase. It ignores case.
func (l Line) Marked(phrase string) Line {
	if phrase == "" {
		return l
	}
	text := l.PlainText()
	lower, phrase := strings.ToLower(text), strings.ToLower(phrase)
	if len(lower) != len(text) || !strings.Contains(lower, phrase) { // other lengths: offsets would be wrong
		return l
	}
	var out Line
	from, to := 0, 0 // of the next hit
	next := func(at int) {
		if i := strings.Index(lower[at:], phrase); i >= 0 {
			from, to = at+i, at+i+len(phrase)
		} else {
			from, to = len(text), len(text)
		}
	}
	next(0)
	at := 0
	for _, s := range l {
		end := at + len(s.text)
		for at < end {
			switch {
			case at >= to && to < len(text):
				next(at)
			case at < from:
				n := min(from, end)
				out = append(out, s.with(text[at:n]))
				at = n
			case at < to:
				n := min(to, end)
				out = out.Add(Found, text[at:n])
				at = n
			default:
				out = append(out, s.with(text[at:end]))
				at = end
			}
		}
	}
	return out
}
