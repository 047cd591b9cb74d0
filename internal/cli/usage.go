package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/nearest"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagHint returns the hint of an error about flags.
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

// argsHint returns the hint after wrong arguments of a command: the nearest command,
// also of those below it.
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

// refuseStrays makes wrong arguments a usage error with a hint, for every command below
// cmd. Cobra's own errors have neither.
func refuseStrays(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				var h *hint.Error
				if errors.As(err, &h) {
					return err // it says what to type
				}
				return usageError(argsError(cmd, args, check, err), argsHint(cmd, args))
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		refuseStrays(sub)
	}
}

// argsError says which argument is missing or too many. cobra's own error counts them, or
// takes them for commands where there are none.
func argsError(cmd *cobra.Command, args []string, check cobra.PositionalArgs, err error) error {
	switch {
	case cmd.HasSubCommands():
		return err
	case len(args) == 0:
		return errors.New("missing argument: " + strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	case check(cmd, args[:1]) != nil:
		return fmt.Errorf("%s takes no arguments: %q", cmd.CommandPath(), args[0])
	}
	return fmt.Errorf("one argument too many: %q", args[1])
}

// atLeast reports a flag whose value is too small.
func atLeast[T int | time.Duration](flag string, value, least T, help string) error {
	if value >= least {
		return nil
	}
	return usageError(fmt.Errorf("--%s must be %d or more, not %v", flag, least, value), help)
}

// checkEmpty reports a flag with an empty value, for example from a variable that is
// not set. Without the error, the flag would count as missing.
func checkEmpty(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		list, isList := f.Value.(pflag.SliceValue)
		if f.Value.String() == "" || isList && slices.Contains(list.GetSlice(), "") {
			err = usageError(fmt.Errorf("--%s is empty", f.Name), "leave it out, or see: "+cmd.CommandPath()+" --help")
		}
	})
	return err
}

// wrongUse is an error in how the program was called.
type wrongUse struct{ error }

func (w *wrongUse) Unwrap() error { return w.error }

// usageError returns an error in how the program was called, with a hint.
func usageError(err error, next string) error { return &wrongUse{hint.With(err, next)} }

// tellUnused prints which of the given flags have no effect.
func (p *Process) tellUnused(fs *pflag.FlagSet, why string, names ...string) {
	var given []string
	for _, name := range names {
		if fs.Changed(name) {
			given = append(given, "--"+name)
		}
	}
	switch len(given) {
	case 0:
	case 1:
		p.tell("%s has no effect %s", given[0], why)
	default:
		p.tell("%s have no effect %s", strings.Join(given, ", "), why)
	}
}

// refuseShells makes a shell that does not exist an error of usage, in the command that
// cobra brings along.
func refuseShells(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Args = cobra.NoArgs
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}
