// Package diff compares events: their bodies, and what their targets answered. The
// screen, "events diff" and "events replay --compare" show what it finds, so that they
// say the same.
package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
)

// Bounds of a comparison.
const (
	maxBody  = 8 << 20 // bytes of both together
	maxLines = 500
	maxDepth = 60
)

// Mark says what a line of a comparison is.
type Mark byte

// The marks at the start of a line.
const (
	Note    Mark = ' ' // no difference
	Warning Mark = '!' // a difference that is not shown
	Gone    Mark = '-' // only in the earlier one
	Added   Mark = '+' // only in the later one
	Changed Mark = '~' // a value that is another one
)

// Line is one line of a comparison. Its texts come from the network.
type Line struct {
	Mark        Mark
	Path        string // of a value in JSON, or the name of a header
	Before, Now string // of a Changed value, without what is the same at both ends of long ones
	// WholeBefore and WholeNow are a Changed value of JSON as it is written.
	WholeBefore, WholeNow string
	Text                  string // of every other line
}

// Differs reports whether the line is about a difference.
func (l Line) Differs() bool { return l.Mark != Note }

// String is the line as it is shown.
func (l Line) String() string {
	mark := string(l.Mark)
	if l.Mark == Warning {
		mark = " "
	}
	switch {
	case l.Mark == Changed:
		return fmt.Sprintf("%s %s %s → %s", mark, l.Path, l.Before, l.Now)
	case l.Path != "":
		return fmt.Sprintf("%s %s %s", mark, l.Path, l.Text)
	}
	return mark + " " + l.Text
}

// Section is a part of a comparison.
type Section struct {
	Title string // "payload", "response of :3000"
	Lines []Line
}

// Events compares an event with an earlier one: their bodies, and what each target of
// the later one answered.
func Events(before, now *event.Event) []Section {
	names := [2]string{fmt.Sprintf("#%d", before.N), fmt.Sprintf("#%d", now.N)}
	all := []Section{{"payload", Bodies(before.Body, now.Body, names, nil)}}
	for _, target := range now.Targets {
		all = append(all, Section{"response of " + present.Target(target), Answers(before.Last(target), now.Last(target), names, nil)})
	}
	return all
}

// Answers compares what a target answered: status, the headers that matter, and
// body, without what is ignored in JSON. Either may be nil, if there was none. names
// are those of the events.
func Answers(before, now *event.Attempt, names [2]string, ignored []Path) []Line {
	switch {
	case now == nil && before == nil:
		return []Line{{Mark: Note, Text: "none then, none now"}}
	case now == nil:
		return []Line{{Mark: Gone, Text: outcome(before)}, {Mark: Note, Text: "not tried now"}}
	case before == nil:
		return []Line{{Mark: Note, Text: "not tried then"}, {Mark: Added, Text: outcome(now)}}
	}
	lines := []Line{{Mark: Note, Text: outcome(now) + ", then in " + took(before)}}
	if now.Status != before.Status || now.Err != before.Err {
		lines = []Line{{Mark: Gone, Text: outcome(before)}, {Mark: Added, Text: outcome(now)}}
	}
	lines = append(lines, compareHeaders(before.Header, now.Header)...)
	lines = append(lines, Bodies(before.Body, now.Body, names, ignored)...)
	if before.BodyCut || now.BodyCut {
		lines = append(lines, Line{Mark: Note, Text: "only the beginning of a long answer was kept"})
	}
	return lines
}

// headersThatMatter are the headers that change what an answer means. Others, for
// example Date, differ in every answer.
var headersThatMatter = [...]string{"Content-Type", "Content-Encoding", "Location", "Allow", "Retry-After", "Www-Authenticate"}

func compareHeaders(before, now http.Header) (lines []Line) {
	for _, name := range headersThatMatter {
		a, b := strings.Join(before.Values(name), ", "), strings.Join(now.Values(name), ", ")
		switch {
		case a == b:
		case a == "":
			lines = append(lines, Line{Mark: Added, Path: name + ":", Text: b})
		case b == "":
			lines = append(lines, Line{Mark: Gone, Path: name + ":", Text: a})
		default:
			lines = append(lines, Line{Mark: Changed, Path: name + ":", Before: a, Now: b})
		}
	}
	return lines
}

// outcome is how an attempt ended: "200 OK in 3ms".
func outcome(a *event.Attempt) string {
	words := present.Outcome(*a)
	if phrase := http.StatusText(a.Status); phrase != "" && a.Err == "" {
		words += " " + phrase
	}
	if a.OK() && a.BodyError() != "" {
		words += ", ERROR IN BODY"
	}
	return words + " in " + took(a)
}

func took(a *event.Attempt) string { return present.Duration(a.Duration) }

// Bodies compares two bodies: JSON by its values, without what is ignored, other text
// by its lines.
func Bodies(before, now []byte, names [2]string, ignored []Path) []Line {
	switch {
	case bytes.Equal(before, now) && len(now) == 0:
		return []Line{{Mark: Note, Text: "empty both times"}}
	case bytes.Equal(before, now):
		return []Line{{Mark: Note, Text: "the same, byte for byte"}}
	case len(before)+len(now) > maxBody:
		return []Line{{Mark: Warning, Text: tooLarge(int64(len(before)), int64(len(now)), names)}}
	case json.Valid(before) && json.Valid(now):
		return compareJSON(before, now, ignored)
	}
	return compareText(before, now)
}

// tooLarge is the message that two bodies are too large to compare.
func tooLarge(before, now int64, names [2]string) string {
	a, b := present.Size(before), present.Size(now)
	limit := "; both may have " + present.Size(maxBody) + " together"
	switch {
	case now <= maxBody/2:
		return fmt.Sprintf("that of %s is too large to compare: %s%s", names[0], a, limit)
	case before <= maxBody/2:
		return fmt.Sprintf("that of %s is too large to compare: %s%s", names[1], b, limit)
	}
	return fmt.Sprintf("both are too large to compare: %s, %s%s", a, b, limit)
}

// compareText compares two texts by their lines. Lines that are the same at both ends
// are left out.
func compareText(before, now []byte) (lines []Line) {
	if !IsText(before) || !IsText(now) {
		return []Line{{Mark: Warning, Text: fmt.Sprintf("other bytes: %s, %s", present.Size(int64(len(before))), present.Size(int64(len(now))))}}
	}
	x, y := strings.Split(string(before), "\n"), strings.Split(string(now), "\n")
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	for i, side := range [][]string{x, y} {
		mark := [2]Mark{Gone, Added}[i]
		for j, l := range side {
			if j == maxLines/2 {
				lines = append(lines, Line{Mark: Warning, Text: fmt.Sprintf("… %d lines more", len(side)-j)})
				break
			}
			lines = append(lines, Line{Mark: mark, Text: shorten(l, 2000)})
		}
	}
	return lines
}

// IsText reports whether nearly all of b is text in UTF-8.
func IsText(b []byte) bool {
	odd, n := 0, 0
	for ; len(b) > 0; n++ {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 && len(b) >= utf8.UTFMax || r < 0x20 && r != '\n' && r != '\r' && r != '\t' {
			odd++
		}
		b = b[size:]
	}
	return odd*20 <= n
}

// shorten cuts a text to a number of characters.
func shorten(s string, most int) string {
	n := 0
	for i := range s {
		if n++; n == most && utf8.RuneCountInString(s[i:]) > 1 {
			return s[:i] + "…"
		}
	}
	return s
}
