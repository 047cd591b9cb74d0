// Package hint adds hints to errors: what to type next. A hint is the second line of
// every error that people read.
package hint

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/plainfile"
	"github.com/hf-tap/hf-tap/internal/session"
)

// Error is an error with what to type next.
type Error struct {
	Err  error
	Hint string // "": what For gives for Err
}

// Error is the error without its hint.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap is the error itself.
func (e *Error) Unwrap() error { return e.Err }

// With is an error with what to type next.
func With(err error, hint string) error { return &Error{err, hint} }

// For returns what to type next after an error, "" if nothing is known to help. The
// hint of an Error goes before that of its cause.
func For(err error) string {
	var h *Error
	if errors.As(err, &h) {
		if h.Hint == "" {
			return For(h.Err)
		}
		return h.Hint
	}
	var small *session.TokenError
	if errors.As(err, &small) {
		return "run \"hf auth login\" with a token of the role write, or one with user.webhooks.read and user.webhooks.write"
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return "leave --port out to take a free one, or stop the program that has it"
	}
	if hint := tunnelHint(err); hint != "" {
		return hint
	}
	switch {
	case errors.Is(err, history.ErrOld):
		return "move the file away to start a new history, or set HF_TAP_STATE to another folder"
	case errors.Is(err, history.ErrReplaced), errors.Is(err, plainfile.ErrNotPlain), errors.Is(err, syscall.ELOOP):
		return "move the file away: hf-tap makes a new one then"
	case errors.Is(err, history.ErrDamaged):
		return "hf-tap events recover; or move the file away to start a new one"
	case errors.Is(err, history.ErrNewer):
		return "use the newer hf-tap, or set HF_TAP_STATE to another folder"
	case errors.Is(err, history.ErrFull):
		return "free some space on that disk, or set HF_TAP_STATE to a folder on another one"
	case errors.Is(err, history.ErrUnwritable), errors.Is(err, fs.ErrPermission):
		return "make the folder writable for you, or set HF_TAP_STATE to another one"
	case errors.Is(err, syscall.ENOSPC):
		return "free some space on that disk, or name another place"
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		return "set HF_TAP_STATE to a folder that may be written to"
	case errors.Is(err, session.ErrNoHome), errors.Is(err, session.ErrFolder):
		return "set HF_TAP_STATE to a folder that may be written to"
	case errors.Is(err, session.ErrBadSecret):
		return "use a secret of printable ASCII without blanks at its ends, or let one be made: hf-tap secret --new-secret"
	}
	return hubHint(err)
}
