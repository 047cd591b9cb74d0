package cloudflared

import (
	"cmp"
	"regexp"
	"strings"
	"sync"

	"github.com/hf-tap/hf-tap/tunnel/internal/announce"
)

// lastWords is why a program has ended: the last line of its output that has an error,
// or else the last line.
type lastWords struct {
	mu        sync.Mutex
	last, bad string
}

// tooMany is Cloudflare's message about too many addresses in a time.
const tooMany = "429 Too Many Requests"

// stamp is the beginning of each line of the log.
var stamp = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T[0-9:.]+Z? (?:[A-Z]{3} )?`)

func (w *lastWords) line(raw string) {
	line := announce.Plain(raw)
	if line == "" {
		return
	}
	bad := strings.Contains(line, " ERR ") || strings.HasPrefix(line, "failed") || strings.HasPrefix(line, "error")
	line = stamp.ReplaceAllString(line, "")
	if len(line) > announce.MaxSaid {
		line = strings.ToValidUTF8(line[:announce.MaxSaid], "")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = line
	switch {
	case strings.Contains(line, tooMany):
		w.bad = tooMany // later lines are consequences
	case bad && w.bad != tooMany:
		w.bad = line
	}
}

func (w *lastWords) words() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return cmp.Or(w.bad, w.last)
}
