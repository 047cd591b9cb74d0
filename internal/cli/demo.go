package cli

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/spf13/cobra"
)

const (
	demoUser   = "demo"
	demoSecret = "a-secret-for-the-demo"
)

func newDemo(p *Process) *cobra.Command {
	var asJSON, plain bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work, without an account and without a network",
		Long: `Run a whole session on this machine: a stand-in for the Hub with a repo in which
things happen, a webhook on it, and a small app that takes the deliveries, is slow
now and then, fails now and then, and goes away once. Nothing outside a temporary
folder is read or changed. Without a terminal it shows each kind of event once and
ends; on a terminal it goes on until Ctrl+C.`,
		Example: `  hf-tap demo
  hf-tap demo --json | head -3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON && plain {
				return usageError(errors.New("--plain and --json exclude each other"), "hf-tap demo --help")
			}
			return p.demo(cmd.Context(), asJSON, plain)
		},
	}
	cmd.Flags().BoolVar(&plain, "plain", false, "print one line for each event, also on a terminal")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each event, as docs/events.md describes")
	return cmd
}

// demo runs a session on a Hub, a state folder and an app of its own. It takes
// nothing from the environment: not a token, a secret, a proxy or a home.
func (p *Process) demo(ctx context.Context, asJSON, plain bool) (err error) {
	dir, err := os.MkdirTemp("", "hf-tap-demo-")
	if err != nil {
		return withHint(fmt.Errorf("make a folder for the demo: %w", err), "set TMPDIR to a folder that exists and may be written to")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	// The seed makes each run show the same: ids, texts and shas.
	world := sandbox.New(sandbox.Config{Seed: 1})
	defer world.Close()
	endpoint, err := world.Start("127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := world.AddUser(demoUser); err != nil {
		return err
	}
	token, err := world.AddToken(demoUser, sandbox.Token{})
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
	client, err := hub.NewClient(hub.ClientConfig{Endpoint: endpoint, Token: token, Version: p.Version, Transport: directTransport()})
	if err != nil {
		return err
	}
	defer client.Close()
	p.tell("a stand-in for the Hub at %s, and an app at http://%s", endpoint, app.addr)

	front := &demoFront{printer: newPrinter(p.Out, asJSON), world: world, app: app, forever: p.Terminal}
	front.show = front.printer.Run
	if p.wantsScreen(asJSON || plain) {
		front.show = newScreen(p, front.printer).Run
	}
	front.printer.ready = func(live *session.Live) error {
		p.tell("webhook %s watches %s", live.Webhook(), watchList(live.Watches))
		if p.Terminal {
			p.tell("end with Ctrl+C")
		}
		return nil
	}
	var sum session.Summary
	err = p.untilClosed(ctx, func(ctx context.Context) error {
		sum, err = session.Run(ctx, session.Config{
			Dir: session.Dir(dir), Endpoint: endpoint, Hub: client, Secret: demoSecret,
			Tunnel:   session.TunnelConfig{HubURL: endpoint},
			Receiver: receiver.Config{Routes: []receiver.Route{route}, Source: event.SourceSandbox, Secret: demoSecret},
		}, front)
		return err
	})
	return errors.Join(err, p.demoEnd(sum, world.Webhooks(demoUser)))
}

// demoEnd says what the stand-in Hub itself says is left: on standard error, so
// that it is read also where the output goes through "head".
func (p *Process) demoEnd(sum session.Summary, left []hub.Webhook) error {
	if len(left) > 0 {
		return fmt.Errorf("%s left on the stand-in Hub", count(len(left), "webhook"))
	}
	var deleted string
	if len(sum.Deleted) > 0 {
		deleted = "webhook " + strings.Join(sum.Deleted, ", ") + " deleted · "
	}
	p.tell("%sno webhook is left · %s", deleted, count(sum.Kept, "event"))
	return nil
}

// demoFront prints the session and makes things happen in it.
type demoFront struct {
	printer *printer
	world   *sandbox.Hub
	app     *demoApp
	show    func(context.Context, *session.Live) error
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

// Run lets the story happen once, and on a terminal goes on with it.
func (d *demoFront) Run(ctx context.Context, live *session.Live) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	settled := make(chan int64, 64)
	d.printer.settled = func(n int64) {
		select {
		case settled <- n:
		case <-ctx.Done():
		}
	}
	told := make(chan error, 1)
	go func() {
		err := d.tell(ctx, settled)
		told <- err
		end(err)
	}()
	err := d.show(ctx, live)
	end(nil)
	if storyErr := <-told; storyErr == nil || !errors.Is(storyErr, context.Canceled) {
		return storyErr
	}
	return err
}

// Last prints what settled at the end.
func (d *demoFront) Last(ctx context.Context, live *session.Live) error {
	d.printer.settled = nil
	return d.printer.Last(ctx, live)
}

func (d *demoFront) tell(ctx context.Context, settled <-chan int64) error {
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
			if err := d.step(ctx, step.kind, step.repo, step.app, settled); err != nil {
				return fmt.Errorf("the demo: %w", err)
			}
		}
		if !d.forever {
			return nil
		}
	}
}

// step makes one thing happen and waits until all that came of it is printed.
func (d *demoFront) step(ctx context.Context, kind event.Kind, repo string, mood demoMood, settled <-chan int64) error {
	named, err := hub.ParseRepo(repo)
	if err != nil {
		return err
	}
	d.app.feel(mood)
	if mood == away {
		d.app.stop()
	}
	sent, err := d.world.Happen(kind, named, nil)
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
