package listen

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
)

const (
	demoUser   = "demo"
	demoSecret = "a-secret-for-the-demo"
)

// DemoOptions are the options of the demo.
type DemoOptions struct {
	View
	Version string
	Forever bool // until the user leaves it, instead of once
}

// Demo runs a session on a Hub, a state folder and an app of its own. It takes
// nothing from the environment: not a token, a secret, a proxy or a home.
func Demo(ctx context.Context, o DemoOptions) (err error) {
	dir, err := os.MkdirTemp("", "hf-tap-demo-")
	if err != nil {
		return hint.With(fmt.Errorf("make a folder for the demo: %w", err), "set TMPDIR to a folder that exists and may be written to")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	o.SaveTo = dir // a demo leaves nothing behind

	// The seed makes each run show the same: ids, texts and shas.
	standIn := sandbox.New(sandbox.Config{Seed: 1})
	defer standIn.Close()
	endpoint, err := standIn.Start("127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := standIn.AddUser(demoUser); err != nil {
		return err
	}
	token, err := standIn.AddToken(demoUser, sandbox.Token{})
	if err != nil {
		return err
	}
	app, err := startDemoApp()
	if err != nil {
		return err
	}
	defer app.stop()
	route, err := receiver.ParseRoute(app.addr)
	if err != nil {
		return err
	}
	client, err := hub.NewClient(hub.ClientConfig{Endpoint: endpoint, Token: token, Version: o.Version, Transport: directTransport()})
	if err != nil {
		return err
	}
	defer client.Close()
	o.Notes.Print("a stand-in for the Hub at %s, and an app at http://%s", endpoint, app.addr)

	front := newFront(o.View, Stop{})
	front.ready = func(live *session.Live) error {
		o.Notes.Print("webhook %s watches %s", live.Webhook(), present.List(live.Watches))
		if o.Forever {
			o.Notes.Print("end with Ctrl+C")
		}
		return nil
	}
	var sum session.Summary
	err = lines.UntilClosed(ctx, o.Out, func(ctx context.Context) error {
		sum, err = session.Run(ctx, session.Config{
			Dir: session.Dir(dir), Endpoint: endpoint, Hub: client, Secret: demoSecret,
			Tunnel:   session.TunnelConfig{HubURL: endpoint},
			Receiver: receiver.Config{Routes: []receiver.Route{route}, Source: event.SourceSandbox, Secret: demoSecret},
		}, &demoFront{front: front, hub: standIn, app: app, forever: o.Forever})
		return err
	})
	return errors.Join(err, o.reportEnd(sum, standIn.Webhooks(demoUser)))
}

// directTransport carries requests to this machine, past every proxy.
func directTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	return t
}

// reportEnd prints what is left on the stand-in Hub, as that Hub itself lists it. It
// prints to standard error, where it is read also if the output goes through "head".
func (o *DemoOptions) reportEnd(sum session.Summary, left []hub.Webhook) error {
	if len(left) > 0 {
		return fmt.Errorf("%s left on the stand-in Hub", present.Count(len(left), "webhook"))
	}
	var deleted string
	if len(sum.Deleted) > 0 {
		deleted = "webhook " + strings.Join(sum.Deleted, ", ") + " deleted · "
	}
	o.Notes.Print("%sno webhook is left · %s", deleted, present.Count(sum.Kept, "event"))
	return nil
}

// demoFront is the front end of the demo: it shows the session, and causes its events.
type demoFront struct {
	*front
	hub     *sandbox.Hub
	app     *demoApp
	forever bool
}

// demoStory is what happens, in an order that makes sense of it. Together the
// steps show every kind of event.
var demoStory = []struct {
	kind event.Kind
	repo string
	app  demoMood
}{
	{"repo.create", "model:demo/tiny-llm", fine},
	{"repo.content.update", "model:demo/tiny-llm", fine},
	{"repo.config.update", "model:demo/tiny-llm", slow},
	{"repo.update", "model:demo/tiny-llm", fine},
	{"discussion.create", "model:demo/tiny-llm", fine},
	{"discussion.comment.create", "model:demo/tiny-llm", failing},
	{"discussion.comment.update", "model:demo/tiny-llm", fine},
	{"discussion.update", "model:demo/tiny-llm", away},
	{"discussion.delete", "model:demo/tiny-llm", fine},
	{"repo.content.update", "bucket:demo/checkpoints", fine},
	{"repo.move", "space:demo/playground", fine},
	{"repo.delete", "dataset:demo/old-notes", fine},
}

// Run plays the story once, or repeats it until the demo ends.
func (d *demoFront) Run(ctx context.Context, live *session.Live) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	settled := make(chan int64, 64)
	d.settled = func(n int64) {
		select {
		case settled <- n:
		case <-ctx.Done():
		}
	}
	ended := make(chan error, 1)
	go func() {
		err := d.story(ctx, settled)
		ended <- err
		end(err)
	}()
	err := d.front.Run(ctx, live)
	end(nil)
	if storyErr := <-ended; storyErr == nil || !errors.Is(storyErr, context.Canceled) {
		return storyErr
	}
	return err
}

// Last prints what settled at the end.
func (d *demoFront) Last(ctx context.Context, live *session.Live) error {
	d.settled = nil
	return d.front.Last(ctx, live)
}

// story runs all steps, one after the other.
func (d *demoFront) story(ctx context.Context, settled <-chan int64) error {
	for round := 0; ; round++ {
		for _, step := range demoStory {
			if round > 0 {
				if err := pause(ctx, time.Duration(500+rand.IntN(2500))*time.Millisecond); err != nil {
					return err
				}
				if step.app == away && round%3 != 0 {
					step.app = fine
				}
			}
			if err := d.step(ctx, step.kind, step.repo, step.app, round, settled); err != nil {
				return fmt.Errorf("the demo: %w", err)
			}
		}
		if !d.forever {
			return nil
		}
	}
}

// demoNames are the names between which the repo that moves goes back and forth.
var demoNames = []string{"demo/playground-v2", "demo/playground"}

// step causes one event and waits until all its deliveries are printed.
func (d *demoFront) step(ctx context.Context, kind event.Kind, repo string, mood demoMood, round int, settled <-chan int64) error {
	named, err := hub.ParseRepo(repo)
	if err != nil {
		return err
	}
	d.app.feel(mood)
	if mood == away {
		d.app.stop()
	}
	var set map[string]any
	if kind == "repo.move" {
		set = map[string]any{"movedTo.name": demoNames[round%len(demoNames)]}
	}
	sent, err := d.hub.Happen(kind, named, set)
	if err != nil {
		return err
	}
	if mood == away {
		if err := pause(ctx, 400*time.Millisecond); err != nil {
			return err
		}
		if err := d.app.start(); err != nil {
			return err
		}
	}
	for range sent.Deliveries {
		select {
		case <-settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
