package announce

import (
	"regexp"
	"strings"
)

// maxLine is the most that is kept of a line, in bytes.
const maxLine = 4 << 10

// MaxSaid is the most that an error should quote of an output, in bytes.
const MaxSaid = 300

// Lines splits a stream into lines. It keeps only the beginning of a long line,
// because a server may send one without an end.
type Lines struct {
	Take func(line string) // gets each line without its end
	buf  []byte
}

// Write reads the next bytes. It never fails.
func (l *Lines) Write(p []byte) (int, error) {
	for _, c := range p {
		switch {
		case c == '\n' || c == '\r': // progress bars end with a carriage return
			if len(l.buf) > 0 {
				l.Take(string(l.buf))
			}
			l.buf = l.buf[:0]
		case len(l.buf) < maxLine:
			l.buf = append(l.buf, c)
		}
	}
	return len(p), nil
}

// escapes are the sequences that a terminal interprets: control sequences, strings
// for titles and links, and others.
var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])`)

// Plain returns a line without the characters and sequences that a terminal
// interprets.
func Plain(line string) string {
	line = escapes.ReplaceAllString(line, "")
	line = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return ' '
		}
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(line, ""))
	return strings.TrimSpace(line)
}
