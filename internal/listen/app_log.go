package listen

import (
	"context"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/tui"
)

// appLog is the app's latest output, for the interface.
type appLog struct {
	wake chan struct{} // one slot
	mu   sync.Mutex
	all  []tui.AppLine // the newest last; revisions without a gap
	rev  int64
}

// maxAppLog is how many lines are kept, and twice as many for a moment.
const maxAppLog = 10_000

func newAppLog() *appLog { return &appLog{wake: make(chan struct{}, 1)} }

func (l *appLog) add(stream, text string) {
	l.mu.Lock()
	l.rev++
	l.all = append(l.all, tui.AppLine{Rev: l.rev, At: time.Now(), Stderr: stream == "stderr", Text: text})
	if len(l.all) > 2*maxAppLog {
		l.all = append([]tui.AppLine(nil), l.all[maxAppLog:]...)
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
	lines := l.all[from:]
	return append([]tui.AppLine(nil), lines[:min(limit, len(lines))]...), nil
}

// last returns the latest lines.
func (l *appLog) last(most int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.all[max(len(l.all)-most, 0):]
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = line.Text
	}
	return out
}
