package tunnel

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
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

// notTunnels are the first labels of hosts in a service's own domain that lead
// to the service itself.
var notTunnels = []string{"www", "dashboard", "admin", "console", "api", "docs", "login"}

// elsewhereError is an address below none of the domains that a server may
// announce addresses in.
type elsewhereError struct{ address, host string }

func (e *elsewhereError) Error() string {
	return fmt.Sprintf("announced %q, which is not an address of its tunnels", e.address)
}

// domain is the one that would have to be allowed, "" if no address of a domain
// of somebody's was announced.
func (e *elsewhereError) domain() string {
	_, domain, _ := strings.Cut(e.host, ".")
	if _, err := publicsuffix.EffectiveTLDPlusOne(domain); err != nil || net.ParseIP(e.host) != nil {
		return ""
	}
	return domain
}

// announced checks an announced address: https, and a host below one of the
// service's domains. The webhook's secret goes there. Only a server of the user's
// own may have another port than 443.
func announced(address string, domains []string, own bool) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return "", fmt.Errorf("announced %q, which is no address", address)
	case u.Scheme != "https":
		return "", fmt.Errorf("announced only %q, which is not encrypted", address)
	case u.User != nil || u.Port() != "" && !own || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" || !hostName.MatchString(u.Hostname()):
		return "", fmt.Errorf("announced %q, which is no plain address", address)
	}
	host := strings.ToLower(u.Hostname())
	for _, domain := range domains {
		if below, ok := strings.CutSuffix(host, "."+domain); ok && below != "" && !slices.Contains(notTunnels, below) {
			if port := u.Port(); port != "" && port != "443" {
				host += ":" + port
			}
			return "https://" + host, nil
		}
	}
	return "", &elsewhereError{address, host}
}

var hostName = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?))+$`)

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

// The bounds of what is kept of a session's output, in bytes.
const (
	maxLine = 4 << 10
	maxSaid = 300
)

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
	moved   func(url string)
}

func newAnnouncements(s sshService) *announcements {
	return &announcements{read: s.read, domains: s.domains, own: s.own, moves: s.moves, found: make(chan struct{})}
}

// line takes one line, as it came but for its end.
func (a *announcements) line(raw string) {
	line := plain(raw)
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
	public, err := announced(address, a.domains, a.own)
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
			a.moved(public)
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
	var e *elsewhereError
	if !errors.As(a.refused, &e) {
		return ""
	}
	return e.domain()
}

// words are the end of what was said, in one line.
func (a *announcements) words() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lastWords()
}

func (a *announcements) lastWords() string {
	said := strings.Join(a.said, " ")
	if len(said) > maxSaid {
		said = strings.ToValidUTF8(said[len(said)-maxSaid:], "")
	}
	return said
}

// lines cuts a stream into lines. Of a line that is too long, the beginning is
// kept and the rest dropped: a server may send one without an end.
type lines struct {
	take func(line string)
	buf  []byte
}

// Write takes the next bytes. It never fails.
func (l *lines) Write(p []byte) (int, error) {
	for _, c := range p {
		switch {
		case c == '\n' || c == '\r': // progress bars and terminals return to the line's beginning
			if len(l.buf) > 0 {
				l.take(string(l.buf))
			}
			l.buf = l.buf[:0]
		case len(l.buf) < maxLine:
			l.buf = append(l.buf, c)
		}
	}
	return len(p), nil
}

// escapes are what terminals obey: control sequences, strings such as titles
// and links, and the rest.
var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])`)

// plain takes out of a line what terminals obey.
func plain(line string) string {
	line = escapes.ReplaceAllString(line, "")
	line = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return ' '
		}
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(line, ""))
	return strings.TrimSpace(line)
}
