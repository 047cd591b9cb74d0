package app

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// maxLine is the longest piece of a line that is passed on, in bytes.
	maxLine = 64 << 10
	// maxRest is how much is read after the end of everybody known: no pipe
	// holds more, unless root has raised Linux's limit.
	maxRest = 1 << 20
)

// pipe is our end of a pipe that the app writes to.
type pipe struct {
	file  *os.File
	bytes func([]byte) // nil for lines
	line  func(string)

	mu    sync.Mutex
	ended bool
	wait  time.Duration // for more output, once ended
	rest  int           // bytes that are still read, once ended
	late  *time.Timer   // closes the pipe where reads have no deadline
}

func newPipe(file *os.File, bytes func([]byte), line func(string)) *pipe {
	return &pipe{file: file, bytes: bytes, line: line}
}

// writersGone says that all known writers have ended. What is in the pipe is read, and
// then an unknown writer has a moment to close it.
func (p *pipe) writersGone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended, p.wait, p.rest = true, quiet, maxRest
	if err := p.file.SetReadDeadline(time.Now().Add(quiet)); errors.Is(err, os.ErrNoDeadline) {
		p.late = time.AfterFunc(quiet, func() { p.file.Close() }) // Windows
	}
}

// Read reads from the pipe. After writersGone, only the time in which there is nothing
// to read counts against the wait: what is there comes through, however long
// the lines are on their way to the screen.
func (p *pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	ended := p.ended
	if ended && (p.wait <= 0 || p.rest <= 0) {
		p.mu.Unlock()
		return 0, io.EOF
	}
	start := time.Now()
	if ended {
		_ = p.file.SetReadDeadline(start.Add(p.wait)) // writersGone has dealt with the error
	}
	p.mu.Unlock()
	n, err := p.file.Read(b)
	if ended {
		p.mu.Lock()
		p.wait -= time.Since(start)
		p.rest -= n
		p.mu.Unlock()
	}
	return n, err
}

// pass passes on what comes until the pipe ends.
func (p *pipe) pass() {
	defer p.stopTimer()
	if p.bytes == nil {
		p.passLines()
		return
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := p.Read(buffer)
		if n > 0 {
			p.bytes(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

func (p *pipe) passLines() {
	r := bufio.NewReaderSize(p, maxLine)
	cut := false // the last piece was not the end of its line
	for {
		text, size, whole, err := nextPiece(r)
		// The newline after a piece of exactly the limit is not a line of its own, and
		// neither is what comes after the last newline if that is nothing.
		if len(text) > 0 && string(text) != "\r" || whole && !cut {
			p.line(string(text))
		}
		cut = !whole && !bytes.HasSuffix(text, []byte("\r"))
		_, _ = r.Discard(size) // it is in the buffer
		if err != nil {
			return
		}
	}
}

// nextPiece waits for the next line, or for a piece of a long one. A state that the app
// ends with "\r" keeps it. size is how much of the buffer the piece takes.
func nextPiece(r *bufio.Reader) (text []byte, size int, whole bool, err error) {
	for looked := 0; ; {
		b, _ := r.Peek(r.Buffered())
		full := len(b) == r.Size()
		if i := bytes.IndexAny(b[looked:], "\r\n"); i >= 0 {
			i += looked
			switch {
			case b[i] == '\n':
				return b[:i], i + 1, true, nil
			case i+1 < len(b) && b[i+1] == '\n':
				return b[:i], i + 2, true, nil
			case i+1 < len(b) || full:
				return b[:i+1], i + 1, false, nil
			}
			looked = i // what comes after "\r" says what it is
		} else {
			looked = len(b)
		}
		if full {
			return b, len(b), false, nil
		}
		if _, err := r.Peek(len(b) + 1); err != nil && r.Buffered() == len(b) {
			return b, len(b), false, err
		}
	}
}

func (p *pipe) stopTimer() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.late != nil {
		p.late.Stop()
	}
}
