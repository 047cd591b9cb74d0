package app

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// attributes give the child a console group of its own: its Ctrl+Break then
// reaches nobody else, and the terminal's Ctrl+C does not reach the child.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// group is a job object with the child and all that it starts. The system ends
// them when the last handle to it is closed, which it does itself when hf-tap
// is killed.
type group struct {
	job windows.Handle
	pid uint32
}

// newGroup takes in a child that runs already. What it would start before that
// stays outside; a process needs longer to come to its first instruction.
func newGroup(leader *os.Process) (group, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return group{}, fmt.Errorf("make a job object: %w", err)
	}
	g := group{job, uint32(leader.Pid)}
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		g.close()
		return group{}, fmt.Errorf("set up a job object: %w", err)
	}
	if err := g.takeIn(); err != nil {
		g.close()
		return group{}, fmt.Errorf("put it into a job object: %w", err)
	}
	return g, nil
}

func (g group) takeIn() error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE|windows.SYNCHRONIZE, false, g.pid)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(process) }()
	err = windows.AssignProcessToJobObject(g.job, process)
	if err == nil {
		return nil
	}
	// One that has ended already is refused: nothing of it needs holding.
	if event, waitErr := windows.WaitForSingleObject(process, 0); waitErr == nil && event == windows.WAIT_OBJECT_0 {
		return nil
	}
	return err
}

// terminate sends Ctrl+Break, which Go programs see as os.Interrupt. Without a
// console there is no way to ask.
func (g group) terminate() {
	if err := windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, g.pid); err != nil {
		g.kill()
	}
}

func (g group) kill() { _ = windows.TerminateJobObject(g.job, 1) }

// alive asks how many processes the job has.
func (g group) alive() bool {
	var accounting struct { // JOBOBJECT_BASIC_ACCOUNTING_INFORMATION
		totalUserTime, totalKernelTime, periodUserTime, periodKernelTime int64
		totalPageFaults, totalProcesses, activeProcesses, terminated     uint32
	}
	err := windows.QueryInformationJobObject(g.job, windows.JobObjectBasicAccountingInformation,
		uintptr(unsafe.Pointer(&accounting)), uint32(unsafe.Sizeof(accounting)), nil)
	return err == nil && accounting.activeProcesses > 0
}

func (g group) close() { _ = windows.CloseHandle(g.job) }

// resultOf reads a status; there are no signals.
func resultOf(state *os.ProcessState) Result {
	if state == nil {
		return Result{Code: -1}
	}
	return Result{Code: state.ExitCode()}
}
