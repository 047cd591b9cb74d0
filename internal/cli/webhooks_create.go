package cli

import (
	"context"
	"errors"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/spf13/cobra"
)

func newWebhooksCreate(p *Process) *cobra.Command {
	var flags accountFlags
	var f specFlags
	var out webhookOutput
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a permanent webhook",
		Long: `Create a webhook that calls a URL, or starts a Job, for each event of what it watches.
The Job is a copy of one that ran before, or is described in a file of JSON or YAML,
which is checked before the Hub is asked. It prints the id. Unlike the one of "hf-tap listen", this webhook exists until you
delete it.

The Hub sends the secret with each delivery, so that a handler can reject requests
of others. No flag takes a secret as its value, because ps would show it.`,
		Example: `  hf-tap webhooks create --url https://example.com/hook --watch model:me/m --use-kept-secret
  hf-tap webhooks create --url https://example.com/hook --watch user:me --watch dataset:me/d --domain repo
  hf-tap webhooks create --job-id 687f911eaea852de79c4a50a --watch user:me
  hf-tap webhooks create --job job.yaml --watch dataset:me/d --domain repo`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			spec, err := f.created(p)
			if err := errors.Join(err, out.check()); err != nil {
				return err
			}
			a, err := p.account(flags)
			if err != nil {
				return err
			}
			if spec.Secret, err = f.secret(p, a.dir); err != nil {
				return err
			}
			return p.createWebhook(cmd.Context(), a, spec, f.jobFlag(), out)
		},
	}
	f.register(cmd.Flags())
	cmd.Flags().StringArrayVar(&f.watch, "watch", nil, "a repo or account: model:me/m or user:me; repeatable")
	cmd.Flags().StringArrayVar(&f.domain, "domain", nil, "watch only this domain, repo or discussion; repeatable")
	out.registerOne(cmd.Flags())
	flags.register(cmd.Flags())
	return cmd
}

// created returns the webhook that the flags ask for.
func (f *specFlags) created(p *Process) (hub.WebhookSpec, error) {
	const command = "hf-tap webhooks create"
	spec, err := f.parse(p, command)
	switch {
	case err != nil:
		return spec, err
	case !aimed(spec):
		return spec, usageError(errors.New("a webhook needs a URL to call, or a Job to start"), command+" --url https://example.com/hook --watch model:me/m")
	case len(spec.Watched) == 0:
		return spec, usageError(errors.New("a webhook must watch something"), "add --watch model:me/m, or --watch user:me for all of an account")
	case len(spec.Domains) == 0:
		spec.Domains = hub.Domains()
	}
	return spec, nil
}

func (p *Process) createWebhook(ctx context.Context, a account, spec hub.WebhookSpec, job string, out webhookOutput) error {
	w, err := a.client.CreateWebhook(ctx, spec)
	if err != nil {
		return p.unanswered(ctx, err, "the webhook was created", "hf-tap webhooks ls")
	}
	out.tell(p, "created webhook %s: it %s", w.ID, webhookWords(w))
	if !w.HasSecret {
		out.tell(p, "it has no secret, so its handler cannot check that a delivery comes from the Hub; to add one: hf-tap webhooks update %s --use-kept-secret%s", w.ID, job)
	}
	return out.print(p, a.look(p, w))
}
