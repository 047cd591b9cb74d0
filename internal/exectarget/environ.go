package exectarget

import (
	"net/url"
	"runtime"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// variables are the names that a command's environment has for the event. What the
// environment of hf-tap has under them is of another event.
var variables = []string{
	"WEBHOOK_PAYLOAD", "WEBHOOK_PAYLOAD_FILE", "WEBHOOK_REPO_ID", "WEBHOOK_REPO_TYPE", "WEBHOOK_SECRET", "WEBHOOK_ID",
}

// maxVariable is the size of the largest variable, with its name, "=" and the byte
// at its end: Linux takes 128 KiB, Windows 32,767 characters.
func maxVariable() int {
	if runtime.GOOS == "windows" {
		return 32 << 10
	}
	return 128 << 10
}

// fits reports whether a variable can have a value. A zero byte would end it.
func fits(name, value string) bool {
	return len(name)+len(value)+2 <= maxVariable() && !strings.Contains(value, "\x00")
}

// environ returns the environment of a command: that of hf-tap, and the variables of a
// Job on the Hub. With a file, the payload is in the file, and not in a variable.
func environ(own []string, e *event.Event, file string) []string {
	env := slices.DeleteFunc(slices.Clone(own), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(variables, name)
	})
	add := func(name, value string) {
		if fits(name, value) {
			env = append(env, name+"="+value)
		}
	}
	if file == "" {
		add("WEBHOOK_PAYLOAD", string(e.Body))
	} else {
		add("WEBHOOK_PAYLOAD_FILE", file)
	}
	add("WEBHOOK_REPO_ID", e.Repo.Name)
	add("WEBHOOK_REPO_TYPE", string(e.Repo.Type))
	add("WEBHOOK_ID", e.Delivery)
	if secret := secretOf(e); secret != "" {
		add("WEBHOOK_SECRET", secret)
	}
	return env
}

// secretOf returns the secret that a delivery came with, which is the webhook's:
// others reach no target.
func secretOf(e *event.Event) string {
	if secret := e.Header.Get(event.SecretHeader); secret != "" {
		return secret
	}
	_, query, _ := strings.Cut(e.Path, "?")
	values, _ := url.ParseQuery(query) // a broken pair elsewhere does not hide it
	return values.Get("secret")
}
