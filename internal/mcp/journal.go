package mcp

import (
	"bytes"
	"log/slog"
	"sync"
)

// Journal passes lines on to a log, and keeps the latest for session_status.
type Journal struct {
	log *slog.Logger

	mu    sync.Mutex
	part  []byte // of a line
	lines []string
	count int // of all lines so far
}

// maxJournal is how many lines a Journal keeps.
const maxJournal = 20

// NewJournal returns a Journal whose lines go to log, too.
func NewJournal(log *slog.Logger) *Journal { return &Journal{log: log} }

// Write takes text that consists of lines.
func (j *Journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.part = append(j.part, b...)
	for {
		line, rest, whole := bytes.Cut(j.part, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		j.lines, j.count = append(j.lines, string(line)), j.count+1
		j.lines = j.lines[max(0, len(j.lines)-maxJournal):]
		j.log.Info("note", "line", string(line))
		j.part = rest
	}
}

// written returns how many lines there were so far.
func (j *Journal) written() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.count
}

// since returns the latest lines, without the first n of all. It is not nil.
func (j *Journal) since(n int) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string{}, j.lines[min(max(len(j.lines)-(j.count-n), 0), len(j.lines)):]...)
}
