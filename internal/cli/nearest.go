package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// nearest gives the word that s was probably meant to be, "" if none is close:
// one that differs in a third of the letters of s at most, or one that begins
// with s.
func nearest(s string, words []string) string {
	best, least := "", max(1, len(s)/3)+1
	for _, word := range words {
		if d := edits(s, word); d < least {
			best, least = word, d
		}
	}
	if best != "" || len(s) < 2 {
		return best
	}
	for _, word := range words {
		if strings.HasPrefix(word, s) {
			return word
		}
	}
	return ""
}

// edits counts the letters to insert, remove, replace or swap with the next one
// in order to make b of a.
func edits(a, b string) int {
	older, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, last = last, row
	}
	return last[len(b)]
}

// flagHint gives what to type after an error about flags.
func flagHint(cmd *cobra.Command, err error) string {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if name := nearest(unknown.GetSpecifiedName(), names); name != "" {
			return fmt.Sprintf("did you mean --%s? %s --help", name, cmd.CommandPath())
		}
	}
	return cmd.CommandPath() + " --help"
}

// argsHint gives what to type after arguments that a command does not have.
func argsHint(cmd *cobra.Command, args []string) string {
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(append(names, sub.Name()), sub.Aliases...)
	}
	if len(args) > 0 {
		if name := nearest(args[0], names); name != "" {
			return cmd.CommandPath() + " " + name
		}
	}
	return cmd.CommandPath() + " --help"
}

// parseWatch reads what a flag or an argument says is watched. The hint of its
// error is the same with the nearest type, behind what is typed before it.
func parseWatch(s, before string) (hub.Watch, error) {
	w, err := hub.ParseWatch(s)
	if err != nil {
		typ, name, ok := strings.Cut(s, ":")
		typ = nearest(typ, texts(hub.WatchTypes()))
		if !ok || typ == "" {
			typ, name = "model", "me/my-model"
		}
		return w, usageError(err, before+" "+typ+":"+name)
	}
	return w, nil
}

// parseDomain reads a domain. The hint of its error has the nearest one, behind
// what is typed before it.
func parseDomain(s, before string) (hub.Domain, error) {
	domain, err := hub.ParseDomain(s)
	if err != nil {
		near := nearest(s, texts(hub.Domains()))
		if near == "" {
			near = "discussion"
		}
		return "", usageError(err, before+" "+near)
	}
	return domain, nil
}
