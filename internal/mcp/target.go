package mcp

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/loopback"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
)

// An agent may have its arguments from a payload. So a target that it names is on this
// machine, or one that the user has configured. So is a former target of an event; those
// of one that was imported from somebody's file do not count.

// Target is a target that the user has configured.
type Target struct {
	Text  string // as it was typed, with its password
	Route receiver.Route
}

// name is the target's name in results and arguments.
func (t Target) name() string { return t.Route.Target.Name() }

// secrets returns the password and the secrets in the query of the target: a handler may
// repeat them.
func (t Target) secrets() (found []string) {
	_, text, _ := receiver.CutRoute(t.Text)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		if u, err = url.Parse("http://" + text); err != nil {
			return nil // it was read as a target before
		}
	}
	if password, ok := u.User.Password(); ok {
		found = append(found, password)
	}
	for key, values := range u.Query() {
		if event.MaskURL("?"+key+"=x") != "?"+key+"=x" {
			found = append(found, values...)
		}
	}
	return found
}

// allowed reads a target of an agent, with or without a match in front of it. It
// returns also the text that a user would type.
func (s *server) allowed(text string) (route receiver.Route, typed string, err error) {
	for _, own := range s.Targets {
		if text == own.name() || text == own.Text {
			return own.Route, own.Text, nil
		}
	}
	if event.IsCommand(text) {
		return route, "", fmt.Errorf("the target %q is a command, and no tool runs commands", text)
	}
	if route, err = receiver.ParseRoute(text); err != nil {
		return route, "", hint.With(err, `name a port and a path on this machine, like "7860/webhook"`)
	}
	name := route.Target.Name()
	if u, err := url.Parse(name); err != nil || !loopback.Is(u.Hostname()) {
		return route, "", hint.With(fmt.Errorf("the target %q is not on this machine, and the user has not configured it", name),
			`name one on this machine, like "7860/webhook"; or let the user start the server as: hf-tap mcp --forward `+name)
	}
	receiver.TrustRoots(s.Roots, route)
	return route, text, nil
}

// oneTarget reads a target without a match.
func (s *server) oneTarget(text string) (receiver.Route, error) {
	route, typed, err := s.allowed(text)
	if err == nil && typed == text && (route.Default || route.Match.String() != "") {
		err = fmt.Errorf("%q is not a target alone: leave out the filter and the =", text)
	}
	return receiver.Route{Target: route.Target}, err
}

// formerRoutes returns a route to each target that an event had.
func (s *server) formerRoutes(e *event.Event) (routes []receiver.Route, err error) {
	if e.Source == event.SourceImport {
		return nil, hint.With(fmt.Errorf("event %d comes from a file, and so do its targets", e.N), `name a port and a path on this machine: "target": "7860/webhook"`)
	}
	for _, name := range e.Targets {
		if event.IsCommand(name) {
			return nil, hint.With(fmt.Errorf("event %d went to the command %q, and no tool runs commands", e.N, name), fmt.Sprintf("name a target; or in a shell: hf-tap events replay %d --exec COMMAND", e.N))
		}
		former, err := s.oneTarget(name)
		if hidden, ok := errors.AsType[*receiver.HiddenError](err); ok {
			return nil, hint.With(fmt.Errorf("event %d went to %s, and its password or secret is not recorded", e.N, hidden.Target), "the user can start the server as: hf-tap mcp --forward '"+hidden.Fill+"'")
		}
		if err != nil {
			return nil, fmt.Errorf("hand event %d to its former target: %w", e.N, err)
		}
		routes = append(routes, former)
	}
	return routes, nil
}

// destination is where events are sent: through a session that runs, or, without one,
// to targets.
type destination struct {
	session *session.Running
	routes  []receiver.Route
}

// String names the session or the targets.
func (d destination) String() string {
	if d.session != nil {
		return "session " + d.session.ID
	}
	names := make([]string, len(d.routes))
	for i, r := range d.routes {
		names[i] = r.Target.Name()
	}
	return strings.Join(names, ", ")
}

// repo is the repo of triggered events: one that the session's webhook watches, or one
// of an account that it watches.
func (d destination) repo() hub.Repo {
	repo := hub.Repo{Type: hub.RepoTypeModel, Name: "me/my-model"}
	if d.session == nil || len(d.session.Watches) == 0 {
		return repo
	}
	for _, w := range d.session.Watches {
		if watched, ok := w.Repo(); ok {
			return watched
		}
	}
	repo.Name = d.session.Watches[0].Name + "/my-model"
	return repo
}

// destination decides where to send: to the target that is named; else through the
// session that is named or runs; else to the targets that the event had, which is nil for
// a new one; else to those that the user has configured. repo is what a new event is
// about, empty if that does not matter.
func (s *server) destination(in sendIn, old *event.Event, repo hub.Repo) (d destination, err error) {
	if in.Target != "" {
		route, err := s.oneTarget(in.Target)
		return destination{routes: []receiver.Route{route}}, err
	}
	running, err := session.RunningAt(s.Dir)
	if err != nil {
		return d, err
	}
	if d.session, err = s.choose(running, in.Session, old, repo); err != nil || d.session != nil {
		return d, err
	}
	if old != nil && len(old.Targets) > 0 {
		d.routes, err = s.formerRoutes(old)
		return d, err
	}
	for _, t := range s.Targets {
		d.routes = append(d.routes, t.Route)
	}
	if len(d.routes) == 0 {
		return d, hint.With(errors.New("there is no target: no session runs, and none is named"), `name a port and a path on this machine: "target": "7860/webhook"`)
	}
	return d, nil
}

// choose picks a session among those that run: the one that is named; this server's
// own; the one that received the event; the only one that watches the repo; the only
// one. It is nil if none runs.
func (s *server) choose(running []session.Running, named string, old *event.Event, repo hub.Repo) (*session.Running, error) {
	ids := make([]string, len(running))
	for i, r := range running {
		ids[i] = r.ID
	}
	wanted := []string{named}
	if named == "" {
		if l := s.ownLive(); l != nil {
			wanted = append(wanted, l.ID)
		}
		if old != nil {
			wanted = append(wanted, old.Session)
		}
	}
	for _, id := range wanted {
		if i := slices.Index(ids, id); i >= 0 {
			return &running[i], nil
		}
	}
	if named != "" {
		return nil, hint.With(fmt.Errorf("no session %q runs here", named), "session_status lists those that run")
	}
	if watching := slices.DeleteFunc(slices.Clone(running), func(r session.Running) bool { return !r.Watched(repo) }); repo.Name != "" && len(watching) > 0 {
		running = watching
	}
	switch len(running) {
	case 0:
		return nil, nil
	case 1:
		return &running[0], nil
	}
	return nil, hint.With(fmt.Errorf("several sessions run: %s", strings.Join(ids, ", ")), "name one of them, or a target")
}
