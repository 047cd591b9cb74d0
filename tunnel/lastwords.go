package tunnel

import (
	"cmp"
	"regexp"
	"strings"
	"sync"
)

// lastWords keeps what a program ended of: the last line of its output that
// tells of an error, or else the last one.
type lastWords struct {
	mu        sync.Mutex
	last, bad string
}

// tooMany is how Cloudflare says that it has given enough addresses for now.
const tooMany = "429 Too Many Requests"

// cloudflaredStamp is what each line of its log begins with.
var cloudflaredStamp = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T[0-9:.]+Z? (?:[A-Z]{3} )?`)

func (w *lastWords) line(raw string) {
	line := plain(raw)
	if line == "" {
		return
	}
	bad := strings.Contains(line, " ERR ") || strings.HasPrefix(line, "failed") || strings.HasPrefix(line, "error")
	line = cloudflaredStamp.ReplaceAllString(line, "")
	if len(line) > maxSaid {
		line = strings.ToValidUTF8(line[:maxSaid], "")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = line
	switch {
	case strings.Contains(line, tooMany):
		w.bad = tooMany // what follows says only what came of it
	case bad && w.bad != tooMany:
		w.bad = line
	}
}

func (w *lastWords) words() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return cmp.Or(w.bad, w.last)
}
