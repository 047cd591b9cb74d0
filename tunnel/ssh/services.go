package ssh

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"os/user"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/internal/announce"
)

// service is a server that gives public addresses to ports that are forwarded
// over SSH, and how to ask it for one.
type service struct {
	provider string
	server   string // host:port
	user     string
	bind     string // the address to forward from, in which some servers expect a name
	port     uint32
	command  string // to run in the session; empty: a shell
	guest    bool   // it accepts any answer to its questions
	own      bool   // a server of the user's: it may see the user's keys
	read     reader // nil: it announces nothing, and needs no session
	domains  []string
	moves    bool   // it may announce another address later, in lines that only the server can write
	public   string // the address, if the server announces none
}

// presets returns the services that need no account. The domains are those in which a
// service announces addresses.
func presets(name string) []service {
	return []service{
		{
			provider: LocalhostRun, server: "localhost.run:22", user: "nokey", bind: "localhost", port: 80, command: "--output json",
			read: readLocalhostRun, domains: []string{"lhr.life", "lhr.rocks", "lhr.pro", "localhost.run"}, moves: true,
		},
		{
			// It listens on port 22, too; 443 is open in more networks.
			provider: Serveo, server: "serveo.net:443", user: name, bind: "localhost", port: 80,
			read: readServeo, domains: []string{"serveousercontent.com", "serveo.net"},
		},
		{
			provider: Pinggy, server: "a.pinggy.io:443", user: "nokey", bind: "localhost", port: 0, guest: true,
			read: readPinggy, domains: []string{"pinggy.link", "pinggy-free.link", "pinggy.net", "pinggy.online", "a.pinggy.io", "free.pinggy.io"},
		},
		{
			provider: SrvUs, server: "srv.us:22", user: name, bind: "localhost", port: 1,
			read: readSrvUs, domains: []string{"srv.us"},
		},
		{
			provider: Tuns, server: "tuns.sh:22", user: name, bind: name, port: 80,
			read: readSish, domains: []string{"tuns.sh"},
		},
	}
}

// serviceOf returns the service of a provider. The name is the one to ask for, if
// the service lets its users ask for names.
func serviceOf(cfg Config, provider, name string) (s service, err error) {
	if IsServer(provider) {
		s, err = ownServer(cfg, provider, name)
	} else {
		for _, preset := range presets(name) {
			if preset.provider == provider {
				s = preset
			}
		}
	}
	if server := cfg.Server; server != "" {
		s.server = server
	}
	return s, err
}

// ownServer reads ssh://[user@]host[:port]. With a public URL, it requests a port on
// the server's loopback address, to which a web server there leads. Without one, it
// expects sish.
func ownServer(cfg Config, provider, name string) (service, error) {
	u, err := url.Parse(provider)
	if err != nil || u.Hostname() == "" || strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return service{}, fmt.Errorf("%w: %q is not like ssh://user@host:port", tunnel.ErrUsage, provider)
	}
	if _, password := u.User.Password(); password {
		return service{}, fmt.Errorf("%w: the address of a server must not have a password: use a key", tunnel.ErrUsage)
	}
	s := service{provider: provider, own: true, server: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "22")), user: u.User.Username()}
	if s.user == "" {
		if me, err := user.Current(); err == nil {
			s.user = me.Username[strings.LastIndexByte(me.Username, '\\')+1:] // DOMAIN\name on Windows
		}
	}
	if cfg.PublicURL != "" {
		if s.public, err = tunnel.PublicURL(cfg.PublicURL); err != nil {
			return service{}, err
		}
		// Not "localhost": if the port is in use on 127.0.0.1, OpenSSH listens on ::1
		// alone and reports success.
		s.bind, s.port = "127.0.0.1", uint32(cfg.Port)
		return s, nil
	}
	s.bind, s.port, s.read, s.domains = name, 80, readSish, append(domainsOf(u.Hostname()), cfg.Domains...)
	for _, domain := range cfg.Domains {
		if !announce.IsHostName(domain) {
			return service{}, fmt.Errorf("%w: %q is not a domain like tunnels.example.com", tunnel.ErrUsage, domain)
		}
	}
	return s, nil
}

// nameFor derives a name from a key. It is the same in each run, and reveals nothing
// about the user.
func nameFor(key ssh.PublicKey) string {
	sum := sha256.Sum256(key.Marshal())
	return "tap-" + hex.EncodeToString(sum[:6])
}
