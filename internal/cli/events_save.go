package cli

import (
	"errors"
	"fmt"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/spf13/cobra"
)

func newEventsSave(p *Process) *cobra.Command {
	var body, force bool
	cmd := &cobra.Command{
		Use:   "save N FILE",
		Short: "Save one event as a file",
		Long: `Save one event as a file of test data: everything known about it, in JSON, with its
secrets masked, which "hf-tap events import" reads. With --body it is the body alone, byte
for byte. A file that exists is not replaced without --force.`,
		Example: `  hf-tap events save 12 comment.json
  hf-tap events save 12 payload.json --body`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			n, err := parseN(args[0])
			if err != nil {
				return err
			}
			if args[1] == "" {
				return usageError(errors.New("the name of the file is empty"), fmt.Sprintf("hf-tap events save %d event-%d.json", n, n))
			}
			reader, err := p.readHistory(cmd.Context())
			if err != nil {
				return err
			}
			if reader == nil {
				return noEvent(n)
			}
			defer func() { err = errors.Join(err, reader.Close()) }()
			e, err := getEvent(cmd.Context(), reader, n)
			if err != nil {
				return err
			}
			return p.save(e, args[1], body, force)
		},
	}
	cmd.Flags().BoolVar(&body, "body", false, "save only the body, byte for byte")
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that exists")
	return cmd
}

func (p *Process) save(e *event.Event, path string, body, force bool) error {
	text := e.Body
	if !body {
		var err error
		if text, err = fixture(e, p.notes.Mask); err != nil {
			return err
		}
	}
	command := fmt.Sprintf("hf-tap events save %d %s", e.N, quoted(path))
	f, err := createFile(path, force, command)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := f.finish(err, command); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.Out, p.notes.Shown(fmt.Sprintf("saved event %d as %s", e.N, path)))
	return lines.WriteError(err)
}
