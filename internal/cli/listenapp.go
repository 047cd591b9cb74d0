package cli

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/internal/app"
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
		if len(cfg.Receiver.Routes) == 0 {
			route, err := receiver.ParseRoute(port)
			if err != nil {
				return err
			}
			cfg.Receiver.Routes = []receiver.Route{route}
		}
	}
	name := filepath.Base(f.app[0])
	cfg.App = app.Config{Args: f.app, Supervisor: p.Supervisor}
	cfg.AppPort = port
	cfg.App.Line = func(_, line string) { p.tell("%s | %s", name, strings.TrimSuffix(line, "\r")) }
	if f.screen != nil {
		f.screen.app, f.screen.appName = newAppLog(), name
		cfg.App.Line = f.screen.app.add
	}
	return nil
}

// localPort gives the port of the first target on this machine, "" if there is
// none.
func localPort(routes []receiver.Route) string {
	for _, route := range routes {
		u, err := url.Parse(route.Target.Name())
		if err != nil {
			continue
		}
		if ip := net.ParseIP(u.Hostname()); u.Port() != "" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
			return u.Port()
		}
	}
	return ""
}

// freePort gives a port that nobody listens on now.
func freePort() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("look for a free port for the app: %w", err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}
