package cli

import (
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/exectarget"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/receiver"
)

// execRoutes reads the values of --exec. command is what the hint begins with.
func (p *Process) execRoutes(values []string, command string) ([]receiver.Route, error) {
	var routes []receiver.Route
	payloads := ""
	if dir, err := session.FindDir(p.Getenv); err == nil { // else the session says why it cannot start
		payloads = dir.Payloads()
	}
	for _, s := range values {
		route, err := exectarget.ParseRoute(s, p.Supervisor, payloads)
		if err != nil {
			return nil, usageError(err, command+" --exec 'python train.py'")
		}
		front, _, _ := strings.Cut(s, "=")
		if _, _, noMatch := receiver.CutRoute(s); noMatch != nil && strings.Contains(front, "*") && !strings.ContainsAny(front, " \t\n/'\"$") {
			p.tell("%s", term.Line(fmt.Sprintf("%v, so that it is a part of the command", noMatch)))
		}
		routes = append(routes, route)
	}
	return routes, nil
}

// formerCommand is the error for an event whose target was a command of an earlier
// session. replay is the call of events replay, as it was typed. What is recorded is
// never run: it may be masked or cut, and may come from somebody else's file.
func formerCommand(n int64, target string, source event.Source, replay string) error {
	command := strings.TrimPrefix(target, event.CommandPrefix)
	if source == event.SourceImport || strings.Contains(command, event.Masked) || strings.Contains(command, "…") {
		command = "COMMAND"
	}
	return withHint(fmt.Errorf("event %d went to the command %q, which is not run again by itself", n, target),
		replay+" --exec "+quoted(command))
}
