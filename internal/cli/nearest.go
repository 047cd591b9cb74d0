package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/internal/nearest"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagHint gives what to type after an error about flags.
func flagHint(cmd *cobra.Command, err error) string {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		typed := unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); len(short) > 2 { // -forward
			typed, _, _ = strings.Cut(short, "=")
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if name := nearest.Word(typed, names); name != "" && len(typed) > 1 {
			return fmt.Sprintf("did you mean --%s? see: %s --help", name, cmd.CommandPath())
		}
	}
	return cmd.CommandPath() + " --help"
}

// argsHint gives what to type after arguments that a command does not have: the
// nearest command, also of those below it.
func argsHint(cmd *cobra.Command, args []string) string {
	paths := map[string]string{}
	var names []string
	for _, sub := range cmd.Commands() {
		for _, name := range append(sub.Aliases, sub.Name()) {
			names = append(names, name)
			paths[name] = sub.CommandPath()
		}
	}
	for _, sub := range cmd.Commands() {
		for _, below := range sub.Commands() {
			if name := below.Name(); paths[name] == "" && sub.Name() != "completion" {
				names = append(names, name)
				paths[name] = below.CommandPath()
			}
		}
	}
	if len(args) > 0 {
		if name := nearest.Word(args[0], names); name != "" {
			return "did you mean: " + paths[name]
		}
	}
	return cmd.CommandPath() + " --help"
}
