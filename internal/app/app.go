// Package app runs the app under development as a child process. It passes on the
// app's output line by line, and ends the app together with all processes that it has
// started: a server that a reloader leaves behind keeps its port.
//
// Package process says how far that holds on each system.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/hf-tap/hf-tap/internal/process"
)

const (
	// quiet is how long output is waited for after the end of the child, and of
	// everything that it has started: somebody else may hold the pipe open. It is
	// also how long what the child leaves behind has to end by itself.
	quiet = 500 * time.Millisecond
	// afterKill is how long a process may need to be gone once it is killed. It
	// is more only when the system itself holds it, as on a dead network disk.
	afterKill = 2 * time.Second
	// pollEvery is how often is looked whether all have ended: they are not our
	// children, so that we are not notified.
	pollEvery = 25 * time.Millisecond
)

// Config is what Start needs to know.
type Config struct {
	Args    []string      // the program, looked for in PATH, and its arguments
	Environ []string      // what the app's environment starts from, NAME=value; os.Environ() if nil
	Env     []string      // added to it; an existing variable is replaced
	Dir     string        // the folder to run in, "" for the current one
	Grace   time.Duration // between asking to end and killing; 0 for 5 s

	// Supervisor is the path of a program that can be the app's supervisor: see
	// process.Config. Empty: there is none.
	Supervisor string

	Stdin *os.File // what the child reads; nil for the null device
	// CommandLine replaces Args on Windows, for a program that does not split its
	// arguments as others do: "cmd". Elsewhere it has no meaning.
	CommandLine string

	// Output, if it is not nil, is called with what the child writes to both streams,
	// in one order, instead of Line. It is called from one goroutine, must not keep
	// the bytes, and is not called again after Done.
	Output func(b []byte)

	// Line is called with each line of output, without the line's end, exactly
	// as the app wrote it: it may hold anything. A line of more than 64 KiB
	// comes in pieces. A state of a line that the app ends with "\r" to write over it
	// keeps the "\r". stream is "stdout" or "stderr"; each has a goroutine, on
	// which Line is called, and while it does not return the app waits when it
	// writes. After Done it is not called again. nil drops the output.
	Line func(stream, line string)
}

// App is a running app. Its methods can be called from several goroutines.
type App struct {
	cmd    *exec.Cmd
	name   string
	grace  time.Duration
	tree   *process.Tree
	pipes  []*pipe
	read   sync.WaitGroup // of the readers of pipes
	result Result         // to be read after done
	left   bool           // to be read after done: something withstood a kill

	stop func() // closes stopping, once
	kill func() // closes killing, once

	stopping, killing chan struct{}
	exited            chan struct{} // the child has ended
	over              chan struct{} // nothing is left of it
	done              chan struct{}
}

// Result is how the app ended.
type Result struct {
	Code   int    // exit status; 128 and the signal's number if a signal ended it, as a shell has it
	Signal string // the signal's name, "SIGKILL", or ""
	Err    error  // why the status is not known; nil if it is
}

// Start runs the app. The error wraps exec.ErrNotFound if there is no such program. The
// caller must Stop the app.
func Start(cfg Config) (*App, error) {
	if len(cfg.Args) == 0 {
		return nil, errors.New("start the app: the command is empty")
	}
	if cfg.Dir != "" {
		// The system's error for a missing folder is the one for a missing program.
		if info, err := os.Stat(cfg.Dir); err != nil {
			return nil, fmt.Errorf("start the app in %q: %w", cfg.Dir, err)
		} else if !info.IsDir() {
			return nil, fmt.Errorf("start the app in %q: not a folder", cfg.Dir)
		}
	}
	a := &App{
		cmd: exec.Command(cfg.Args[0], cfg.Args[1:]...), name: cfg.Args[0],
		grace:    cmp.Or(max(cfg.Grace, 0), 5*time.Second),
		stopping: make(chan struct{}), killing: make(chan struct{}), exited: make(chan struct{}), over: make(chan struct{}), done: make(chan struct{}),
	}
	a.stop = sync.OnceFunc(func() { close(a.stopping) })
	a.kill = sync.OnceFunc(func() { close(a.killing) })
	environ := cfg.Environ
	if environ == nil {
		environ = os.Environ()
	}
	a.cmd.Env = append(environ[:len(environ):len(environ)], cfg.Env...) // of two, the last one counts
	a.cmd.Dir = cfg.Dir
	a.cmd.Stdin = cfg.Stdin
	setCommandLine(a.cmd, cfg.CommandLine)
	writers, err := a.openPipes(cfg)
	if err != nil {
		return nil, fmt.Errorf("start the app %q: %w", a.name, err)
	}
	started := make(chan error)
	go a.run(started, cfg.Supervisor)
	err = <-started
	for _, w := range writers {
		w.Close()
	}
	if err != nil {
		a.closePipes()
		return nil, err
	}
	for _, p := range a.pipes {
		a.read.Go(p.pass)
	}
	go a.tend()
	return a, nil
}

