package cli

import (
	"io"
	"strings"
	"sync"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/session"
)

// LibrariesLog is where the standard loggers (log, slog.Default) are to write:
// net/http prints there what it meets, for example a body behind a 204, and on
// standard error that would stand in the middle of the screen. Lines go to the
// log in the state folder, which is opened with the first of them. Where it cannot
// be opened they are lost.
func LibrariesLog(getenv func(string) string) io.Writer {
	return &librariesLog{open: sync.OnceValues(func() (*session.Log, error) {
		dir, err := session.FindDir(getenv)
		if err != nil {
			return nil, err
		}
		secrets := event.NewSecrets(getenv("HF_TOKEN"), getenv("HUGGING_FACE_HUB_TOKEN"), getenv("WEBHOOK_SECRET"), dir.KeptSecret())
		return dir.OpenLog(func(s string) string { return secrets.Mask(event.MaskText(s)) })
	})}
}

type librariesLog struct{ open func() (*session.Log, error) }

// Write logs a line.
func (l *librariesLog) Write(line []byte) (int, error) {
	log, err := l.open()
	if err != nil {
		return 0, err
	}
	log.Warn("library", "line", strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}
