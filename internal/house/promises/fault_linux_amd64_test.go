package promises

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// faulter provokes a panic in a Go program, from outside. The Go runtime turns a
// fault of the CPU, which the kernel reports as a signal, into a panic of the
// goroutine that ran. The kernel lets a process queue the same signal with a code
// of its own, rt_tgsigqueueinfo(2), and the runtime takes it for a fault. With
// ptrace(2) the faulter chooses a moment at which the goroutine is in code that
// can panic.
type faulter struct {
	t      testing.TB
	pid    int
	names  symbols
	wanted func(stack []string) bool // from the innermost function on
	seen   map[string]int            // innermost functions that were not wanted
}

// fault faults the process at the next wanted moment. It reports false when
// none has come until stop is closed.
func (f *faulter) fault(stop <-chan struct{}) bool {
	runtime.LockOSThread() // the kernel knows a tracer by its thread
	defer runtime.UnlockOSThread()
	for {
		select {
		case <-stop:
			return false
		default:
		}
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", f.pid))
		if err != nil {
			f.t.Fatal(err)
		}
		for _, thread := range threads {
			tid, err := strconv.Atoi(filepath.Base(thread))
			if err != nil {
				f.t.Fatal(err)
			}
			if f.faultThread(tid) {
				return true
			}
		}
	}
}

// faultThread stops a thread and faults it if its stack is wanted.
func (f *faulter) faultThread(tid int) (done bool) {
	switch err := unix.PtraceSeize(tid); {
	case errors.Is(err, syscall.ESRCH):
		return false // it has ended
	case err != nil:
		missing(f.t, "ptrace ("+err.Error()+"): allow it, with docker run --cap-add SYS_PTRACE or sysctl kernel.yama.ptrace_scope=1")
	}
	if err := unix.PtraceInterrupt(tid); err != nil {
		return false
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(tid, &status, unix.WALL, nil); err != nil || !status.Stopped() {
		return false
	}
	signal := 0
	if status.TrapCause() != unix.PTRACE_EVENT_STOP {
		signal = int(status.StopSignal()) // one of the program's own came first: it is passed on
	}
	defer func() {
		_, _, _ = syscall.Syscall6(syscall.SYS_PTRACE, syscall.PTRACE_DETACH, uintptr(tid), 0, uintptr(signal), 0, 0)
	}()
	if signal != 0 {
		return false
	}
	stack := f.stack(tid)
	if len(stack) == 0 {
		return false
	}
	if !f.wanted(stack) {
		f.seen[stack[0]]++
		return false
	}
	f.t.Logf("faulted in %q", stack)
	if err := queueFault(f.pid, tid); err != nil {
		f.t.Fatal(err)
	}
	return true
}

// stack follows the frame pointers of a stopped thread, and returns the names of
// its functions.
func (f *faulter) stack(tid int) (stack []string) {
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(tid, &regs); err != nil {
		return nil
	}
	at, frame := regs.Rip, regs.Rbp
	for len(stack) < 100 {
		name := f.names.at(at)
		if name == "" {
			return stack
		}
		stack = append(stack, name)
		var pair [16]byte // the caller's frame pointer, and where it goes on
		if n, err := syscall.PtracePeekData(tid, uintptr(frame), pair[:]); err != nil || n != len(pair) {
			return stack
		}
		frame, at = binary.LittleEndian.Uint64(pair[:8]), binary.LittleEndian.Uint64(pair[8:])
	}
	return stack
}

// queueFault sends SIGFPE to a thread with a code that kill(2) does not give.
func queueFault(pid, tid int) error {
	const queued = -1                                   // SI_QUEUE
	info := [32]int32{int32(syscall.SIGFPE), 0, queued} // siginfo_t: signo, errno, code
	_, _, errno := syscall.Syscall6(syscall.SYS_RT_TGSIGQUEUEINFO, uintptr(pid), uintptr(tid), uintptr(syscall.SIGFPE), uintptr(unsafe.Pointer(&info[0])), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// symbols are the functions of a program, by their addresses.
type symbols []elf.Symbol

func readSymbols(t testing.TB, file string) symbols {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := f.Symbols()
	if err != nil {
		t.Fatalf("%s: %v: it has to be built with its symbols", file, err)
	}
	functions := slices.DeleteFunc(all, func(s elf.Symbol) bool { return elf.ST_TYPE(s.Info) != elf.STT_FUNC || s.Size == 0 })
	slices.SortFunc(functions, func(a, b elf.Symbol) int { return cmp.Compare(a.Value, b.Value) })
	return functions
}

// at returns the name of the function at an address, "" if there is none.
func (s symbols) at(address uint64) string {
	i, exact := slices.BinarySearchFunc(s, address, func(f elf.Symbol, a uint64) int { return cmp.Compare(f.Value, a) })
	if !exact {
		i--
	}
	if i < 0 || address >= s[i].Value+s[i].Size {
		return ""
	}
	return s[i].Name
}
