package event

import (
	"fmt"
	"strconv"
	"strings"
)

// CommandPrefix is the beginning of the name of a target that is a command:
// "exec:python train.py". An attempt there has no HTTP status. Its Err is empty if
// the command ended with exit status 0, and its Body is what the command wrote.
const CommandPrefix = "exec:"

// IsCommand reports whether a target is a command, by its name.
func IsCommand(target string) bool { return strings.HasPrefix(target, CommandPrefix) }

const exitStatus = "exit status "

// ExitError returns the Err of an attempt at a command that ended with an exit
// status: empty for 0, else "exit status 3".
func ExitError(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprint(exitStatus, status)
}

// Exit returns the exit status of the command that was tried. ok is false if the
// command did not end by itself, and for every other target.
func (a Attempt) Exit() (status int, ok bool) {
	if !IsCommand(a.Target) || a.Status != 0 {
		return 0, false
	}
	if a.Err == "" {
		return 0, true
	}
	digits, ok := strings.CutPrefix(a.Err, exitStatus)
	if !ok {
		return 0, false
	}
	status, err := strconv.Atoi(digits)
	return status, err == nil
}
