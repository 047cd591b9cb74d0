package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// useHelp makes the help of all commands ours: one sentence, the usage and examples come
// first, then the details, and the flags in groups.
func useHelp(root *cobra.Command) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		_, _ = io.WriteString(cmd.OutOrStdout(), helpText(cmd))
	})
	root.SetHelpCommand(newHelp(root))
}

// helpText is the help of a command.
func helpText(cmd *cobra.Command) string {
	cmd.InitDefaultHelpFlag()
	first, details := description(cmd)
	var b strings.Builder
	section := func(title, text string) {
		if text = strings.Trim(text, "\n"); text != "" {
			fmt.Fprintf(&b, "\n%s%s\n", title, text)
		}
	}
	b.WriteString(first + "\n")
	section("Usage:\n", usageLines(cmd))
	section("Examples:\n", cmd.Example)
	section("", details)
	section("Available Commands:\n", commandLines(cmd))
	if !cmd.HasParent() {
		section("Help topics:\n", topicLines())
	}
	for _, group := range groupsOf(cmd) {
		section(group.title+":\n", group.lines())
	}
	if cmd.HasAvailableSubCommands() {
		section("", fmt.Sprintf("Use \"%s [command] --help\" for more about a command.", cmd.CommandPath()))
	}
	return b.String()
}

// description is the first paragraph of a command's text, and the others.
func description(cmd *cobra.Command) (first, details string) {
	if cmd.Long == "" {
		return cmd.Short, ""
	}
	first, details, _ = strings.Cut(strings.TrimSpace(cmd.Long), "\n\n")
	return strings.TrimSuffix(reflowed(first), "\n"), reflowed(details)
}

// reflowed sets paragraphs in lines of helpWidth. Indented lines stay as they are.
func reflowed(text string) string {
	var b strings.Builder
	var words []string
	flush := func() {
		if len(words) > 0 {
			b.WriteString(wrapped(strings.Join(words, " "), "", ""))
			words = nil
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line != "" && !strings.HasPrefix(line, " ") {
			words = append(words, line)
			continue
		}
		flush()
		b.WriteString(line + "\n")
	}
	flush()
	return b.String()
}

func usageLines(cmd *cobra.Command) string {
	var lines []string
	if cmd.Runnable() {
		lines = append(lines, "  "+cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		lines = append(lines, "  "+cmd.CommandPath()+" [command]")
	}
	return strings.Join(lines, "\n")
}

func commandLines(cmd *cobra.Command) string {
	var rows [][2]string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			rows = append(rows, [2]string{sub.Name(), sub.Short})
		}
	}
	return twoColumns(rows)
}

// twoColumns aligns names and texts.
func twoColumns(rows [][2]string) string {
	width := 0
	for _, row := range rows {
		width = max(width, len(row[0]))
	}
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "  %-*s   %s\n", width, row[0], row[1])
	}
	return b.String()
}
