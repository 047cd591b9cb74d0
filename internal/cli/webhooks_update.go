package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/spf13/cobra"
)

// webhookUpdate is one run of hf-tap webhooks update.
type webhookUpdate struct {
	p       *Process
	account account
	flags   specFlags
	canAsk  bool
	id      string
	asked   hub.WebhookSpec // what the flags ask for; empty settings stay as they are
	out     webhookOutput
}

func newWebhooksUpdate(p *Process) *cobra.Command {
	var flags accountFlags
	u := &webhookUpdate{p: p}
	cmd := &cobra.Command{
		Use:   "update ID",
		Short: "Change settings of a webhook",
		Long: `Change settings of a webhook, and leave the others as they are. The Hub takes a webhook
only as a whole: it is read, changed, sent, and read again. Each difference that you did
not ask for is reported, and the exit code is 1.

The Hub never returns a secret, so an update of a webhook with a secret needs one
of --secret-file, --use-kept-secret and --clear-secret. On a terminal it asks. The Hub does
not return a whole Job either: a webhook with a Job needs --job-id or --job again.`,
		Example: `  hf-tap webhooks update 65a14fd933eca76f4639fc84 --url https://example.com/new
  hf-tap webhooks update 65a14fd933eca76f4639fc84 --watch model:me/m --domain repo --use-kept-secret
  hf-tap webhooks update 65a14fd933eca76f4639fc84 --clear-secret`,
		Args: webhookArgs(),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			u.id, u.canAsk = args[0], flags.canAsk(p)
			command := "hf-tap webhooks update " + u.id
			u.asked, err = u.flags.parse(p, command)
			if err := errors.Join(err, u.out.check()); err != nil {
				return err
			}
			if len(u.asked.Watched)+len(u.asked.Domains) == 0 && !aimed(u.asked) && !u.flags.secretGiven() {
				return usageError(errors.New("nothing to change"), command+" --url https://example.com/hook")
			}
			if u.account, err = p.account(flags); err != nil {
				return err
			}
			if u.asked.Secret, err = u.flags.secret(p, u.account.dir); err != nil {
				return err
			}
			return u.run(cmd.Context())
		},
	}
	fs := cmd.Flags()
	u.flags.register(fs)
	fs.StringArrayVar(&u.flags.watch, "watch", nil, "watch this instead of what it watches now; repeatable")
	fs.StringArrayVar(&u.flags.domain, "domain", nil, "watch only this domain, repo or discussion; repeatable")
	fs.BoolVar(&u.flags.clearSecret, "clear-secret", false, "leave the webhook without a secret")
	u.out.registerOne(fs)
	flags.register(fs)
	return cmd
}

func (u *webhookUpdate) run(ctx context.Context) error {
	old, err := u.account.client.GetWebhook(ctx, u.id)
	if err != nil {
		return err
	}
	if err := u.checkJob(old); err != nil {
		return err
	}
	if old.HasSecret && !u.flags.secretGiven() {
		if err := u.askForSecret(ctx); err != nil {
			return err
		}
		// An answer takes its time, in which the webhook may have become another.
		if old, err = u.account.client.GetWebhook(ctx, u.id); err != nil {
			return err
		}
		if err := u.checkJob(old); err != nil {
			return err
		}
	}
	spec := u.merge(old)
	if err := spec.Check(); err != nil {
		return withHint(fmt.Errorf("webhook %s cannot be sent back as it is: %w", u.id, err), "name its settings: hf-tap webhooks update "+u.id+" --watch model:me/m --domain repo --url https://example.com/hook")
	}
	look := "hf-tap webhooks info " + u.id
	if _, err := u.account.client.UpdateWebhook(ctx, u.id, spec); err != nil {
		return u.p.unanswered(ctx, err, u.id+" was updated", look)
	}
	now, err := u.account.client.GetWebhook(ctx, u.id)
	if err != nil {
		if ctx.Err() != nil { // the process ends without a word
			u.p.tell("updated webhook %s; interrupted before it was read again: %s", u.id, look)
		}
		return fmt.Errorf("webhook %s was updated, but its new settings are unknown: %w", u.id, err)
	}
	return u.report(old, spec, now)
}

// checkJob returns an error if the update would send back a Job that was read: the Hub
// leaves out parts of it in its answers, which the update would delete.
func (u *webhookUpdate) checkJob(old hub.Webhook) error {
	if !hasJob(old) || aimed(u.asked) {
		return nil
	}
	hint := "add --job with a file of the Job or --job-id with its id, or --url to call a URL instead"
	if old.JobSourceID != "" {
		hint = "add --job-id " + old.JobSourceID
	}
	return usageError(fmt.Errorf("webhook %s starts a Job, of which the Hub does not return all: an update without --job-id or --job would change it", u.id), hint)
}

// askForSecret asks the user whether to keep, replace or remove the secret.
func (u *webhookUpdate) askForSecret(ctx context.Context) error {
	const choices = "--use-kept-secret, --secret-file FILE or --clear-secret"
	if !u.canAsk {
		return usageError(fmt.Errorf("webhook %s has a secret, which the Hub does not return: an update without one may clear it", u.id), "add "+choices)
	}
	answer, err := u.p.question(ctx, fmt.Sprintf(`webhook %s has a secret, which the Hub does not return: an update without one may clear it.
  k  send the secret that "hf-tap secret" prints
  c  clear it
  anything else changes nothing
> `, u.id))
	switch {
	case err != nil:
		return err
	case answer == "k":
		u.flags.keptSecret = true
		u.asked.Secret, err = u.flags.secret(u.p, u.account.dir)
		return err
	case answer == "c":
		u.flags.clearSecret = true
		return nil
	}
	return withHint(fmt.Errorf("webhook %s was not changed", u.id), "add "+choices)
}

// merge returns the whole webhook as it will be.
func (u *webhookUpdate) merge(old hub.Webhook) hub.WebhookSpec {
	spec := old.Spec()
	spec.Job, spec.JobSourceID = nil, "" // never sent back
	if aimed(u.asked) {
		spec.URL, spec.Job, spec.JobSourceID = u.asked.URL, u.asked.Job, u.asked.JobSourceID
	}
	if len(u.asked.Watched) > 0 {
		spec.Watched = u.asked.Watched
	}
	if len(u.asked.Domains) > 0 {
		spec.Domains = u.asked.Domains
	}
	spec.Secret, spec.ClearSecret = u.asked.Secret, u.flags.clearSecret
	return spec
}

// report prints the webhook after the update. That it is not what was asked for is an
// error.
func (u *webhookUpdate) report(old hub.Webhook, spec hub.WebhookSpec, now hub.Webhook) error {
	looked := u.account.look(u.p, now)
	u.out.tell(u.p, "updated webhook %s: it is %s, %s, secret: %s", u.id, stateWords(now.State), webhookWords(now), secretWords(now.HasSecret))
	if words := sessionWords(looked, "points it back to itself"); words != "" {
		u.out.tell(u.p, "%s", words)
	}
	if err := u.out.print(u.p, looked); err != nil {
		return err
	}
	diffs := u.differences(old, spec, now)
	if len(diffs) == 0 {
		return nil
	}
	return withHint(fmt.Errorf("webhook %s differs from what was asked for: %s", u.id, strings.Join(diffs, "; ")), "see all of it: hf-tap webhooks info "+u.id)
}
