package cli

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"syscall"

	"github.com/hf-tap/hf-tap/internal/app"
	"github.com/hf-tap/hf-tap/internal/loopback"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
)

// useApp makes the program behind -- the app of the session: it gets the port
// of the first target on this machine, or, without one, a free port that all
// events go to.
func (f *listenFlags) useApp(p *Process, cfg *session.Config) error {
	if len(f.app) == 0 {
		return nil
	}
	// Before anything is made: a misspelt name is the most usual mistake.
	if _, err := exec.LookPath(f.app[0]); err != nil {
		return usageError(fmt.Errorf("the app %q cannot be started: %w", f.app[0], errors.Unwrap(err)), "give a program that is there: hf-tap listen -- python app.py")
	}
	port := localPort(cfg.Receiver.Routes)
	if port == "" {
		free, err := freePort()
		if err != nil {
			return err
		}
		port = free
		if len(f.forward) == 0 { // --exec names no target of the app
			route, err := receiver.ParseRoute(port)
			if err != nil {
				return err
			}
			cfg.Receiver.Routes = append([]receiver.Route{route}, cfg.Receiver.Routes...)
		}
	}
	cfg.App = app.Config{Args: f.app, Supervisor: p.Supervisor}
	cfg.AppPort = port
	return nil
}

// localPort returns the port of the first target on this machine, "" if there is
// none.
func localPort(routes []receiver.Route) string {
	for _, route := range routes {
		u, err := url.Parse(route.Target.Name())
		if err != nil {
			continue
		}
		if u.Port() != "" && loopback.Is(u.Hostname()) {
			return u.Port()
		}
	}
	return ""
}

// freePort returns a port that nobody listens on now, at ::1 neither: until the app
// listens, events would go there.
func freePort() (port string, err error) {
	for range 10 {
		var l net.Listener
		if l, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
			break
		}
		defer l.Close()
		_, port, _ = net.SplitHostPort(l.Addr().String())
		var v6 net.Listener
		if v6, err = net.Listen("tcp6", net.JoinHostPort("::1", port)); err == nil {
			return port, v6.Close()
		}
		if !inUse(err) {
			return port, nil // there is no IPv6
		}
	}
	return "", fmt.Errorf("look for a free port for the app: %w", err)
}

// inUse reports whether somebody listens at an address.
func inUse(err error) bool {
	const wsaeAddrInUse = syscall.Errno(10048) // Windows has a number of its own
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaeAddrInUse)
}
