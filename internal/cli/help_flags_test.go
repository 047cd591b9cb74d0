package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestHelpNamesTheValuesOfFlagsAsTheDocumentationDoes(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{} // by command and flag
	section, row := "", regexp.MustCompile("^\\| `--([a-z-]+)(?: ([A-Z:]+))?`")
	for line := range strings.Lines(string(doc)) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(heading)
		}
		if m := row.FindStringSubmatch(line); m != nil {
			documented[section+" --"+m[1]] = m[2]
		}
	}
	shown, checked := regexp.MustCompile(`^ +(?:-\w, )?--([a-z-]+)(?: ([A-Z:]+))?   `), 0
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		var help bytes.Buffer
		cmd.SetOut(&help)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		if text := help.String(); strings.Contains(text, "[=") || strings.Contains(text, "stringArray") {
			t.Errorf("%s --help has\n%s", cmd.CommandPath(), text)
		}
		for line := range strings.Lines(help.String()) {
			m := shown.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			want, ok := documented[cmd.CommandPath()+" --"+m[1]]
			if ok && want != m[2] {
				t.Errorf("%s --%s has the value %q in the help and %q in docs/commands.md: see valueNames", cmd.CommandPath(), m[1], m[2], want)
			}
			if ok {
				checked++
			}
		}
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	root := newRoot(&Process{Version: "devel", In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Getenv: func(string) string { return "" }})
	look(root)
	if checked < 50 {
		t.Errorf("only %d flags were compared: the search for them is broken", checked)
	}
}
