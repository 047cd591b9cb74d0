package cli

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/hf-tap/hf-tap/internal/app"
	"github.com/hf-tap/hf-tap/internal/loopback"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
)

// fillPorts puts the app's port in front of targets that are a path alone: that of the
// first target on this machine, or a free one.
func (f *listenFlags) fillPorts() error {
	isPath := func(s string) bool {
		_, target, _ := receiver.CutRoute(s)
		return strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//")
	}
	if len(f.app) == 0 || !slices.ContainsFunc(f.forward, isPath) {
		return nil
	}
	var routes []receiver.Route
	for _, s := range f.forward {
		if route, err := receiver.ParseRoute(s); err == nil { // what else is wrong is said later
			routes = append(routes, route)
		}
	}
	port := localPort(routes)
	if port == "" {
		var err error
		if port, err = freePort(); err != nil {
			return err
		}
		f.picked = port
	}
	for i, s := range f.forward {
		if _, target, _ := receiver.CutRoute(s); isPath(s) {
			f.forward[i] = strings.TrimSuffix(s, target) + port + target
		}
	}
	return nil
}

// useApp makes the program behind -- the app of the session: it gets the port
// of the first target on this machine, or, without one, a free port that all
// events go to.
func (f *listenFlags) useApp(p *Process, cfg *session.Config) error {
	if len(f.app) == 0 {
		return nil
	}
	// Before anything is made: a misspelt name is the most usual mistake.
	if _, err := exec.LookPath(f.app[0]); err != nil {
		return usageError(fmt.Errorf("the app %q cannot be started: %w", f.app[0], errors.Unwrap(err)), "check its name and PATH (is the virtual environment active?), or name its file: hf-tap listen -- "+appElsewhere(f.app))
	}
	port := localPort(cfg.Receiver.Routes)
	if port == "" {
		free, err := freePort()
		if err != nil {
			return err
		}
		port, f.picked = free, free
		if len(f.forward) == 0 { // --exec names no target of the app
			route, err := receiver.ParseRoute(port)
			if err != nil {
				return err
			}
			cfg.Receiver.Routes = append([]receiver.Route{route}, cfg.Receiver.Routes...)
		}
	}
	cfg.App = app.Config{Args: f.app, Supervisor: p.Supervisor}
	cfg.AppPort, cfg.AppPicked = port, port == f.picked
	return nil
}

// appElsewhere is the hint for an app that is not on PATH. For example, the tools of a
// Python virtual environment are not on PATH before it is activated.
func appElsewhere(args []string) string {
	if strings.ContainsAny(args[0], `/\`) {
		return "python app.py"
	}
	words := append([]string{".venv/bin/" + args[0]}, args[1:]...)
	for i, word := range words {
		words[i] = quoted(word)
	}
	return strings.Join(words, " ")
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

// freePort returns a port on which no program listens, on ::1 either: until the app
// listens, that program would get the events.
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

// inUse reports whether a program listens at an address.
func inUse(err error) bool {
	const wsaeAddrInUse = syscall.Errno(10048) // Windows has a number of its own
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaeAddrInUse)
}
