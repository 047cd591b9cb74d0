// Package cli is the command line: it turns flags and the environment into
// what the stages need, and what they say into lines, JSON and exit codes. It
// is the only package that knows all the others.
//
// Data goes to standard output, everything else to standard error. Errors are
// two lines, what failed and what to type next. The exit codes are part of the
// interface: scripts rely on them.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit codes.
const (
	exitOK        = 0 // done, and nothing left behind
	exitFailed    = 1
	exitUsage     = 2
	exitNotInTime = 3 // the wanted event did not come within --wait
	exitTarget    = 4 // a target failed, and --fail-on-error was set
	exitSignal    = 130
)

// Process is what a command gets from the process it runs in.
type Process struct {
	Version  string
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	// Terminal reports whether standard output is a terminal.
	Terminal bool
	// Supervisor is the path of a program that can be the supervisor of an app or a command
	// (process.Config); empty: there is none.
	Supervisor string
	// Interactive reports whether standard input is one, too.
	Interactive bool

	hidden *hidden // nil: nothing is hidden yet
}

// ThisProcess is the real one. No test uses it.
func ThisProcess(version string) *Process {
	terminal := isTerminal(os.Stdout)
	return &Process{
		Supervisor: "/proc/self/exe", // this program; it means nothing where there is none
		Version:    version, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv,
		Terminal: terminal, Interactive: terminal && isTerminal(os.Stdin),
	}
}

// Main runs the command that args name and gives the exit code. When ctx ends
// the command cleans up and returns.
func Main(ctx context.Context, p *Process, args []string) int {
	root := newRoot(p)
	root.SetArgs(args)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	err := root.ExecuteContext(ctx)
	if err == nil || onlyClosedOutput(err) {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitSignal // who ended it knows; a session's end is no error to begin with
	}
	p.fail(err)
	return exitCode(err)
}

func newRoot(p *Process) *cobra.Command {
	if p.Getenv != nil {
		p.hide(p.Getenv("HF_TOKEN"), p.Getenv("HUGGING_FACE_HUB_TOKEN"), p.Getenv("WEBHOOK_SECRET"))
	}
	root := &cobra.Command{
		Use:   "hf-tap",
		Short: "Hugging Face Hub webhooks on your own machine",
		Long: `hf-tap brings Hugging Face Hub webhooks to your own machine. One command opens a
public tunnel, makes a temporary webhook that points at it, shows every delivery,
hands it to the code you are working on, and deletes the webhook when you leave.

Start with "hf-tap demo": it needs no account and no network.`,
		Example:       "  hf-tap demo\n  hf-tap listen model:me/my-model --forward 7860",
		Args:          cobra.NoArgs,
		Version:       p.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return p.overview(cmd.Context()) },
	}
	root.SetVersionTemplate("hf-tap {{.Version}}\n")
	root.Flags().BoolP("version", "v", false, "print the version")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return checkEmpty(cmd) }
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(err, flagHint(cmd, err))
	})
	root.AddCommand(newListen(p), newDemo(p), newEvents(p), newWebhooks(p), newSecret(p), newSandbox(p), newDoctor(p), newVersion(p))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	checkTopics(root)
	refuseStrays(root)
	return root
}

// refuseStrays makes wrong arguments an error of usage, with a hint, at every
// command below cmd; cobra's own say neither.
func refuseStrays(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				var h *hinted
				if errors.As(err, &h) {
					return err // it says what to type
				}
				return usageError(err, argsHint(cmd, args))
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		refuseStrays(sub)
	}
}

// checkEmpty reports a flag whose value is empty, as that of a variable which is not
// set: it would count as not given.
func checkEmpty(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		list, isList := f.Value.(pflag.SliceValue)
		if f.Value.String() == "" || isList && slices.Contains(list.GetSlice(), "") {
			err = usageError(fmt.Errorf("--%s is empty", f.Name), "leave it out, or see: "+cmd.CommandPath()+" --help")
		}
	})
	return err
}

// checkTopics makes a topic or a shell that does not exist an error of usage, in
// the two commands that cobra brings along.
func checkTopics(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = func(_ *cobra.Command, args []string) error { return checkTopic(root, args) }
		case "completion":
			cmd.Args = cobra.NoArgs
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

// checkTopic reports the first word of a command's path that is not a command.
func checkTopic(topic *cobra.Command, args []string) error {
	for _, arg := range args {
		next, _, err := topic.Find([]string{arg})
		if err != nil || next == topic {
			return usageError(fmt.Errorf("there is no command %q", topic.CommandPath()+" "+arg), argsHint(topic, []string{arg}))
		}
		topic = next
	}
	return nil
}

// hinted is an error with what to type next and with its exit code.
type hinted struct {
	err  error
	hint string
	code int
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

// usageError is an error in how the program was called.
func usageError(err error, hint string) error { return &hinted{err, hint, exitUsage} }

// withHint is an error with what to type next.
func withHint(err error, hint string) error { return &hinted{err, hint, exitFailed} }

// fail prints an error in two lines: what, then the hint.
func (p *Process) fail(err error) {
	hint := hintFor(err)
	fmt.Fprintf(p.Err, "error: %s\n", p.shown(err))
	if hint != "" {
		fmt.Fprintf(p.Err, "hint: %s\n", term.Line(hint))
	}
}

// onlyClosedOutput reports whether nothing went wrong but that nobody reads the
// output any more.
func onlyClosedOutput(err error) bool {
	return only(err, func(err error) bool { return err == errClosedOutput })
}

// only reports whether all that was joined in err is of a sort.
func only(err error, sort func(error) bool) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if !only(e, sort) {
				return false
			}
		}
		return true
	}
	return sort(err)
}

func exitCode(err error) int {
	var h *hinted
	switch {
	case errors.As(err, &h):
		return h.code
	case errors.Is(err, tunnel.ErrUsage), errors.Is(err, tunnel.ErrUnknownProvider):
		return exitUsage
	case errors.Is(err, errNotInTime), errors.Is(err, errAppEnded):
		return exitNotInTime
	}
	return exitFailed
}

func newVersion(p *Process) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  hf-tap version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.Out, "hf-tap", p.Version)
			return closedOutput(err)
		},
	}
}
