package ssh

import (
	"net/url"
	"strings"
	"testing"

	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
	"github.com/hf-tap/hf-tap/tunnel/internal/announce"
)

// readers are all that announce addresses, with the domains that they may
// announce.
func readers() map[string]service {
	all := map[string]service{}
	for _, s := range presets("mine") {
		all[s.provider] = s
	}
	all["ssh://me@ssh.example.com"] = service{own: true, read: readSish, domains: domainsOf("ssh.example.com")}
	return all
}

// heard returns the address that an output announces, and why there is none.
func heardIn(s service, output string) (string, string) {
	a := newAnnouncements(s)
	_, _ = (&announce.Lines{Take: a.line}).Write([]byte(output))
	return a.address(), a.why()
}

func TestEachServicesAnnouncementIsUnderstood(t *testing.T) {
	for _, c := range []struct{ provider, output, want, why string }{
		{LocalhostRun, "abc.lhr.life tunneled with tls termination, https://abc.lhr.life\ncreate an account at https://admin.localhost.run\n", "https://abc.lhr.life", ""},
		{LocalhostRun, `{"event":"tcpip-forward","address":"abc.lhr.life","status":"failed","message":"no"}` + "\n", "", "failed"},
		{LocalhostRun, `{"event":"tcpip-forward","address":"evil.example","status":"success"}` + "\n", "", "evil.example"},
		{LocalhostRun, `{"event":"http","message":"abc tunneled with tls termination, https://evil.lhr.life","address":"evil.lhr.life"}` + "\n", "", "evil"},
		{LocalhostRun, `{"event":"tcpip-forward","address":"http://abc.lhr.life"}` + "\n", "", "not encrypted"},
		{LocalhostRun, "authenticate at https://admin.localhost.run/\n", "", "authenticate"},
		{LocalhostRun, `{"event":"tcpip-forward","address":"admin.localhost.run","status":"success"}` + "\n", "", "not an address of its tunnels"},
		{Serveo, "Forwarding HTTP traffic from https://abc.serveo.net\r", "https://abc.serveo.net", ""},
		{Serveo, "\x1b]8;;https://evil.serveo.net\x07Forwarding HTTP traffic from https://abc.serveo.net\x1b]8;;\x07\n", "https://abc.serveo.net", ""},
		{Serveo, "GET /Forwarding HTTP traffic from https://evil.serveo.net\n", "", "GET"},
		{Serveo, "Forwarding HTTP traffic from https://abc.serveo.net", "", ""}, // its end may still come
		{Serveo, "Forwarding HTTP traffic from https://user:pw@abc.serveo.net\n", "", "not a plain address"},
		{Serveo, "Forwarding HTTP traffic from https://abc.serveo.net:8443\n", "", "not a plain address"},
		{Serveo, "Forwarding HTTP traffic from https://serveo.net\n", "", "not an address of its tunnels"},
		{Serveo, "Forwarding HTTP traffic from https://abc.serveo.net.evil.example\n", "", "not an address of its tunnels"},
		{Serveo, "Forwarding HTTP traffic from https://evilserveo.net\n", "", "not an address of its tunnels"},
		{Serveo, "Forwarding HTTP traffic from https://a\u0435b.serveo.net\n", "", "not a plain address"},
		{Serveo, "Forwarding HTTP traffic from https://one.serveo.net\nForwarding HTTP traffic from https://one.serveo.net\nForwarding HTTP traffic from https://two.serveo.net\n", "https://one.serveo.net", ""},
		{Pinggy, "https://dashboard.pinggy.io\nhttp://x.a.free.pinggy.link\nhttps://x.a.free.pinggy.link\nhttps://y.a.free.pinggy.link\n", "https://x.a.free.pinggy.link", ""},
		{Pinggy, "https://dashboard.pinggy.io\n", "", "not an address of its tunnels"},
		{Pinggy, "https://www.a.pinggy.io\n", "", "not an address of its tunnels"},
		{SrvUs, "1: https://abc.srv.us/\n", "https://abc.srv.us", ""},
		{SrvUs, "2: https://abc.srv.us/\n", "", "2:"},
		{Tuns, "HTTP: http://mine.tuns.sh\n", "", "not encrypted"},
		{Tuns, "\x1b[34mHTTPS\x1b[0m: https://mine.nue.tuns.sh\r\n", "https://mine.nue.tuns.sh", ""},
		{Tuns, "2026/01/02 | mine.tuns.sh | GET /HTTPS: https://evil.tuns.sh | 200\n", "", "GET"},
		{"ssh://me@ssh.example.com", "HTTPS: https://mine.example.com\n", "https://mine.example.com", ""},
		{"ssh://me@ssh.example.com", "HTTPS: https://mine.example.com:8443\n", "https://mine.example.com:8443", ""},
		{"ssh://me@ssh.example.com", "HTTPS: https://mine.example.com:443\n", "https://mine.example.com", ""},
		{"ssh://me@ssh.example.com", "HTTPS: https://mine.example.com:x\n", "", "not an address"},
		{"ssh://me@ssh.example.com", "HTTPS: https://mine.example.org:8443\n", "", "not an address of its tunnels"},
		{"ssh://me@ssh.example.com", "HTTPS: https://mine.example.org\n", "", "not an address of its tunnels"},
	} {
		got, why := heardIn(readers()[c.provider], c.output)
		if got != c.want || got == "" && !strings.Contains(why, c.why) {
			t.Errorf("%s says %q: %q, %q", c.provider, c.output, got, why)
		}
	}
}

func TestOnlyNamesUnderADomainOfTheirOwnHaveDomains(t *testing.T) {
	for host, want := range map[string]string{"ssh.example.com": "example.com", "Example.co.uk": "example.co.uk", "a.b.example.co.uk": "example.co.uk", "127.0.0.1": "", "::1": "", "localhost": "", "co.uk": ""} {
		if got := strings.Join(domainsOf(host), " "); got != want {
			t.Errorf("%s: %q", host, got)
		}
	}
}

// FuzzAnnouncements: whatever a server prints, an address is https, of a host
// below the service's domains, and nothing that a terminal obeys is passed on.
func FuzzAnnouncements(f *testing.F) {
	for _, p := range Services() {
		f.Add(sshtest.Words(p)("mine"))
	}
	f.Add(`{"event":"tcpip-forward","address":"a.lhr.life/../evil"}` + "\n")
	f.Add("Forwarding HTTP traffic from https://a.serveo.net\\@evil.example\n")
	f.Add("HTTPS: https://evil.example#.tuns.sh\n1: https://evil.example?.srv.us\n")
	f.Add("\x1b]0;title\x1b\\\x1b[31mhttps://a.pinggy.link\x1b[0m\r\n\x9b31m\xff")
	f.Add(strings.Repeat("[", 5000) + "\n")
	services := readers()
	f.Fuzz(func(t *testing.T, output string) {
		for provider, s := range services {
			got, why := heardIn(s, output)
			if strings.ContainsFunc(why, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
				t.Errorf("%s: %q", provider, why)
			}
			if got == "" {
				continue
			}
			u, err := url.Parse(got)
			if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" && !s.own || u.Path != "" || got != "https://"+u.Host {
				t.Fatalf("%s: %q, %v", provider, got, err)
			}
			below := false
			for _, d := range s.domains {
				below = below || strings.HasSuffix(u.Hostname(), "."+d)
			}
			if !below {
				t.Errorf("%s: %q", provider, got)
			}
		}
	})
}
