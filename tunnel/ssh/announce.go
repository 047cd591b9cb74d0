package ssh

import (
	"encoding/json"
	"errors"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"github.com/hf-tap/hf-tap/tunnel/internal/announce"
)

// reader returns the address that a line of a session's output announces, or "" if
// the line announces none. The formats are those of each service's documentation and
// output. A reader matches the whole line, because services also print what strangers
// send, for example the paths of requests.
type reader func(line string) string

// localhostRunEvent is a line of "--output json".
type localhostRunEvent struct {
	Event   string `json:"event"`
	Address string `json:"address"`
	Status  string `json:"status"`
}

var localhostRunText = regexp.MustCompile(`^[^\s,]+ tunneled with tls termination, (https?://\S+)$`)

// readLocalhostRun reads the lines of JSON, and the sentence that comes from servers
// without JSON.
func readLocalhostRun(line string) string {
	var e localhostRunEvent
	if err := json.Unmarshal([]byte(line), &e); err == nil {
		if e.Event != "tcpip-forward" || e.Address == "" || e.Status != "" && e.Status != "success" {
			return ""
		}
		if strings.Contains(e.Address, "://") {
			return e.Address
		}
		return "https://" + e.Address
	}
	return submatch(localhostRunText, line)
}

var serveoText = regexp.MustCompile(`^Forwarding HTTP traffic from (\S+)$`)

func readServeo(line string) string { return submatch(serveoText, line) }

var pinggyText = regexp.MustCompile(`^(https?://\S+)$`)

// readPinggy reads a line that has only an address. There are several, and the
// sentence about the dashboard is not one of them.
func readPinggy(line string) string { return submatch(pinggyText, line) }

var sishText = regexp.MustCompile(`^HTTPS?: (\S+)$`)

func readSish(line string) string { return submatch(sishText, line) }

var srvUsText = regexp.MustCompile(`^1: (\S+)$`)

// readSrvUs reads the address of port 1, the only one that is requested.
func readSrvUs(line string) string { return submatch(srvUsText, line) }

func submatch(re *regexp.Regexp, line string) string {
	if m := re.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}

// domainsOf returns the domains in which a server of the user's may announce
// addresses: the domain that it is registered under. An IP address and a name without
// a domain have none.
func domainsOf(host string) []string {
	if net.ParseIP(host) != nil {
		return nil
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(host))
	if err != nil {
		return nil
	}
	return []string{domain}
}

// announcements reads the output of a session. It accepts the first valid address.
// Later ones are ignored, except in lines that only the server can write.
type announcements struct {
	read    reader
	domains []string
	own     bool // the server is the user's
	moves   bool // later lines may announce another address

	found chan struct{} // closed with the first address

	mu      sync.Mutex
	url     string
	refused error    // why the latest invalid address is invalid
	said    []string // the last lines without an address
	moved   func()   // called when a later line announces another address; may be nil
}

func newAnnouncements(s service) *announcements {
	return &announcements{read: s.read, domains: s.domains, own: s.own, moves: s.moves, found: make(chan struct{})}
}

// line reads one line.
func (a *announcements) line(raw string) {
	line := announce.Plain(raw)
	if line == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.url != "" && !a.moves {
		a.recordLocked(line)
		return
	}
	address := a.read(line)
	if address == "" {
		a.recordLocked(line)
		return
	}
	public, err := announce.Address(address, a.domains, a.own)
	switch {
	case err != nil:
		if a.url == "" {
			a.refused = err
		}
	case a.url == "":
		a.url = public
		close(a.found)
	case a.url != public:
		a.url = public
		if a.moved != nil {
			a.moved()
		}
	}
}

// recordLocked keeps the last lines without an address.
func (a *announcements) recordLocked(line string) {
	const lines = 3
	if a.said = append(a.said, line); len(a.said) > lines {
		a.said = slices.Clone(a.said[len(a.said)-lines:])
	}
}

// address returns the latest address, or "" before the first.
func (a *announcements) address() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.url
}

// why returns what was printed instead of an address, or "" if nothing was.
func (a *announcements) why() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused != nil {
		return a.refused.Error()
	}
	return a.lastWordsLocked()
}

// otherDomain returns the domain of an address that is invalid because of its domain,
// or "" if there is none.
func (a *announcements) otherDomain() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var e *announce.ElsewhereError
	if !errors.As(a.refused, &e) {
		return ""
	}
	return e.Domain()
}

// words returns the last words, in one line.
func (a *announcements) words() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lastWordsLocked()
}

func (a *announcements) lastWordsLocked() string {
	said := strings.Join(a.said, " ")
	if len(said) > announce.MaxSaid {
		said = strings.ToValidUTF8(said[len(said)-announce.MaxSaid:], "")
	}
	return said
}
