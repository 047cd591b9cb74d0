package listen

import (
	"fmt"
	"slices"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/receiver"
)

// announce prints the webhook, the targets and the address of a session that is up. The
// line "ready: …" and the ready file come after it: a program that waits for them may
// start at once.
func (o *Options) announce(live *session.Live) {
	cfg := o.Session
	if cfg.NoWebhook {
		o.Notes.Print("make a webhook by hand at %s/settings/webhooks", cfg.Endpoint)
		o.Notes.Print("  url     %s", live.URL())
		fmt.Fprintln(o.Notes, "  secret  "+term.Line(cfg.Secret)) // shown so that it can be copied
	} else {
		o.Notes.Print("webhook %s watches %s (%s)", live.Webhook(), present.List(live.Watches), present.List(live.Domains))
	}
	for _, route := range cfg.Receiver.Routes {
		o.Notes.Print("handing to %s", routeWords(route))
	}
	isServer := func(r receiver.Route) bool { return !event.IsCommand(r.Target.Name()) }
	if slices.ContainsFunc(cfg.Receiver.Routes, isServer) && len(cfg.App.Args) == 0 && o.Getenv("WEBHOOK_SECRET") == "" {
		o.Notes.Print("your app checks the secret: export WEBHOOK_SECRET=$(hf-tap secret)")
	}
}

func routeWords(r receiver.Route) string {
	words := event.MaskURL(r.Target.Name())
	switch {
	case r.Default:
		words += ", events that no other target gets"
	case r.Match.String() != "":
		words += ", if " + r.Match.String()
	}
	return words
}
