// Package cli is the command line. It turns flags and the environment into the
// configuration of the other packages, and their results into lines, JSON and exit
// codes. It is the only package that knows all the others.
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

	"github.com/hf-tap/hf-tap/internal/config"
	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/spf13/cobra"
	xterm "golang.org/x/term"
)

// The exit codes.
const (
	exitOK        = 0 // done, and nothing left behind
	exitFailed    = 1
	exitUsage     = 2
	exitNotInTime = 3 // the wanted event did not come within --wait
	exitTarget    = 4 // a target failed, and --fail-on-error was set; or a handler fails a check, or answers otherwise with --compare
	exitSignal    = 130
)

// Process is a command's access to the process it runs in: arguments, environment,
// input and output.
type Process struct {
	Version  string
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	// Terminal reports whether standard output is a terminal.
	Terminal bool
	// ErrTerminal reports whether standard error is a terminal: progress is shown there.
	ErrTerminal bool
	// Supervisor is the path of a program that can be the supervisor of an app or a command
	// (process.Config); empty: there is none.
	Supervisor string
	// Interactive reports whether a person sits before the process: see term.Interactive.
	Interactive bool

	args     []string     // of Main
	notes    *lines.Notes // Err, without the secrets that this process works with
	settings config.Layer // of flags, the environment and files, in commands that read those
}

// ThisProcess is the Process of the running program. No test uses it.
func ThisProcess(version string) *Process {
	return &Process{
		Supervisor: "/proc/self/exe", // this program; it means nothing where there is none
		Version:    version, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv,
		Terminal: isTerminal(os.Stdout), ErrTerminal: isTerminal(os.Stderr), Interactive: term.Interactive(os.Stdin, os.Stdout),
	}
}

// Main runs the command that args name, and returns the exit code. When ctx ends the
// command cleans up and returns.
func Main(ctx context.Context, p *Process, args []string) int {
	p.args = args
	root := newRoot(p)
	root.SetArgs(args)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	err := root.ExecuteContext(ctx)
	if err == nil || lines.OnlyClosedOutput(err) {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitSignal // the sender of the signal knows; the normal end of a session is a success
	}
	p.fail(err)
	return exitCode(err)
}

// Interrupt is the cause of a command's context that a signal has ended: see
// [listen.Interrupt].
func Interrupt(s os.Signal) error { return listen.Interrupt(s) }

func newRoot(p *Process) *cobra.Command {
	p.notes = lines.NewNotes(p.Err, &lines.Mask{})
	if p.Getenv != nil {
		p.hide(p.Getenv("HF_TOKEN"), p.Getenv("HUGGING_FACE_HUB_TOKEN"), p.Getenv("WEBHOOK_SECRET"))
		if dir, err := session.FindDir(p.Getenv); err == nil {
			p.hide(dir.KeptSecret())
		}
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
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if err := checkEmpty(cmd); err != nil {
			return err
		}
		if cmd.Annotations[inConfig] != "" {
			return nil
		}
		return p.useConfig(cmd, args)
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(err, flagHint(cmd, err))
	})
	root.AddCommand(newListen(p), newDemo(p), newTrigger(p), newEvents(p), newWebhooks(p), newSecret(p), newSandbox(p), newDoctor(p), newMCP(p), newCheck(p), newConfig(p), newMan(p), newVersion(p))
	useHelp(root)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	refuseShells(root)
	useScripts(root)
	refuseStrays(root)
	p.useCompletion(root)
	return root
}

// withHint returns an error with a hint, which is the command to type next.
func withHint(err error, next string) error { return hint.With(err, next) }

// tell prints a line for the user. Its values are made safe for the terminal.
func (p *Process) tell(format string, args ...any) { p.notes.Print(format, args...) }

// silent is the process without its lines for the user.
func (p *Process) silent() *Process {
	silent := *p
	silent.notes = lines.NewNotes(io.Discard, p.notes.Mask)
	return &silent
}

// hide masks these secrets in everything that is printed and logged from now on.
func (p *Process) hide(texts ...string) { p.notes.Mask.Add(texts...) }

// fail prints an error in two lines: the error, then the hint.
func (p *Process) fail(err error) {
	fmt.Fprintf(p.Err, "error: %s\n", p.notes.Shown(err))
	if next := hintFor(err); next != "" {
		fmt.Fprintf(p.Err, "hint: %s\n", p.notes.Shown(next))
	}
}

// hintFor returns the hint of an error.
func hintFor(err error) string {
	next := hint.For(err)
	switch {
	case next != "":
	case errors.Is(err, listen.ErrNotInTime):
		next = "wait longer with --wait, or list the events that came: hf-tap events ls"
	case errors.Is(err, listen.ErrAppEnded):
		next = "read its output, and list the events that came: hf-tap events ls"
	}
	return next
}

func exitCode(err error) int {
	var wrong *wrongUse
	var app *session.AppError
	var hinted *hint.Error
	switch {
	case errors.As(err, &wrong):
		return exitUsage
	case errors.As(err, &app) && app.Code > 0 && app.Code <= 255:
		return app.Code
	case errors.Is(err, listen.ErrFailed), errors.Is(err, listen.ErrNotHandedOver), errors.Is(err, errCheckFailed), errors.Is(err, errDiffers):
		return exitTarget
	case errors.As(err, &hinted):
		return exitFailed
	case errors.Is(err, tunnel.ErrUsage), errors.Is(err, tunnel.ErrUnknownProvider):
		return exitUsage
	case errors.Is(err, listen.ErrNotInTime), errors.Is(err, listen.ErrAppEnded):
		return exitNotInTime
	}
	return exitFailed
}

func isTerminal(f *os.File) bool { return xterm.IsTerminal(int(f.Fd())) }
