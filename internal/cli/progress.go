package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/term"
)

// How a progress is drawn: never for work that is done within progressAfter.
const (
	progressAfter = time.Second
	progressEvery = 100 * time.Millisecond
)

// progress is a line on a terminal that shows how far a command is. It appears
// after a second, is drawn again as the work goes on, and is erased at the end.
// Its methods may be called from any goroutine.
type progress struct {
	w     io.Writer
	what  string // "export"
	total int    // 0: not known

	mu    sync.Mutex
	done  int
	shown bool // the line is on the terminal
	once  sync.Once
	ended chan struct{}
	drawn sync.WaitGroup // the goroutine that draws
}

// newProgress starts to show how far a command is, on w if that is a terminal;
// else nothing is ever shown. total is how many things it has to do, 0 if that is
// not known. Done has to be called.
func newProgress(w io.Writer, terminal bool, what string, total int) *progress {
	p := &progress{w: w, what: what, total: total, ended: make(chan struct{})}
	if terminal {
		p.drawn.Go(p.draw)
	}
	return p
}

// draw draws the line until Done is called.
func (p *progress) draw() {
	for wait := progressAfter; ; wait = progressEvery {
		timer := time.NewTimer(wait)
		select {
		case <-p.ended:
			timer.Stop()
			return
		case <-timer.C:
		}
		p.mu.Lock()
		p.drawLocked()
		p.mu.Unlock()
	}
}

func (p *progress) drawLocked() {
	p.shown = true
	fmt.Fprint(p.w, eraseLine+term.Line(p.line()))
}

// eraseLine goes to the beginning of a terminal's line and erases it.
const eraseLine = "\r\x1b[K"

// line is the text that is drawn.
func (p *progress) line() string {
	if p.total <= 0 {
		return fmt.Sprintf("%s: %s", p.what, present.Group(p.done))
	}
	return fmt.Sprintf("%s: %s of %s (%d%%)", p.what, present.Group(p.done), present.Group(p.total), int64(p.done)*100/int64(p.total))
}

// Add says that n more things are done.
func (p *progress) Add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

// Above runs print, which prints to the same terminal, without the line in its way.
// The line is drawn again below what was printed.
func (p *progress) Above(print func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		p.eraseLocked()
		defer p.drawLocked()
	}
	return print()
}

// Done erases the line, which is not drawn again. Later calls do nothing.
func (p *progress) Done() {
	p.once.Do(func() { close(p.ended) })
	p.drawn.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.eraseLocked()
}

func (p *progress) eraseLocked() {
	if p.shown {
		fmt.Fprint(p.w, eraseLine)
		p.shown = false
	}
}
