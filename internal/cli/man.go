package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/spf13/cobra"
)

func newMan(p *Process) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "man [command]",
		Short: "Print a manual page",
		Long: `Print the manual page of hf-tap or of one of its commands, or write all pages to a
folder, for man to find them.`,
		Example: `  hf-tap man listen > hf-tap-listen.1
  hf-tap man --dir man1`,
		Args: func(cmd *cobra.Command, args []string) error {
			if dir != "" && len(args) > 0 {
				return usageError(fmt.Errorf("--dir writes all pages: %q is not needed", args[0]), "hf-tap man --dir "+quoted(dir))
			}
			return checkCommand(cmd.Root(), args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir != "" {
				return writePages(cmd.Root(), dir)
			}
			of, _, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			_, err = io.WriteString(p.Out, manPage(of))
			return lines.WriteError(err)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write all pages to this folder")
	return cmd
}

// writePages writes a page for each command, into a folder that is made if it does not
// exist.
func writePages(cmd *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return withHint(err, "name a folder that you may write to: hf-tap man --dir man1")
	}
	if err := os.WriteFile(filepath.Join(dir, pageName(cmd)+".1"), []byte(manPage(cmd)), 0o644); err != nil {
		return withHint(err, "name a folder that you may write to: hf-tap man --dir man1")
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			if err := writePages(sub, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// pageName is the name of a command's page: hf-tap-events-ls.
func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage is the help of a command as a manual page, in the macros of man(7).
func manPage(cmd *cobra.Command) string {
	cmd.InitDefaultHelpFlag()
	first, details := description(cmd)
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"hf-tap %s\" \"hf-tap manual\"\n", roff(strings.ToUpper(pageName(cmd))), roff(cmd.Root().Version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(pageName(cmd)), roff(cmd.Short))
	b.WriteString(".SH SYNOPSIS\n.nf\n" + roff(strings.ReplaceAll(usageLines(cmd), "\n  ", "\n")) + "\n.fi\n")
	b.WriteString(".SH DESCRIPTION\n" + manText(first+"\n\n"+details))
	if cmd.Example != "" {
		b.WriteString(".SH EXAMPLES\n.nf\n" + roff(cmd.Example) + "\n.fi\n")
	}
	for _, group := range groupsOf(cmd) {
		fmt.Fprintf(&b, ".SH %s\n", roff(strings.ToUpper(group.title)))
		for _, f := range group.flags {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(strings.TrimSpace(flagSyntax(f))), roff(flagText(f)))
		}
	}
	if !cmd.HasParent() {
		for _, t := range topics() {
			if text, err := t.markdown(); err == nil { // it is a part of the program
				fmt.Fprintf(&b, ".SH %s\n.nf\n%s\n.fi\n", roff(strings.ToUpper(t.name)), roff(strings.TrimRight(plainText(text), "\n")))
			}
		}
	}
	var also []string
	if cmd.HasParent() {
		also = append(also, pageName(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			also = append(also, pageName(sub))
		}
	}
	b.WriteString(".SH SEE ALSO\n")
	for i, name := range also {
		comma := ","
		if i == len(also)-1 {
			comma = ""
		}
		fmt.Fprintf(&b, ".BR %s (1)%s\n", roff(name), comma)
	}
	return b.String()
}

// manText sets paragraphs. Indented lines stay as they are.
func manText(text string) string {
	var b strings.Builder
	indented := false
	for line := range strings.Lines(strings.Trim(text, "\n") + "\n") {
		line = strings.TrimRight(line, "\n")
		if now := strings.HasPrefix(line, " "); now != indented {
			b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[now])
			indented = now
		}
		if line == "" {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(roff(line) + "\n")
	}
	if indented {
		b.WriteString(".fi\n")
	}
	return b.String()
}

// roff writes a text so that its characters mean themselves.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, ".") {
			b.WriteString(`\&`)
		}
		for _, r := range line {
			if r > 126 {
				fmt.Fprintf(&b, `\[u%04X]`, r)
				continue
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}
