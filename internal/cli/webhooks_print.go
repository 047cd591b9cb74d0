package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/spf13/pflag"
)

// webhookOutput prints webhooks: for people, or in one of the two forms for programs.
// For programs standard error has nothing but errors.
type webhookOutput struct{ json, quiet bool }

func (o *webhookOutput) register(fs *pflag.FlagSet, jsonHelp, quietHelp string) {
	fs.BoolVar(&o.json, "json", false, jsonHelp)
	fs.BoolVarP(&o.quiet, "quiet", "q", false, quietHelp)
}

func (o *webhookOutput) registerOne(fs *pflag.FlagSet) {
	o.register(fs, "print the webhook as a JSON object", "print the id alone")
}

func (o *webhookOutput) check() error {
	if o.json && o.quiet {
		return usageError(errors.New("--json and --quiet exclude each other"), "leave out one of them")
	}
	return nil
}

// tell prints a line for the user.
func (o *webhookOutput) tell(p *Process, format string, args ...any) {
	if !o.json && !o.quiet {
		p.tell("%s", term.Line(fmt.Sprintf(format, args...)))
	}
}

// print prints what a command did with a webhook: its id, or all of it as JSON.
func (o *webhookOutput) print(p *Process, w session.Surveyed) error {
	if o.json {
		return p.printJSON(shownWebhook(w))
	}
	_, err := fmt.Fprintln(p.Out, p.notes.Shown(w.ID))
	return lines.WriteError(err)
}

// webhookJSON is a webhook as --json prints it: the Hub's keys and one of ours.
type webhookJSON struct {
	hub.Webhook
	Origin string `json:"origin,omitempty"`
}

func shownWebhook(w session.Surveyed) webhookJSON {
	w.URL = event.MaskURL(w.URL)
	return webhookJSON{w.Webhook, w.Origin}
}

func (p *Process) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	if text, ok := present.Indent(b); ok {
		b = text
	}
	// A Job is printed as it came, which need not be UTF-8.
	_, err = fmt.Fprintln(p.Out, p.notes.Mask.JSON(bytes.ToValidUTF8(b, []byte("\ufffd"))))
	return lines.WriteError(err)
}

// stateWords says whether the Hub delivers to a webhook. A suspended one is in
// capitals: nobody chose that.
func stateWords(d hub.State) string {
	switch d {
	case hub.StateEnabled:
		return "enabled"
	case hub.StateDisabled:
		return "disabled"
	case hub.StateSuspended:
		return "SUSPENDED"
	}
	return string(d)
}

func secretWords(has bool) string {
	if has {
		return "set"
	}
	return "none"
}

func triggerWords(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format(time.DateTime)
}

// hasJob reports whether a webhook starts a Job rather than call a URL.
func hasJob(w hub.Webhook) bool {
	return w.JobSourceID != "" || len(w.Job) > 0 && string(w.Job) != "null"
}

// aimWords says what a webhook calls or starts.
func aimWords(w hub.Webhook) string {
	if !hasJob(w) {
		return event.MaskURL(w.URL)
	}
	return strings.TrimSpace("a Job "+w.JobSourceID) + jobOf(w).runsIn()
}

// webhookWords describes a webhook in a line, made safe for a terminal.
func webhookWords(w hub.Webhook) string {
	does := "calls"
	if hasJob(w) {
		does = "starts"
	}
	return term.Line(fmt.Sprintf("watches %s (%s) and %s %s", present.List(w.Watched), present.List(w.Domains), does, aimWords(w)))
}

// suspendedWords says what to do about a suspended webhook.
func suspendedWords(id string) string {
	return term.Line(fmt.Sprintf("%s is suspended, because its deliveries failed: let its handler answer 2xx, then: hf-tap webhooks enable %s", id, id))
}

// sessionWords says, made safe for a terminal, what a session does about a change
// of a webhook, "" if none does. undoes is what it does to its own webhook.
func sessionWords(w session.Surveyed, undoes string) string {
	words := ""
	switch {
	case w.Muted && w.Live != "":
		words = fmt.Sprintf("the live session %s has muted %s, and enables it when it ends", w.Live, w.ID)
	case w.Muted:
		words = fmt.Sprintf("%s is %s: the sweep of that session enables it (hf-tap webhooks prune)", w.ID, w.Origin)
	case w.Live != "":
		words = fmt.Sprintf("%s is the webhook of the live session %s, which %s", w.ID, w.Live, undoes)
	}
	return term.Line(words)
}
