package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/hf-tap/hf-tap/internal/config"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newSecret(p *Process) *cobra.Command {
	var f secretFlags
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Print the secret that this machine's webhooks carry",
		Long: `Print the secret that webhooks made by hf-tap on this machine carry in
X-Webhook-Secret: the one in --secret-file, else WEBHOOK_SECRET, else one that is made once and kept.
A handler is therefore configured only once.`,
		Example: `  export WEBHOOK_SECRET=$(hf-tap secret)
  hf-tap secret --new-secret`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := session.FindDir(p.Getenv)
			if err != nil {
				return err
			}
			loose, err := dir.Tighten()
			if line := session.LooseLine(loose); line != "" {
				p.tell("%s", line)
			}
			if err != nil {
				p.tell("%v", err)
			}
			secret, err := f.find(p, dir)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.Out, secret)
			return lines.WriteError(err)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

// secretFlags say which secret webhooks carry.
type secretFlags struct {
	file  string
	renew bool
}

func (f *secretFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.file, "secret-file", "", "take the webhook's secret from this file")
	fs.BoolVar(&f.renew, "new-secret", false, "make a new secret, and keep it from now on")
	configurable(fs, "secret-file")
}

// check reports flags that contradict each other or the environment. It changes
// nothing.
func (f *secretFlags) check(p *Process) error {
	switch {
	case f.renew && f.file != "":
		err := p.blamed("secret-file", errors.New("--new-secret and "+p.named("secret-file")+" exclude each other"))
		return usageError(err, "leave out one of them")
	case f.renew && p.Getenv("WEBHOOK_SECRET") != "":
		return usageError(errors.New("--new-secret has no effect while WEBHOOK_SECRET is set"), "unset WEBHOOK_SECRET")
	}
	return nil
}

// find returns the first secret that exists: the file's, that of WEBHOOK_SECRET, the
// one that this machine keeps.
func (f *secretFlags) find(p *Process, dir session.Dir) (string, error) {
	if err := f.check(p); err != nil {
		return "", err
	}
	env := p.Getenv("WEBHOOK_SECRET")
	switch {
	case f.file != "":
		secret, err := session.ReadSecretFile(f.file)
		if errors.Is(err, os.ErrNotExist) {
			next := "hf-tap secret > " + f.file
			if value, ok := p.settings["secret_file"]; ok && value.Origin.Source == config.SourceFile {
				next = "make that file, or take secret_file out of " + value.Origin.Name // hf-tap secret reads it, too
			}
			err = withHint(err, next)
		}
		return secret, p.blamed("secret-file", err)
	case env != "":
		if err := session.CheckSecret(env); err != nil {
			return "", fmt.Errorf("WEBHOOK_SECRET: %w", err)
		}
		return env, nil
	}
	return dir.Secret(f.renew)
}
