package process

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// supervisorName is what a supervisor is called by its first argument. In a list
// of processes the program and its arguments follow.
const supervisorName = "hf-tap-supervisor"

// report is the pipe on which a supervisor says how its program is: "started
// PID", or "failed ERRNO"; then "ended STATUS".
const report = 3

// grace is how long the processes of a tree have to end by themselves after the process
// that started it was killed.
const grace = 5 * time.Second

func attributes(death syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: death}
}

func start(cmd *exec.Cmd, cfg Config) (*Tree, error) {
	if cfg.Supervisor == "" || cmd.Err != nil {
		return startPlain(cmd, cfg.Death)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	super := exec.Command(cfg.Supervisor)
	super.Args = append([]string{supervisorName, strconv.Itoa(int(cfg.Death)), cmd.Path}, cmd.Args...)
	super.Env, super.Dir, super.Stdin, super.Stdout, super.Stderr = cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr
	super.ExtraFiles = []*os.File{w}
	super.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if cfg.Death != 0 {
		super.SysProcAttr.Pdeathsig = syscall.SIGTERM
	}
	err = super.Start()
	w.Close()
	if err != nil { // it is the same program that runs, and was removed, perhaps
		r.Close()
		return startPlain(cmd, cfg.Death)
	}
	s := &supervised{cmd: super, pipe: r, lines: bufio.NewReader(r)}
	pid, err := s.started()
	if err != nil {
		s.close()
		return nil, err
	}
	return &Tree{leader: pid, super: s, supervisor: super.Process.Pid, known: roots(super.Process.Pid, pid)}, nil
}

// supervised is our end of a supervisor.
type supervised struct {
	cmd   *exec.Cmd
	pipe  *os.File
	lines *bufio.Reader
}

var errNoSupervisor = errors.New("its supervisor has ended")

func (s *supervised) started() (pid int, err error) {
	var what string
	var n int
	if _, err := fmt.Fscanln(s.lines, &what, &n); err != nil {
		return 0, errNoSupervisor
	}
	if what != "started" {
		return 0, syscall.Errno(n)
	}
	return n, nil
}

func (s *supervised) wait() (Status, error) {
	var n int
	if _, err := fmt.Fscanf(s.lines, "ended %d\n", &n); err != nil {
		return Status{Code: -1}, errNoSupervisor
	}
	return statusOf(syscall.WaitStatus(n)), nil
}

// close ends the supervisor, which may have ended by itself.
func (s *supervised) close() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.pipe.Close()
}

// Supervising reports whether this process was started as a supervisor. Its main
// calls Supervise then, before anything else, and exits with what that returns.
func Supervising() bool { return os.Args[0] == supervisorName && len(os.Args) > 3 }

// Supervise starts the program that the arguments name, adopts the orphans that it
// leaves, and waits until all have ended. When the process that started the supervisor
// is killed, it ends them.
func Supervise() int {
	runtime.LockOSThread() // the program gets a signal when its thread ends
	syscall.CloseOnExec(report)
	pipe := os.NewFile(report, "report")
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // where a sandbox forbids it, orphans are lost
	name := append([]byte("hf-tap-app"), 0)                 // else it is called after /proc/self/exe
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0)
	// All of them are taken, so that the program finds none ignored that was not.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	death, _ := strconv.Atoi(os.Args[1])
	pid, err := syscall.ForkExec(os.Args[2], os.Args[3:], &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: attributes(syscall.Signal(death)),
	})
	if err != nil {
		errno, ok := err.(syscall.Errno)
		if !ok {
			errno = syscall.EINVAL
		}
		fmt.Fprintln(pipe, "failed", int(errno))
		return 1
	}
	fmt.Fprintln(pipe, "started", pid)
	releaseFiles()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		reap(pid, pipe)
	}()
	for {
		select {
		case <-gone:
			return 0
		case s := <-signals:
			if s == syscall.SIGTERM {
				endTree(pid, gone)
				return 0
			}
		}
	}
}

// releaseFiles closes the supervisor's copies of the program's input and output: a
// reader waits until all copies are closed.
func releaseFiles() {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return
	}
	for fd := range report {
		_ = unix.Dup3(int(null.Fd()), fd, 0)
	}
}

// reap waits for the program and for all orphans, and says how the program has
// ended.
func reap(program int, pipe *os.File) {
	for {
		var status syscall.WaitStatus
		switch pid, err := syscall.Wait4(-1, &status, 0, nil); {
		case err == syscall.EINTR:
		case err != nil:
			return // there are no more children
		case pid == program:
			fmt.Fprintln(pipe, "ended", int(status))
		}
	}
}

// endTree ends all descendants of this process.
func endTree(program int, gone <-chan struct{}) {
	t := &Tree{leader: program, supervisor: os.Getpid(), known: roots(os.Getpid(), program)}
	t.Terminate()
	select {
	case <-gone:
	case <-time.After(grace):
		t.Kill()
	}
}
