package tunnel

import (
	"cmp"
	"os"
	"regexp"
	"strings"
	"sync"
)

// groupOfOne is the group of a program while it runs. Afterwards nobody is
// signaled: its number may be another's.
type groupOfOne struct {
	mu      sync.Mutex
	group   processGroup
	running bool
}

func (g *groupOfOne) lead(leader *os.Process) (err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.group, err = newProcessGroup(leader)
	g.running = err == nil
	return err
}

func (g *groupOfOne) signal(send func(processGroup)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running {
		send(g.group)
	}
}

// end kills what is left when the leader has ended.
func (g *groupOfOne) end() {
	g.signal(func(group processGroup) {
		group.kill()
		group.close()
		g.running = false
	})
}

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
