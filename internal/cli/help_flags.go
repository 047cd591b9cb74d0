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
	"ca": "FILE", "comment": "TEXT", "dir": "DIR", "domain": "NAME", "exec": "COMMAND", "file": "FILE", "filter": "FILTER", "forget": "ID", "format": "NAME", "forward": "TARGET", "gradio-server": "HOST:PORT",
	"ignore": "PATH", "job": "FILE", "job-id": "ID", "like": "ID", "mute": "ID", "ngrok-domain": "NAME", "older": "AGE", "only": "NAME", "org": "NAME", "output": "FILE", "public-url": "URL",
	"rate": "RATE", "ready-file": "FILE", "repo": "TYPE:NAME", "respond": "HOW", "secret-file": "FILE", "session": "ID", "set": "PATH=VALUE", "since": "TIME", "skip": "NAME", "ssh-domain": "DOMAIN",
	"to": "FILE", "token": "NAME", "tunnel": "NAME", "until": "FILTER", "url": "URL", "user": "NAME", "variant": "NAME", "watch": "TYPE:NAME",
}

// flagGroups are the groups of a long list of flags, and the order in each. A command
// with few flags has no groups.
var flagGroups = []struct {
	title string
	flags []string
}{
	{"Watch flags", []string{"watch", "domain", "like", "mute", "no-webhook", "allow-webhooks", "no-config"}},
	{"Check flags", []string{"only", "skip", "check --repo", "comment", "sandbox"}},
	{"Event flags", []string{
		"failed", "pending", "session", "since", "replay --until", "export --until", "filter", "older", "limit", "times", "new-id", "compare", "ignore",
		"trigger --all", "trigger --repo", "variant", "set", "file", "edit", "seed", "repeat", "rate", "same-id",
	}},
	{"Target flags", []string{
		"url", "job", "job-id", "forward", "exec", "to", "trigger --session", "through-tunnel", "respond", "concurrency", "retry", "timeout", "wait-target", "restart",
	}},
	{"Tunnel flags", []string{"tunnel", "all", "public-url", "port", "ngrok-domain", "gradio-server", "ssh-domain", "new-url"}},
	{"Secret and token flags", []string{"secret-file", "new-secret", "use-kept-secret", "clear-secret", "no-secret", "wrong-secret", "token", "ca"}},
	{"Output flags", []string{"plain", "json", "quiet", "verbose", "format", "output", "force", "dry-run", "curl", "ready-file"}},
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
	groups := make([]flagGroup, len(flagGroups), len(flagGroups)+1)
	for i, g := range flagGroups {
		groups[i].title = g.title
		for _, name := range g.flags {
			if at := slices.IndexFunc(all, func(f *pflag.Flag) bool { return groupName(cmd, f) == name }); at >= 0 {
				groups[i].flags = append(groups[i].flags, all[at])
				all = slices.Delete(all, at, at+1)
			}
		}
	}
	groups = append(groups, flagGroup{"Other flags", all})
	return slices.DeleteFunc(groups, func(g flagGroup) bool { return len(g.flags) == 0 })
}

// groupName is a flag as flagGroups has it: with its command, if the same name means
// something else elsewhere.
func groupName(cmd *cobra.Command, f *pflag.Flag) string {
	name := cmd.Name() + " --" + f.Name
	for _, g := range flagGroups {
		if slices.Contains(g.flags, name) {
			return name
		}
	}
	return f.Name
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
	case "int", "int64", "uint64":
		return "N"
	case "duration":
		return "TIME"
	}
	return "VALUE"
}
