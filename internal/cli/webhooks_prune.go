package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/cobra"
)

func newWebhooksPrune(p *Process) *cobra.Command {
	var flags accountFlags
	var forget []string
	cmd := &cobra.Command{
		Use:   "prune [id …]",
		Short: "Delete webhooks that killed sessions left behind",
		Long: `Delete webhooks that sessions on this machine left behind when they were killed;
every start of listen does the same. Webhooks of running sessions are not
touched. A webhook of another hf-tap, without a record on this machine, is listed, and
deleted only when you name it.

Records that stay are listed with the reason: another user's, of another endpoint, or of
a create that the Hub never answered. --forget drops one of them, or a damaged one, by
the id of its session or webhook. It does not call the Hub and deletes no webhook.`,
		Example: "  hf-tap webhooks prune",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if len(forget) > 0 {
				if len(ids) > 0 {
					return usageError(errors.New("--forget and webhook ids exclude each other"), "hf-tap webhooks prune --forget "+forget[0])
				}
				p.tellUnused(cmd.Flags(), "with --forget", "token", "ca")
				return p.forget(unique(p, forget, func(id string) string { return "--forget " + id }))
			}
			for i, s := range ids {
				id, err := hub.ParseWebhookID(s)
				if err != nil {
					return usageError(err, "hf-tap webhooks ls")
				}
				ids[i] = id
			}
			return p.prune(cmd.Context(), flags, ids)
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().StringArrayVar(&forget, "forget", nil, "drop the record of this session or webhook; repeatable")
	return cmd
}

func (p *Process) forget(ids []string) error {
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		rec, err := session.Forget(dir, id)
		switch {
		case err != nil:
			errs = append(errs, withHint(err, "see what is on record: hf-tap webhooks prune"))
		case rec == nil:
			p.tell("dropped the damaged record of session %s", id)
		default:
			p.tell("dropped the record of session %s; %s on %s", rec.ID, leftWords(*rec), rec.Endpoint)
		}
	}
	return errors.Join(errs...)
}

// leftWords names the webhooks that a dead session may have left on the account.
func leftWords(rec session.Record) string {
	words := "nothing is left"
	switch {
	case rec.Webhook != "":
		words = "its webhook " + rec.Webhook + " may still exist"
	case rec.Doubt:
		words = "a webhook of it may exist"
	}
	if n := len(rec.Muted); n > 0 {
		muted := present.Count(n, "webhook") + " that it muted may still be disabled"
		if rec.Webhook == "" && !rec.Doubt {
			return muted
		}
		words += ", and " + muted
	}
	return words
}

func (p *Process) prune(ctx context.Context, flags accountFlags, ids []string) error {
	a, err := p.account(flags)
	var who hub.Identity
	if err == nil {
		who, err = a.client.WhoAmI(ctx)
	}
	if err != nil {
		if a.dir == "" {
			return err
		}
		// The recorded webhooks are known even without the Hub.
		swept, sweepErr := session.Sweep(ctx, a.dir, nil, a.endpoint, "")
		return errors.Join(err, p.tellSwept(swept), sweepErr)
	}
	swept, sweepErr := session.Sweep(ctx, a.dir, a.client, a.endpoint, who.Name)
	errs := []error{p.tellSwept(swept), sweepErr}
	survey, err := session.Look(ctx, a.dir, a.client)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	strays, err := p.pruneStrays(ctx, a.client, survey, ids)
	errs = append(errs, err)
	for _, id := range ids {
		if !slices.Contains(strays, id) && !slices.Contains(swept.Deleted, id) {
			errs = append(errs, withHint(notPruned(survey, id), "hf-tap webhooks ls"))
		}
	}
	if len(swept.Deleted)+len(swept.Enabled)+len(swept.Forgotten)+len(swept.Kept)+len(swept.Damaged)+len(strays)+len(ids) == 0 && errors.Join(errs...) == nil {
		p.tell("nothing was left behind")
	}
	return errors.Join(errs...)
}

// tellSwept prints the changes of a sweep, and lists the records that stay.
func (p *Process) tellSwept(swept session.Swept) error {
	for _, id := range swept.Deleted {
		p.tell("deleted %s, left behind by a session that was killed", id)
	}
	for _, id := range swept.Enabled {
		p.tell("enabled %s, muted by a session that was killed", id)
	}
	for _, rec := range swept.Forgotten {
		p.tell("dropped the record of session %s: nobody listens at %s any more", rec.ID, rec.Endpoint)
	}
	p.tellUnread(nil, swept.Damaged)
	left := swept.Left()
	if len(left) == 0 {
		return nil
	}
	stay := present.Count(len(left), "record") + " stay"
	if len(left) == 1 {
		stay += "s"
	}
	p.tell("%s; to drop one: hf-tap webhooks prune --forget SESSION", stay)
	t := p.newTable()
	t.add("SESSION", "WEBHOOK", "ENDPOINT", "USER", "STARTED", "WHY IT STAYS")
	for _, k := range left {
		webhook := k.Webhook
		switch {
		case webhook == "" && k.Doubt:
			webhook = "unknown"
		case webhook == "":
			webhook = "none"
		}
		for _, id := range k.Muted {
			webhook += ", muted " + id
		}
		t.add(k.ID, webhook, k.Endpoint, k.User, k.Started.Local().Format(time.DateTime), k.Why)
	}
	return t.print(p.Out)
}

// pruneStrays deletes the named webhooks of unknown sessions, lists the others, and
// returns the ids of all.
func (p *Process) pruneStrays(ctx context.Context, client *hub.Client, survey session.Survey, ids []string) (strays []string, err error) {
	var errs []error
	if survey.Err != nil {
		errs = append(errs, survey.Err)
	}
	for _, h := range survey.Webhooks {
		if !h.Stray {
			continue
		}
		strays = append(strays, h.ID)
		if !slices.Contains(ids, h.ID) {
			p.tell("no record here of %s, which watches %s; to delete it: hf-tap webhooks prune %s", h.ID, present.List(h.Watched), h.ID)
			continue
		}
		err := client.DeleteWebhook(ctx, h.ID)
		switch {
		case errors.Is(err, hub.ErrNotFound):
			p.tell("%s is gone already", h.ID)
		case err != nil:
			errs = append(errs, err)
		default:
			p.tell("deleted %s, which had no record here", h.ID)
		}
	}
	return strays, errors.Join(errs...)
}

// notPruned explains why a webhook that was named was not deleted.
func notPruned(survey session.Survey, id string) error {
	if slices.ContainsFunc(survey.Webhooks, func(h session.Surveyed) bool { return h.ID == id }) {
		return fmt.Errorf("webhook %s was not left behind by hf-tap, and was not deleted", id)
	}
	return fmt.Errorf("your account has no webhook %s", id)
}
