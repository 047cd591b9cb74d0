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

// reader finds the address that a line of a session's output announces, "" if
// the line announces none. Which service says it how was read in its
// documentation and output. A reader wants its words at the beginning of the
// line: services also print what strangers ask for, such as the paths of
// requests, and those stand further right.
type reader func(line string) string

// localhostRunEvent is a line of "--output json".
type localhostRunEvent struct {
	Event   string `json:"event"`
	Address string `json:"address"`
	Status  string `json:"status"`
}

var localhostRunText = regexp.MustCompile(`^[^\s,]+ tunneled with tls termination, (https?://\S+)$`)

// readLocalhostRun reads the lines of JSON, and the sentence that comes where
// JSON is not understood.
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

// readPinggy takes a line that is nothing but an address. There are several,
// and the sentence about the dashboard is not one of them.
func readPinggy(line string) string { return submatch(pinggyText, line) }

var sishText = regexp.MustCompile(`^HTTPS?: (\S+)$`)

func readSish(line string) string { return submatch(sishText, line) }

var srvUsText = regexp.MustCompile(`^1: (\S+)$`)

// readSrvUs takes the address of port 1, the only one that is asked for.
func readSrvUs(line string) string { return submatch(srvUsText, line) }

func submatch(re *regexp.Regexp, line string) string {
	if m := re.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}

// domainsOf gives the domains that a server of the user's own may announce
// addresses in: the one it is registered under. An address by number, and a
// name without a domain, have none.
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

// announcements reads the output of a session. It takes the first address that
// fits. Later ones are not believed, but for lines that nobody else can write.
type announcements struct {
	read    reader
	domains []string
	own     bool // the server is the user's
	moves   bool // later lines may announce another address

	found chan struct{} // closed with the first address

	mu      sync.Mutex
	url     string
	refused error    // why an address was not taken, the latest
	said    []string // the last lines that announced nothing
	moved   func()   // called when a later line announces another address; may be nil
}

func newAnnouncements(s service) *announcements {
	return &announcements{read: s.read, domains: s.domains, own: s.own, moves: s.moves, found: make(chan struct{})}
}

// line takes one line, as it came but for its end.
func (a *announcements) line(raw string) {
	line := announce.Plain(raw)
	if line == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.url != "" && !a.moves {
		a.say(line)
		return
	}
	address := a.read(line)
	if address == "" {
		a.say(line)
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

// say keeps the end of what was said.
func (a *announcements) say(line string) {
	const lines = 3
	if a.said = append(a.said, line); len(a.said) > lines {
		a.said = slices.Clone(a.said[len(a.said)-lines:])
	}
}

// address is the latest address, "" before the first.
func (a *announcements) address() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.url
}

// why says what came instead of an address, "" if nothing did.
func (a *announcements) why() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refused != nil {
		return a.refused.Error()
	}
	return a.lastWords()
}

// elsewhere is the domain of an address that was not taken because of it, ""
// otherwise.
func (a *announcements) elsewhere() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var e *announce.ElsewhereError
	if !errors.As(a.refused, &e) {
		return ""
	}
	return e.Domain()
}

// words are the end of what was said, in one line.
func (a *announcements) words() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lastWords()
}

func (a *announcements) lastWords() string {
	said := strings.Join(a.said, " ")
	if len(said) > announce.MaxSaid {
		said = strings.ToValidUTF8(said[len(said)-announce.MaxSaid:], "")
	}
	return said
}
