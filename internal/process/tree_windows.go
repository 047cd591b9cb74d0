package process

import (
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Tree is a program with all that it has started, in a job object. The system
// ends them when the last handle to it is closed, which it does itself when this
// process is killed.
type Tree struct {
	cmd *exec.Cmd

	mu     sync.Mutex
	job    windows.Handle
	closed bool
}

// start creates the program suspended: it is in the job before its first instruction,
// and cannot start a process outside the job.
func start(cmd *exec.Cmd, _ Config) (*Tree, error) {
	job, err := newJob()
	if err != nil {
		return nil, err
	}
	// A console group of its own: its Ctrl+Break reaches nobody else, and the
	// terminal's Ctrl+C does not reach it.
	attributes := &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_SUSPENDED}
	if cmd.SysProcAttr != nil {
		attributes.CmdLine = cmd.SysProcAttr.CmdLine
	}
	cmd.SysProcAttr = attributes
	if err := cmd.Start(); err != nil {
		_ = windows.CloseHandle(job)
		return nil, err
	}
	err = assign(job, cmd.Process.Pid)
	if err == nil {
		err = resume(uint32(cmd.Process.Pid))
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = windows.CloseHandle(job)
		return nil, fmt.Errorf("put it into a job object: %w", err)
	}
	return &Tree{job: job, cmd: cmd}, nil
}

func newJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, fmt.Errorf("make a job object: %w", err)
	}
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		_ = windows.CloseHandle(job)
		return 0, fmt.Errorf("set up a job object: %w", err)
	}
	return job, nil
}

func assign(job windows.Handle, pid int) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(process) }()
	return windows.AssignProcessToJobObject(job, process)
}

// resume lets a program run that was started suspended: it has one thread, whose
// handle package os/exec does not keep.
func resume(pid uint32) error {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(snapshot) }()
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(snapshot, &entry); err == nil; err = windows.Thread32Next(snapshot, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if err != nil {
			return err
		}
		defer func() { _ = windows.CloseHandle(thread) }()
		_, err = windows.ResumeThread(thread)
		return err
	}
	return errors.Join(errors.New("its thread is not found"), err)
}

// PID is the program's number.
func (t *Tree) PID() int { return t.cmd.Process.Pid }

// Wait waits for the program's end. What it has started may live on.
func (t *Tree) Wait() (Status, error) {
	err := t.cmd.Wait()
	if t.cmd.ProcessState == nil {
		return Status{Code: -1}, err
	}
	return Status{Code: t.cmd.ProcessState.ExitCode()}, nil // there are no signals
}

// Terminate sends Ctrl+Break, which Go programs see as os.Interrupt. Without a
// console there is no way to ask, and they are ended.
func (t *Tree) Terminate() {
	if err := windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(t.PID())); err != nil {
		t.Kill()
	}
}

// Kill ends all.
func (t *Tree) Kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		_ = windows.TerminateJobObject(t.job, 1)
	}
}

// Alive reports whether any of them has not ended.
func (t *Tree) Alive() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	var accounting struct { // JOBOBJECT_BASIC_ACCOUNTING_INFORMATION
		totalUserTime, totalKernelTime, periodUserTime, periodKernelTime int64
		totalPageFaults, totalProcesses, activeProcesses, terminated     uint32
	}
	err := windows.QueryInformationJobObject(t.job, windows.JobObjectBasicAccountingInformation,
		uintptr(unsafe.Pointer(&accounting)), uint32(unsafe.Sizeof(accounting)), nil)
	return err == nil && accounting.activeProcesses > 0
}

// Close closes the job, which ends the processes that are left in it.
func (t *Tree) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	_ = windows.CloseHandle(t.job)
}

// Ports is not known here.
func (t *Tree) Ports() (ports []int, known bool) { return nil, false }

// Supervising is for Linux: it reports false.
func Supervising() bool { return false }

// Supervise is for Linux.
func Supervise() int { return 0 }
