package hint

import (
	"fmt"
	"regexp"
	"strings"
)

// InProgram returns a hint for a program that runs dev.Run: it names the fields of
// dev.Options in the place of the flags of "hf-tap listen".
func InProgram(hint string) string {
	hint = strings.ReplaceAll(hint, "hf-tap listen --help", "go doc github.com/hf-tap/hf-tap/webhooks/dev.Options")
	hint = flagInHint.ReplaceAllStringFunc(hint, func(s string) string {
		found := flagInHint.FindStringSubmatch(s)
		for i, f := range optionFlags {
			if value := found[i+1]; value != "" {
				return fmt.Sprintf("dev.Options{"+f.field+"}", value)
			}
			if s == "--"+f.name {
				name, _, _ := strings.Cut(f.field, ":")
				return "dev.Options." + name
			}
		}
		return s
	})
	return strings.ReplaceAll(hint, "} dev.Options{", ", ") // several flags in a row
}

// optionFlags are the flags that dev.Options has a field for. The value of a flag is
// matched as hints write it: most of them name a flag without one, too.
var optionFlags = []struct{ name, value, field string }{
	{"tunnel", `[a-z.]*[a-z]`, "Tunnel: %q"},
	{"public-url", `https://…`, "PublicURL: %q"},
	{"port", `\d+`, "Port: %s"},
	{"ngrok-domain", `[\w-]+\.[\w.-]*\w`, "NgrokDomain: %q"},
	{"gradio-server", `\S+:\d+`, "GradioServer: %q"},
	{"ssh-domain", `[\w-]+\.[\w.-]*\w`, "SSHDomains: []string{%q}"},
	{"new-url", `true`, "NewURL: %s"},
	{"ca", `FILE`, "CA: %q"},
}

var flagInHint = func() *regexp.Regexp {
	alternatives := make([]string, len(optionFlags))
	for i, f := range optionFlags {
		alternatives[i] = "--" + f.name + `\b(?: (` + f.value + `))?`
	}
	return regexp.MustCompile(strings.Join(alternatives, "|"))
}()
