// Package dev runs a server of handlers on the developer's machine: it opens a public
// tunnel, creates one temporary webhook on the Hub that watches what the handlers are
// for, shows each delivery, and deletes the webhook at the end. It is "hf-tap listen"
// with the handlers in the same process.
//
// One line of a program switches between the two:
//
//	err = server.Run(ctx)                     // only serves
//	err = dev.Run(ctx, server, dev.Options{}) // serves the Hub's deliveries here
//
//	err = webhooks.Run(ctx)                // the same for handlers registered with
//	err = dev.Run(ctx, nil, dev.Options{}) // webhooks.Handle and webhooks.HandleFunc
//
// In a Space, where SPACE_ID is set, [Run] only serves. So the program needs no change
// there.
//
// # What is watched
//
// The webhook watches the repos and accounts in the Match options of all endpoints:
// "model:me/m", "user:me" and "org:my-org" as they are, and "dataset:me/*" as the
// account me. Each event goes to the endpoints that it matches. An endpoint whose
// matches name no repo and no account gets nothing from this webhook.
//
// Each endpoint also has a public URL of its own, which the start message lists. You can
// paste it into the settings of another webhook. A delivery to it goes to that endpoint
// only.
//
// # What is needed
//
// Run needs a token of the Hub that may write webhooks, in HF_TOKEN or from
// "hf auth login". It needs none if no endpoint names anything to watch. The secret is
// the server's, or else the one of this machine ("hf-tap secret"). The events are in the
// history of hf-tap: "hf-tap events ls" lists them, and "hf-tap events replay" sends them
// again while the program runs.
//
// # Handlers
//
// The Hub is answered 200 as soon as a delivery is recorded. The attempt that is shown
// has the result, the error or the panic of the handler, also with
// [webhooks.AnswerFirst]. The program goes on after a panic of a handler.
package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/tui"
	"github.com/hf-tap/hf-tap/webhooks"
)

// Options configure Run. The zero value is a good one. The first eight are the flags of
// "hf-tap listen" of these names, about which docs/commands.md has more.
type Options struct {
	// Tunnel is how the Hub reaches this machine: "gradio", "ngrok", "cloudflared",
	// several with commas between them. The default is "auto".
	Tunnel string
	// PublicURL is the address of a tunnel that you run yourself, as in
	// "https://tunnel.example.com". It has to lead to Port.
	PublicURL string
	// Port is the port on 127.0.0.1 that your own tunnel leads to. The default is a free
	// one.
	Port int
	// NgrokDomain is a domain of your ngrok account. The default is one that ngrok gives.
	NgrokDomain string
	// GradioServer is the host:port of a share server of your own, instead of gradio.live's.
	GradioServer string
	// SSHDomains are further domains in which your server at ssh://… announces addresses.
	SSHDomains []string
	// NewURL takes a fresh address at gradio.live, and keeps it from now on.
	NewURL bool
	// CA is a PEM file with certificates to trust beside the system's, for networks that
	// intercept TLS.
	CA string
	// Plain prints a line for each event also on a terminal, where the default is the
	// full-screen interface.
	Plain bool
	// JSON prints a JSON object for each event, as docs/events.md describes.
	JSON bool
	// Output gets the lines of events, and then there is no full-screen interface. The
	// default is os.Stdout.
	Output io.Writer
}

// Run serves the endpoints of a server with what happens on the Hub. If server is nil, they
// are those that were registered with [webhooks.Handle] and [webhooks.HandleFunc].
//
// It runs until ctx ends, the process gets an interrupt (Ctrl+C), SIGTERM, SIGHUP or
// SIGQUIT, or the user leaves the full-screen interface; none of them is an error. Then it
// deletes its webhook, and handlers that work have 5 seconds until their contexts end. A
// second interrupt ends the process at once, and the next start deletes the webhook then,
// as it does after kill -9.
//
// With the full-screen interface, os.Stdout, os.Stderr and the output of package log are
// shown in it while Run runs.
//
// In a Space it is server.Run. The text of an error has a second line with a hint where
// one is known.
func Run(ctx context.Context, server *webhooks.Server, options Options) error {
	if server == nil {
		var err error
		if server, err = webhooks.Registered(webhooks.Config{}); err != nil {
			return err
		}
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	if os.Getenv("SPACE_ID") != "" {
		return server.Run(ctx)
	}
	p := process{
		getenv: os.Getenv, out: os.Stdout, err: os.Stderr, terminal: os.Stdout,
		interactive: options.Output == nil && term.Interactive(os.Stdin, os.Stdout),
	}
	if options.Output != nil {
		p.out = options.Output
	}
	return p.run(ctx, server, options)
}

// process is what a session gets from the process it runs in.
type process struct {
	getenv      func(string) string
	out, err    io.Writer
	interactive bool          // a person sits before the terminal
	terminal    *os.File      // for the full-screen interface
	drain       time.Duration // for handlers that work, at the end; 0: 5 seconds
}

func (p *process) run(ctx context.Context, server *webhooks.Server, options Options) error {
	notes := lines.NewNotes(p.err, &lines.Mask{})
	notes.Mask.Add(p.getenv("HF_TOKEN"), p.getenv("HUGGING_FACE_HUB_TOKEN"), p.getenv("WEBHOOK_SECRET"), server.Secret())
	err := p.serve(ctx, server, options, notes)
	if err == nil || lines.OnlyClosedOutput(err) {
		return nil
	}
	text, _ := notes.Shown(err).(string)
	return &failure{err, text, hint.InProgram(hint.For(err))}
}

func (p *process) serve(ctx context.Context, server *webhooks.Server, options Options, notes *lines.Notes) error {
	endpoints := endpointsOf(server)
	if len(endpoints) == 0 {
		return errors.New("no endpoint is registered: use Handle or HandleFunc")
	}
	o := listen.Options{View: listen.View{
		Out: p.out, JSON: options.JSON, Notes: notes, Getenv: p.getenv, Terminal: p.terminal,
		Screen: p.interactive && !options.Plain && !options.JSON && tui.Unusable(p.getenv) == "",
	}}
	o.Session.Receiver.Routes, o.Session.Times.Drain = endpoints.routes(server), p.drain
	release, err := p.connect(ctx, &o, endpoints, options)
	if err != nil {
		return err
	}
	defer release()
	if o.Session.Secret = server.Secret(); o.Session.Secret == "" {
		if o.Session.Secret, err = o.Session.Dir.Secret(false); err != nil {
			return err
		}
	}
	where := "hf-tap secret prints it"
	if server.Secret() != "" {
		where = "the one of the server"
	}
	pane := func(string, string) {}
	o.Announce = func(live *session.Live) {
		for _, line := range endpoints.announcement(live) {
			notes.Print("%s", line)
			pane(listen.Announced, line)
		}
		if slices.ContainsFunc(endpoints, byHand) {
			fmt.Fprintln(notes, "  secret  "+term.Line(o.Session.Secret)) // shown so that it can be copied
			pane(listen.Announced, "  secret  "+where)                    // the screen masks it
		}
	}
	restore := func() {}
	o.Output = func(line func(stream, line string)) { pane, restore = line, capture(line) }
	defer func() { restore() }()
	err = listen.Run(ctx, o)
	// The events that are still in a queue of AnswerFirst are pending in the history.
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = server.Shutdown(ended)
	return err
}

// failure is an error as log.Fatal prints it: what failed, then the hint.
type failure struct {
	err        error
	text, hint string
}

func (f *failure) Error() string {
	if f.hint == "" {
		return f.text
	}
	return f.text + "\nhint: " + f.hint
}

func (f *failure) Unwrap() error { return f.err }
