package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
)

// overview is the output of hf-tap without a command: the running sessions, the
// leftovers of earlier ones, and commands to go on with. It asks no Hub and changes
// nothing.
func (p *Process) overview(ctx context.Context) error {
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return err
	}
	o := overview{p: p, dir: dir, now: time.Now()}
	err = errors.Join(o.sessions(), o.events(ctx), o.webhooks())
	switch {
	case len(o.lines) > 0:
		o.add("")
	case err == nil:
		o.add("nothing is running, and nothing is left")
		o.add("")
	}
	o.next()
	for _, line := range o.lines {
		if _, err := fmt.Fprintln(p.Out, p.notes.Shown(line)); err != nil {
			return lines.WriteError(err)
		}
	}
	return err
}

type overview struct {
	p     *Process
	dir   session.Dir
	now   time.Time
	used  bool // there is a history, or a session
	lines []string
}

func (o *overview) add(format string, args ...any) {
	o.lines = append(o.lines, fmt.Sprintf(format, args...))
}

// sessions lists the running sessions.
func (o *overview) sessions() error {
	running, err := o.dir.Running()
	for _, r := range running {
		o.used = true
		words := []string{"running  session " + r.ID + " since " + lines.Stamp(r.Started, o.now)}
		switch {
		case r.Webhook != "" && r.User != "":
			words = append(words, "webhook "+r.Webhook+" of "+r.User)
		case r.Webhook != "":
			words = append(words, "webhook "+r.Webhook)
		}
		if n := len(r.Muted); n > 0 {
			words = append(words, present.Count(n, "webhook")+" muted")
		}
		if r.PublicURL != "" {
			words = append(words, event.MaskURL(r.PublicURL))
		}
		o.add("%s", strings.Join(words, " · "))
	}
	return err
}

// events counts the failed and the pending events.
func (o *overview) events(ctx context.Context) error {
	reader, err := o.p.readHistory(ctx)
	o.used = o.used || err != nil || reader != nil
	if err != nil || reader == nil {
		return err
	}
	failed, pending, err := o.dir.Undelivered(ctx, reader)
	if failed > 0 {
		o.add("left     %s failed: hf-tap events replay --failed", present.Count(failed, "event"))
	}
	if pending > 0 {
		o.add("left     %s may not have been handed over: hf-tap events replay --pending", present.Count(pending, "event"))
	}
	return errors.Join(err, reader.Close())
}

// webhooks counts the killed sessions that may have left a webhook.
func (o *overview) webhooks() error {
	left, damaged, err := o.dir.LeftBehind()
	if n := len(left) + len(damaged); n > 0 {
		o.add("left     %s may have left a webhook, or one that is muted: hf-tap webhooks prune", present.Count(n, "killed session"))
	}
	return err
}

// next names three commands to go on with.
func (o *overview) next() {
	listen := [2]string{"hf-tap listen model:me/m --forward 7860", "receive its webhooks here, and hand them to your app"}
	all := [2]string{"hf-tap --help", "all commands"}
	next := [][2]string{{"hf-tap demo", "see it work, without an account and without a network"}, listen, all}
	if o.used {
		next = [][2]string{listen, {"hf-tap events ls", "list the recorded events"}, all}
	}
	for _, n := range next {
		o.add("%-40s %s", n[0], n[1])
	}
}