// openPipes returns the child's ends of the pipes.
func (a *App) openPipes(cfg Config) ([]*os.File, error) {
	streams := []string{"stdout", "stderr"}
	switch {
	case cfg.Output != nil:
		streams = streams[:1]
	case cfg.Line == nil:
		return nil, nil // os/exec takes the null device
	}
	var writers []*os.File
	for _, stream := range streams {
		r, w, err := os.Pipe()
		if err != nil {
			a.closePipes()
			for _, w := range writers {
				w.Close()
			}
			return nil, err
		}
		writers = append(writers, w)
		a.pipes = append(a.pipes, newPipe(r, cfg.Output, func(s string) { cfg.Line(stream, s) }))
	}
	a.cmd.Stdout, a.cmd.Stderr = writers[0], writers[len(writers)-1]
	return writers, nil
}

func (a *App) closePipes() {
	for _, p := range a.pipes {
		p.file.Close()
	}
}

// run starts the child, and waits until it and all processes that it started have
// ended. It is locked to one OS thread until then. On Linux the child gets a signal when
// the thread that started it ends, and Go may end a thread that is not locked.
func (a *App) run(started chan<- error, supervisor string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tree, err := process.Start(a.cmd, process.Config{Supervisor: supervisor, Death: syscall.SIGTERM})
	if err != nil {
		started <- a.startError(err)
		return
	}
	a.tree = tree
	started <- nil
	status, err := tree.Wait()
	a.result = Result{Code: status.Code, Signal: status.Signal}
	if err != nil {
		a.result = Result{Code: -1, Err: fmt.Errorf("wait for the app %q: %w", a.name, err)}
	}
	close(a.exited)
	<-a.over
	tree.Close()
	close(a.done)
}

func (a *App) startError(err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("start the app %q: %w", a.name, exec.ErrNotFound)
	}
	if _, statErr := os.Stat(a.cmd.Path); errors.Is(err, fs.ErrNotExist) {
		if a.cmd.Dir == "" && statErr == nil {
			return fmt.Errorf("start the app %q: the program in its first line (#!) is missing: %w", a.name, err)
		}
		return fmt.Errorf("start the app %q: %w: %w", a.name, exec.ErrNotFound, err)
	}
	return fmt.Errorf("start the app %q: %w", a.name, err)
}

// PID is the number of the app's process.
func (a *App) PID() int { return a.tree.PID() }

// Ports are the TCP ports on which the app and what it has started listen. known is
// false where the system does not show it.
func (a *App) Ports() (ports []int, known bool) { return a.tree.Ports() }

// Done is closed when the app has ended, what it started has ended, too, and
// all its output was passed on.
func (a *App) Done() <-chan struct{} { return a.done }

// Result is how the app ended. It waits for Done.
func (a *App) Result() Result {
	<-a.done
	return a.result
}

// Stop asks the app and all that it started to end, kills after Config.Grace or
// when ctx ends what is left then, and waits for Done. The error says that
// something withstands even that; nil means that nothing is left.
func (a *App) Stop(ctx context.Context) error {
	a.stop()
	select {
	case <-a.done:
		return a.leftError()
	case <-ctx.Done():
		a.kill()
	case <-time.After(a.grace + afterKill + 2*quiet):
	}
	select {
	case <-a.done:
		return a.leftError()
	case <-time.After(afterKill + 2*quiet):
		return fmt.Errorf("the app %q (process %d) does not end, or its output is not read", a.name, a.PID())
	}
}

func (a *App) leftError() error {
	if a.left {
		return fmt.Errorf("a process that the app %q (process %d) started does not end", a.name, a.PID())
	}
	return nil
}
