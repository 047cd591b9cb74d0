package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// valueNames are the words for values of flags, as docs/commands.md has them.
var valueNames = map[string]string{
	"ca": "FILE", "dir": "DIR", "domain": "NAME", "exec": "COMMAND", "forget": "ID", "forward": "TARGET", "gradio-server": "HOST:PORT",
	"job": "FILE", "job-id": "ID", "like": "ID", "mute": "ID", "ngrok-domain": "NAME", "org": "NAME", "public-url": "URL",
	"ready-file": "FILE", "repo": "TYPE:NAME", "respond": "HOW", "secret-file": "FILE", "session": "ID", "ssh-domain": "DOMAIN",
	"to": "FILE", "token": "NAME", "tunnel": "NAME", "until": "FILTER", "url": "URL", "user": "NAME", "watch": "TYPE:NAME",
}

// flagGroups are the groups of a long list of flags, and the order in each. A command
// with few flags has no groups.
var flagGroups = []struct {
	title string
	flags []string
}{
	{"Watch flags", []string{"watch", "domain", "like", "mute", "no-webhook", "no-config"}},
	{"Event flags", []string{"failed", "pending", "session", "limit", "new-id"}},
	{"Target flags", []string{"url", "job", "job-id", "forward", "exec", "respond", "concurrency", "retry", "timeout", "wait-target"}},
	{"Tunnel flags", []string{"tunnel", "all", "public-url", "port", "ngrok-domain", "gradio-server", "ssh-domain", "new-url"}},
	{"Secret and token flags", []string{"secret-file", "new-secret", "use-kept-secret", "clear-secret", "token", "ca"}},
	{"Output flags", []string{"plain", "json", "quiet", "ready-file"}},
	{"Ending flags", []string{"count", "until", "wait", "fail-on-error"}},
}

// manyFlags is the number of flags from which a command's help has groups.
const manyFlags = 9

// flagGroup is flags that stand under one title.
type flagGroup struct {
	title string
	flags []*pflag.Flag
}

// groupsOf returns the flags of a command as its help shows them.
func groupsOf(cmd *cobra.Command) []flagGroup {
	var all []*pflag.Flag
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			all = append(all, f)
		}
	})
	if len(all) <= manyFlags {
		return []flagGroup{{"Flags", all}}
	}
	var groups []flagGroup
	for _, g := range flagGroups {
		group := flagGroup{title: g.title}
		for _, name := range g.flags {
			if i := slices.IndexFunc(all, func(f *pflag.Flag) bool { return f.Name == name }); i >= 0 {
				group.flags = append(group.flags, all[i])
				all = slices.Delete(all, i, i+1)
			}
		}
		if len(group.flags) > 0 {
			groups = append(groups, group)
		}
	}
	return append(groups, flagGroup{"Other flags", all})
}

// lines is a line for each flag.
func (g flagGroup) lines() string {
	var rows [][2]string
	for _, f := range g.flags {
		rows = append(rows, [2]string{flagSyntax(f), flagText(f)})
	}
	return twoColumns(rows)
}

// flagSyntax is how a flag is typed, with the name of its value.
func flagSyntax(f *pflag.Flag) string {
	name := "    --" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", --" + f.Name
	}
	return strings.TrimRight(name+" "+valueName(f), " ")
}

// flagText is what a flag does, with its default.
func flagText(f *pflag.Flag) string {
	if f.Name == "help" {
		return "show this help"
	}
	_, text := pflag.UnquoteUsage(f)
	switch f.DefValue {
	case "", "0", "0s", "[]", "false":
		return text
	}
	return fmt.Sprintf("%s (default %s)", text, f.DefValue)
}

// valueName is the word for a flag's value in its help, "" if it needs none.
func valueName(f *pflag.Flag) string {
	if name, _ := pflag.UnquoteUsage(f); strings.Contains(f.Usage, "`") {
		return name
	}
	switch name := valueNames[f.Name]; {
	case f.NoOptDefVal != "":
		return ""
	case name != "":
		return name
	}
	switch f.Value.Type() {
	case "int", "int64":
		return "N"
	case "duration":
		return "TIME"
	}
	return "VALUE"
}
