package cli

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/tunnel"
	"golang.org/x/term"
)

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// hintFor gives what to type next after an error: the innermost cause that is
// known decides.
func hintFor(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		if h.hint == "" {
			return hintFor(h.err)
		}
		return h.hint
	}
	var small *session.TokenError
	if errors.As(err, &small) {
		return "run \"hf auth login\" with a token of the role write, or one with user.webhooks.read and user.webhooks.write"
	}
	var wrong *tunnel.WrongAnswerError
	switch {
	case errors.Is(err, tunnel.ErrNone):
		return "run your own tunnel to a port, say 4567, and give its address: --public-url https://… --port 4567"
	case errors.Is(err, tunnel.ErrUnknown):
		return "use --tunnel auto, or your own tunnel by --public-url https://…"
	case errors.Is(err, tunnel.ErrUsage):
		return "see \"hf-tap listen --help\" on --tunnel and --public-url"
	case errors.As(err, &wrong):
		return "check that your tunnel is up and leads to the port that is printed, then start again"
	case errors.Is(err, syscall.EADDRINUSE):
		return "leave --port out to take a free one, or stop the program that has it"
	case errors.Is(err, history.ErrDamaged):
		return "move the file away to start a new history; the old one stays readable with sqlite3"
	case errors.Is(err, history.ErrNewer):
		return "use the newer hf-tap, or set HF_TAP_STATE to another folder"
	case errors.Is(err, history.ErrFull):
		return "free some space on that disk, or set HF_TAP_STATE to a folder on another one"
	case errors.Is(err, history.ErrUnwritable), errors.Is(err, fs.ErrPermission):
		return "make the folder writable for you, or set HF_TAP_STATE to another one"
	case errors.Is(err, session.ErrNoHome):
		return "set HF_TAP_STATE to a folder that may be written to"
	case errors.Is(err, session.ErrBadSecret):
		return "use a secret of printable ASCII without blanks at its ends, or leave it to \"hf-tap secret\""
	case errors.Is(err, errNotInTime):
		return "give it longer with --wait, or see what did come: hf-tap events ls"
	}
	return hub.Hint(err)
}
