package tunnel

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/user"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshService is a server that makes public addresses of SSH's remote
// forwarding, and how it wants to be asked.
type sshService struct {
	provider string
	server   string // host:port
	user     string
	bind     string // the address to forward from, which some read a name in
	port     uint32
	command  string // run in the session, "" for a shell
	guest    bool   // anybody is let in who answers
	own      bool   // a server that the user names: it may see the user's keys
	read     reader // nil: it announces nothing, and there is no session
	domains  []string
	moves    bool   // it may announce another address later, in lines that only it can write
	public   string // the address, where the server announces none
}

// The services that need no account. Each is a server, what to ask it, and how
// it announces an address. The domains are those in which it does.
func sshPresets(name string) []sshService {
	return []sshService{
		{
			provider: LocalhostRun, server: "localhost.run:22", user: "nokey", bind: "localhost", port: 80, command: "--output json",
			read: readLocalhostRun, domains: []string{"lhr.life", "lhr.rocks", "lhr.pro", "localhost.run"}, moves: true,
		},
		{
			// It listens on 22, too; 443 is open in more networks.
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

// UsesSSH reports whether a provider forwards ports over SSH.
func UsesSSH(provider string) bool {
	return strings.HasPrefix(provider, sshScheme) || slices.Contains([]string{LocalhostRun, Serveo, Pinggy, SrvUs, Tuns}, provider)
}

const sshScheme = "ssh://"

// sshTarget is the service that a provider stands for. The name is the one to
// ask for where names can be asked for.
func sshTarget(cfg Config, provider, name string) (s sshService, err error) {
	if strings.HasPrefix(provider, sshScheme) {
		s, err = ownServer(cfg, provider, name)
	} else {
		for _, preset := range sshPresets(name) {
			if preset.provider == provider {
				s = preset
			}
		}
	}
	if server := cfg.SSHServers[provider]; server != "" {
		s.server = server
	}
	return s, err
}

// ownServer reads ssh://[user@]host[:port]. With a public URL of the user's,
// the server is asked for a port on its loopback address, which the user's own
// web server there leads to. Without one it is asked as sish is.
func ownServer(cfg Config, provider, name string) (sshService, error) {
	u, err := url.Parse(provider)
	if err != nil || u.Hostname() == "" || strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return sshService{}, fmt.Errorf("%w: %q is not like ssh://user@host:port", ErrUsage, provider)
	}
	if _, password := u.User.Password(); password {
		return sshService{}, fmt.Errorf("%w: a password does not belong into an address of a server: use a key", ErrUsage)
	}
	s := sshService{provider: provider, own: true, server: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "22")), user: u.User.Username()}
	if s.user == "" {
		if me, err := user.Current(); err == nil {
			s.user = me.Username[strings.LastIndexByte(me.Username, '\\')+1:] // DOMAIN\name on Windows
		}
	}
	if cfg.PublicURL != "" {
		if s.public, err = publicURL(cfg.PublicURL); err != nil {
			return sshService{}, err
		}
		// Not "localhost": where its port is taken on 127.0.0.1, OpenSSH is content
		// with ::1, and says that all is well.
		s.bind, s.port = "127.0.0.1", uint32(cfg.Port)
		return s, nil
	}
	s.bind, s.port, s.read, s.domains = name, 80, readSish, append(domainsOf(u.Hostname()), cfg.SSHDomains...)
	for _, domain := range cfg.SSHDomains {
		if !hostName.MatchString(domain) {
			return sshService{}, fmt.Errorf("%w: %q is not a domain like tunnels.example.com", ErrUsage, domain)
		}
	}
	return s, nil
}

// nameFor makes a name of a key, which is the same in each run and tells
// nothing about the user.
func nameFor(key ssh.PublicKey) string {
	sum := sha256.Sum256(key.Marshal())
	return "tap-" + hex.EncodeToString(sum[:6])
}

// sshWay is the way to a server, and how far it led.
type sshWay struct {
	cfg     Config
	service sshService
	key     ssh.Signer // hf-tap's own
	known   *knownServers

	connected time.Duration // to a TCP connection, 0 if there is none
	trusted   time.Duration // from there to a host key that is trusted
	entered   time.Duration // from there to being let in
	banner    string
}

func newSSHWay(cfg Config, provider string) (*sshWay, error) {
	key, err := ownKey(cfg.SSHKeyFile)
	if err != nil {
		return nil, err
	}
	service, err := sshTarget(cfg, provider, cmp.Or(cfg.SSHName, nameFor(key.PublicKey())))
	if err != nil {
		return nil, err
	}
	known, err := openKnown(cfg.KnownHosts)
	if err != nil {
		return nil, err
	}
	return &sshWay{cfg: cfg, service: service, key: key, known: known}, nil
}

// dial connects and is let in. The context ends the attempt, and nothing after.
func (w *sshWay) dial(ctx context.Context) (*ssh.Client, error) {
	dial := w.cfg.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	start := time.Now()
	conn, err := dial(ctx, "tcp", w.service.server)
	if err != nil {
		return nil, w.at(StepReach, err)
	}
	w.connected = max(1, time.Since(start))
	keys, done := w.keys(ctx)
	defer done()
	config := &ssh.ClientConfig{
		User: w.service.user, Auth: keys, ClientVersion: "SSH-2.0-hf-tap",
		HostKeyAlgorithms: w.known.algorithms(w.service.server),
		HostKeyCallback: func(address string, remote net.Addr, key ssh.PublicKey) error {
			err := w.known.verify(address, remote, key)
			if err == nil {
				w.trusted = max(1, time.Since(start)-w.connected)
			}
			return err
		},
		BannerCallback: func(message string) error {
			w.banner = plain(message[:min(len(message), maxSaid)])
			return nil
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, w.service.server, config)
	if !stop() && err == nil {
		_ = c.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer: %w", ctx.Err())
		}
		return nil, w.refused(err)
	}
	w.entered = max(1, time.Since(start)-w.connected-w.trusted)
	return ssh.NewClient(c, channels, requests), nil
}

// refused says what a handshake failed of.
func (w *sshWay) refused(err error) error {
	var changed *HostKeyError
	switch {
	case errors.As(err, &changed):
		return w.at(StepTrust, changed)
	case errors.Is(err, ErrSSHFiles):
		return err
	case w.trusted == 0:
		return w.at(StepProtocol, unprefixed(err))
	}
	// With questions among the ways in, a plain no reads as an unexpected message.
	text := err.Error()
	if strings.Contains(text, "unable to authenticate") || strings.Contains(text, "unexpected message type 51") {
		no := &ProviderError{Provider: w.service.provider, Message: "permission denied for " + w.service.user, Permanent: true}
		if w.banner != "" {
			no.Message += ": " + w.banner
		}
		return no
	}
	return w.at(StepProtocol, unprefixed(err))
}

// unprefixed drops what the library begins each error with.
func unprefixed(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "ssh: handshake failed: ") {
		return inner
	}
	return err
}

func (w *sshWay) at(step Step, err error) *ConnectError {
	e := &ConnectError{Provider: w.service.provider, Server: w.service.server, Step: step, Err: err}
	if step == StepReach && w.cfg.Proxy != nil {
		if e.Proxy = w.cfg.Proxy(w.service.server); e.Proxy != "" {
			e.Step = StepProxy
		}
	}
	return e
}
