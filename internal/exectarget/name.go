package exectarget

import (
	"regexp"
	"runtime"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// secrets finds in a command what is given to a name that is a secret's, like
// API_KEY=x or --token x, and tokens of the Hub.
var secrets = regexp.MustCompile(`(?i)([\w-]*(?:token|secret|passw|api_?-?key|credential)[\w-]*=|--[\w-]*(?:token|secret|passw|api-?key|credential)[\w-]*\s+)("[^"]*"|'[^']*'|[^\s"']+)|\bhf_[a-z0-9]{8,}\b`)

// maxName is how many bytes of a command are in its name.
const maxName = 200

// nameOf returns a command as it may be recorded and shown.
func nameOf(command string) string {
	name := secrets.ReplaceAllString(command, "${1}"+event.Masked)
	name = event.MaskURL(strings.Join(strings.Fields(strings.ToValidUTF8(name, "\ufffd")), " "))
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName-len("…")], "") + "…"
	}
	return name
}

// shell returns how the system's shell is called for a command. On Windows that is
// a line, because cmd does not read arguments as other programs do.
func shell(command string) (args []string, line string) {
	if runtime.GOOS == "windows" {
		return []string{"cmd"}, `cmd /d /s /c "` + command + `"`
	}
	return []string{"sh", "-c", command}, ""
}
