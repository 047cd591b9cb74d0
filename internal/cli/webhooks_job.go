package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/spf13/cobra"
)

func newWebhooksJob(p *Process) *cobra.Command {
	var flags accountFlags
	cmd := &cobra.Command{
		Use:   "job ID",
		Short: "Print how to run a webhook's Job on this machine",
		Long: `Print the command that runs a webhook's Job on this machine, for the same events and
with the same environment: hf-tap listen with --exec. The Job's image and hardware are
missing here, and the Hub does not return the values of its secrets. Lines on standard
error say what to do about that.`,
		Example: "  hf-tap webhooks job 65a14fd933eca76f4639fc84",
		Args:    webhookArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := p.account(flags)
			if err != nil {
				return err
			}
			w, err := a.client.GetWebhook(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			line, err := localJob(w)
			if err != nil {
				return err
			}
			p.tellOfJob(w)
			_, err = fmt.Fprintln(p.Out, line)
			return lines.WriteError(err)
		},
	}
	flags.register(cmd.Flags())
	return cmd
}

// localJob is the listen command that runs the command of a webhook's Job on this
// machine.
func localJob(w hub.Webhook) (string, error) {
	j := jobOf(w)
	listen := "hf-tap listen --like " + w.ID
	switch {
	case !hasJob(w):
		return "", withHint(fmt.Errorf("webhook %s calls a URL and starts no Job", w.ID), listen+" --forward 7860")
	case len(j.Command)+len(j.Arguments) == 0:
		return "", withHint(fmt.Errorf("the Hub returns no command of the Job of webhook %s", w.ID), listen+" --exec 'python train.py'")
	case len(j.Command) == 0:
		return "", withHint(fmt.Errorf("the Job of webhook %s has arguments only: its image has the command", w.ID),
			listen+" --exec "+quoted("COMMAND "+shellWords(j.Arguments)))
	}
	words := append(slices.Clone(j.Command), j.Arguments...)
	if len(j.Environment) > 0 { // "env" is never read as a match
		env := []string{"env"}
		for _, name := range slices.Sorted(maps.Keys(j.Environment)) {
			env = append(env, name+"="+j.Environment[name])
		}
		words = append(env, words...)
	}
	line := listen + " --exec " + quoted(shellWords(words))
	if j.TimeoutSeconds > 0 {
		line += fmt.Sprintf(" --timeout %ds", j.TimeoutSeconds)
	}
	if term.Text(line) != line {
		return "", withHint(fmt.Errorf("the command of the Job of webhook %s has characters that a terminal does not show", w.ID),
			"hf-tap webhooks info "+w.ID+" --json")
	}
	return line, nil
}

// shellWords is a command as a shell takes it.
func shellWords(words []string) string {
	typed := make([]string, len(words))
	for i, word := range words {
		typed[i] = quoted(word)
	}
	return strings.Join(typed, " ")
}

// tellOfJob prints how a local command differs from a Job.
func (p *Process) tellOfJob(w hub.Webhook) {
	j := jobOf(w)
	if where := strings.TrimPrefix(j.runsIn(), ", "); where != "" {
		p.tell("%s", term.Line("the Job runs elsewhere ("+where+"); this runs on your machine, in this folder"))
	}
	if len(j.Secrets) > 0 {
		p.tell("%s", term.Line("the Hub does not return the values of the Job's secrets; export them first: "+strings.Join(j.Secrets, ", ")))
	}
	if w.State == hub.StateEnabled {
		p.tell("the Hub starts the Job, too; to prevent that, add --mute %s", w.ID)
	}
}
