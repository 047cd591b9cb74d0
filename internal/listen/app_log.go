package listen

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/tui"
)

// appLog is the app's latest output, for the interface.
type appLog struct {
	wake chan struct{} // one slot
	mu   sync.Mutex
	all  []appLine // the newest last; revisions grow
	rev  int64
}

// appLine is a line, and whether the notes have it, too.
type appLine struct {
	tui.AppLine
	announced bool
}

// Announced is the stream of lines that are printed as notes, too. The screen shows them,
// because it hides what was printed before it.
const Announced = "announced"

// maxAppLog is how many lines are kept, and twice as many for a moment.
const maxAppLog = 10_000

func newAppLog() *appLog { return &appLog{wake: make(chan struct{}, 1)} }

func (l *appLog) add(stream, text string) {
	l.mu.Lock()
	l.rev++
	line := appLine{tui.AppLine{Rev: l.rev, At: time.Now(), Stderr: stream == "stderr", Text: text}, stream == Announced}
	if i := l.lastOfLocked(line.Stderr); i >= 0 && strings.HasSuffix(l.all[i].Text, "\r") { // a progress bar: only its last state is kept
		l.all = slices.Delete(l.all, i, i+1)
	}
	l.all = append(l.all, line)
	if len(l.all) > 2*maxAppLog {
		l.all = append([]appLine(nil), l.all[maxAppLog:]...)
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// lastOfLocked is the index of the last line of a stream, -1 if there is none among the
// last few.
func (l *appLog) lastOfLocked(stderr bool) int {
	for i := len(l.all) - 1; i >= max(len(l.all)-100, 0); i-- {
		if l.all[i].Stderr == stderr {
			return i
		}
	}
	return -1
}

// since returns the lines after a revision, at most limit, the oldest first.
func (l *appLog) since(_ context.Context, rev int64, limit int) ([]tui.AppLine, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return nil, nil
	}
	from, _ := slices.BinarySearchFunc(l.all, rev+1, func(line appLine, rev int64) int { return cmp.Compare(line.Rev, rev) })
	if from >= len(l.all) {
		return nil, nil
	}
	var lines []tui.AppLine
	for _, line := range l.all[from:min(from+limit, len(l.all))] {
		lines = append(lines, line.AppLine)
	}
	return lines, nil
}

// last returns the latest lines that are not printed as notes, the oldest first.
func (l *appLog) last(most int) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.all) - 1; i >= 0 && len(lines) < most; i-- {
		if !l.all[i].announced {
			lines = append(lines, l.all[i].Text)
		}
	}
	slices.Reverse(lines)
	return lines
}
