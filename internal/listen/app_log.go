package listen

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/tui"
)

// appLog is the app's latest output, for the interface.
type appLog struct {
	wake chan struct{} // one slot
	mu   sync.Mutex
	all  []appLine // the newest last; revisions without a gap
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
	l.all = append(l.all, appLine{tui.AppLine{Rev: l.rev, At: time.Now(), Stderr: stream == "stderr", Text: text}, stream == Announced})
	if len(l.all) > 2*maxAppLog {
		l.all = append([]appLine(nil), l.all[maxAppLog:]...)
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// since returns the lines after a revision, at most limit, the oldest first.
func (l *appLog) since(_ context.Context, rev int64, limit int) ([]tui.AppLine, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return nil, nil
	}
	from := int(max(rev-l.all[0].Rev+1, 0))
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
