package tunnel

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// groupAttributes keep the terminal's Ctrl+C from a program.
func groupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// processGroup is a job object with a program and all that it starts. The
// system ends them with the last handle to it, also when hf-tap is killed.
type processGroup struct{ job windows.Handle }

func newProcessGroup(leader *os.Process) (processGroup, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return processGroup{}, fmt.Errorf("make a job object: %w", err)
	}
	g := processGroup{job}
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		g.close()
		return processGroup{}, fmt.Errorf("set up a job object: %w", err)
	}
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(leader.Pid))
	if err == nil {
		err = windows.AssignProcessToJobObject(job, process)
		_ = windows.CloseHandle(process)
	}
	if err != nil {
		g.close()
		return processGroup{}, fmt.Errorf("put it into a job object: %w", err)
	}
	return g, nil
}

// terminate kills: a program without a console cannot be asked.
func (g processGroup) terminate() { g.kill() }
func (g processGroup) kill()      { _ = windows.TerminateJobObject(g.job, 1) }
func (g processGroup) close()     { _ = windows.CloseHandle(g.job) }
