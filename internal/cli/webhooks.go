package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/cobra"
)

func newWebhooks(p *Process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhooks",
		Short: "Manage your webhooks on the Hub",
		Long: `Manage the webhooks of your account on the Hub, with the words of "hf webhooks": list
and look at them, create, update, enable, disable and delete them. Beyond that, replay
lets the Hub send a delivery again, and prune deletes what killed sessions left behind.`,
		Example: "  hf-tap webhooks ls",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWebhooksLs(p), newWebhooksInfo(p), newWebhooksJob(p), newWebhooksCreate(p), newWebhooksUpdate(p), newWebhooksEnable(p),
		newWebhooksDisable(p), newWebhooksDelete(p), newWebhooksReplay(p), newWebhooksPrune(p))
	return cmd
}

// account is the Hub account, the client and the state folder of a command about
// webhooks.
type account struct {
	dir      session.Dir
	client   *hub.Client
	endpoint string
}

// account finds the account. If only the token is missing or wrong, it returns the
// folder and the endpoint with the error.
func (p *Process) account(f accountFlags) (a account, err error) {
	env, err := p.hubEnv()
	if err != nil {
		return a, err
	}
	a.endpoint = env.Endpoint
	if a.dir, err = session.FindDir(p.Getenv); err != nil {
		return a, err
	}
	n, err := f.network(p)
	if err != nil {
		return a, err
	}
	a.client, _, err = f.client(p, env, n.Transport())
	return a, err
}

// look returns the session that made a webhook, by the records on this machine.
func (a account) look(p *Process, w hub.Webhook) session.Surveyed {
	survey := session.LookAt(a.dir, a.endpoint, w)
	p.tellUnread(survey.Err, survey.Damaged)
	return survey.Webhooks[0]
}

// tellUnread prints which records could not be read. The sessions that made some
// webhooks may be unknown then.
func (p *Process) tellUnread(err error, damaged []*session.RecordError) {
	if err != nil {
		p.tell("%s: cannot look up which session made each webhook", present.Error(err))
	}
	for _, d := range damaged {
		p.tell("%v; to drop it: hf-tap webhooks prune --forget %s", d, d.ID)
	}
}

// webhookArgs checks the arguments of a command about one webhook, and puts its
// id in the form that the Hub has. others are the names of further arguments.
func webhookArgs(others ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usageError(errors.New("missing webhook id"), "hf-tap webhooks ls")
		case len(args) > 1+len(others):
			return usageError(fmt.Errorf("one argument too many: %q", args[1+len(others)]), cmd.CommandPath()+" --help")
		}
		id, err := hub.ParseWebhookID(args[0])
		if err != nil {
			return usageError(err, "hf-tap webhooks ls")
		}
		if len(args) <= len(others) {
			return usageError(fmt.Errorf("missing %s", others[len(args)-1]), cmd.CommandPath()+" --help")
		}
		args[0] = id
		return nil
	}
}

// unanswered completes the error of a call that the Hub may have carried out all the
// same. done is the possible change, and the command shows whether it was made.
func (p *Process) unanswered(ctx context.Context, err error, done, look string) error {
	switch {
	case !hub.OutcomeUnknown(err):
		return err
	case ctx.Err() != nil: // the process ends without a word
		p.tell("interrupted: whether %s is unknown: %s", done, look)
		return err
	}
	return withHint(fmt.Errorf("%w; whether %s is unknown", err, done), look)
}
