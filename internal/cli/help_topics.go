package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/docs"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/nearest"
	"github.com/spf13/cobra"
)

// topic is a subject that "hf-tap help" explains: sections of a page of docs/.
type topic struct {
	name, about string
	page        string   // a file in docs/
	sections    []string // their headings; none means the whole page
}

// topics lists what "hf-tap help" explains beside the commands.
func topics() []topic {
	return []topic{
		{"filter", "the language of --until, of lists and of the screen", "filter.md", nil},
		{"targets", "where events can be sent, and who gets which", "commands.md", []string{"### Targets", "### Commands", "### Matches", "### Answers"}},
		{"tunnels", "the tunnels, what each needs, and their states", "commands.md", []string{"### Tunnels"}},
		{"exit-codes", "what the exit codes mean", "commands.md", []string{"## Exit codes"}},
		{"environment", "the environment variables that hf-tap reads", "commands.md", []string{"## Environment"}},
	}
}

func findTopic(name string) (topic, bool) {
	all := topics()
	i := slices.IndexFunc(all, func(t topic) bool { return t.name == name })
	if i < 0 {
		return topic{}, false
	}
	return all[i], true
}

func topicLines() string {
	var rows [][2]string
	for _, t := range topics() {
		rows = append(rows, [2]string{"hf-tap help " + t.name, t.about})
	}
	return twoColumns(rows)
}

// markdown is the topic's part of the documentation.
func (t topic) markdown() (string, error) {
	b, err := docs.Pages.ReadFile(t.page)
	if err != nil || len(t.sections) == 0 {
		return string(b), err
	}
	var text strings.Builder
	inside := false
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "## ") || strings.HasPrefix(line, "### ") {
			inside = slices.Contains(t.sections, strings.TrimSpace(line))
		}
		if inside {
			text.WriteString(line)
		}
	}
	return text.String(), nil
}

// newHelp makes the command that shows the help of a command or a topic.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [command or topic]",
		Short: "Show the help of a command or a topic",
		Example: `  hf-tap help events ls
  hf-tap help filter`,
		Args: func(_ *cobra.Command, args []string) error { return checkTopic(root, args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if t, ok := findTopic(args[0]); ok {
					text, err := t.markdown()
					if err != nil {
						return err
					}
					_, err = io.WriteString(cmd.OutOrStdout(), plainText(text))
					return lines.WriteError(err)
				}
			}
			target, _, err := root.Find(args)
			if err != nil {
				return err
			}
			return target.Help()
		},
	}
}

// checkTopic reports words that name neither a topic nor a command.
func checkTopic(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if _, ok := findTopic(args[0]); ok {
		if len(args) > 1 {
			return usageError(fmt.Errorf("one argument too many: %q", args[1]), "hf-tap help "+args[0])
		}
		return nil
	}
	return checkCommand(root, args)
}

// checkCommand reports words that are not the path of a command.
func checkCommand(cmd *cobra.Command, args []string) error {
	for _, arg := range args {
		next, _, err := cmd.Find([]string{arg})
		if err != nil || next == cmd {
			return usageError(fmt.Errorf("there is no command or topic %q", strings.TrimPrefix(cmd.CommandPath()+" "+arg, "hf-tap ")), topicHint(cmd, arg))
		}
		cmd = next
	}
	return nil
}

// topicHint is the nearest command or topic.
func topicHint(cmd *cobra.Command, arg string) string {
	if !cmd.HasParent() {
		var names []string
		for _, t := range topics() {
			names = append(names, t.name)
		}
		if name := nearest.Word(arg, names); name != "" {
			return "did you mean: hf-tap help " + name
		}
	}
	return argsHint(cmd, []string{arg})
}
