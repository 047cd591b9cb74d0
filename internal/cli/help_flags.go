package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// valueNames are the words for values of flags, as docs/commands.md has them.
var valueNames = map[string]string{
	"ca": "FILE", "comment": "TEXT", "domain": "NAME", "exec": "COMMAND", "file": "FILE", "filter": "FILTER", "forget": "ID", "format": "NAME", "forward": "TARGET", "gradio-server": "HOST:PORT",
	"ignore": "PATH", "job": "FILE", "job-id": "ID", "like": "ID", "mute": "ID", "ngrok-domain": "NAME", "older": "AGE", "only": "NAME", "org": "NAME", "output": "FILE", "public-url": "URL",
	"rate": "RATE", "ready-file": "FILE", "repo": "TYPE:NAME", "respond": "HOW", "secret-file": "FILE", "session": "ID", "set": "PATH=VALUE", "since": "TIME", "skip": "NAME", "ssh-domain": "DOMAIN",
	"to": "FILE", "token": "NAME", "tunnel": "NAME", "until": "FILTER", "url": "URL", "user": "NAME", "variant": "NAME", "watch": "TYPE:NAME",
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

// nameValues makes the help of all commands name the values of flags. pflag names their
// types instead: "--forward stringArray", "--json[=true|false]".
func nameValues(root *cobra.Command) {
	usage := root.UsageFunc()
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		var text strings.Builder
		to := cmd.OutOrStderr()
		cmd.SetOut(&text)
		err := usage(cmd)
		cmd.SetOut(to)
		if err == nil {
			flags := cmd.LocalFlags()
			_, err = io.WriteString(to, strings.Replace(text.String(), flags.FlagUsages(), flagUsages(flags), 1))
		}
		return err
	})
}

// flagUsages is what FlagUsages returns, with the names of values.
func flagUsages(flags *pflag.FlagSet) string {
	var names, texts []string
	width := 0
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name := "      --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		name = strings.TrimRight(name+" "+valueName(f), " ")
		_, text := pflag.UnquoteUsage(f)
		switch f.DefValue {
		case "", "0", "0s", "[]", "false":
		default:
			format := " (default %s)"
			if f.Value.Type() == "string" {
				format = " (default %q)"
			}
			text += fmt.Sprintf(format, f.DefValue)
		}
		names, texts, width = append(names, name), append(texts, text), max(width, len(name))
	})
	var all strings.Builder
	for i, name := range names {
		fmt.Fprintf(&all, "%-*s   %s\n", width, name, texts[i])
	}
	return all.String()
}
