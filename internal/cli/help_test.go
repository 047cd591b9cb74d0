package cli

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/spf13/cobra"
)

func newTestRoot() *cobra.Command {
	return newRoot(&Process{Version: "devel", In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Getenv: func(string) string { return "" }})
}

func TestHelpFitsATerminalAndHasItsExamplesBeforeItsFlags(t *testing.T) {
	for path, cmd := range commandsBelow(newTestRoot()) {
		text := helpText(cmd)
		flags, examples := strings.Index(text, "lags:\n"), strings.Index(text, "\nExamples:\n")
		if flags < 0 || examples > flags {
			t.Errorf("%s --help has its examples behind its flags:\n%s", path, text)
		}
		for line := range strings.Lines(text) {
			if utf8.RuneCountInString(line) > helpWidth+1 && !strings.HasPrefix(line, "  hf-tap ") { // an example is one line
				t.Errorf("%s --help has a line of more than %d columns: %s", path, helpWidth, line)
			}
		}
	}
}

func TestALongListOfFlagsHasGroups(t *testing.T) {
	grouped := 0
	for path, cmd := range commandsBelow(newTestRoot()) {
		groups := groupsOf(cmd)
		if len(groups) == 1 {
			continue
		}
		grouped++
		for _, group := range groups {
			for _, f := range group.flags {
				if group.title == "Other flags" && f.Name != "help" {
					t.Errorf("--%s of %s is in no group: add it to flagGroups", f.Name, path)
				}
			}
		}
	}
	if grouped < 3 {
		t.Errorf("only %d commands have groups", grouped)
	}
}

func TestHelpTopicsHoldWhatTheDocumentationHolds(t *testing.T) {
	c := newCaller(t)
	shown := map[string]string{}
	for _, topic := range topics() {
		code, out, stderr := c.run(t, "help", topic.name)
		if code != 0 || stderr != "" {
			t.Fatalf("help %s: %d %s", topic.name, code, stderr)
		}
		shown[topic.name] = out
		text, err := topic.markdown()
		if err != nil {
			t.Fatal(err)
		}
		letters := func(s string) string {
			return strings.Map(func(r rune) rune {
				if strings.ContainsRune(" \n`|*#", r) {
					return -1
				}
				return r
			}, s)
		}
		has := letters(out)
		for line := range strings.Lines(text) {
			for _, cell := range cells(line) {
				if heading := strings.HasPrefix(line, "#"); !heading && !strings.Contains(line, "---") && !strings.Contains(has, letters(inline(cell))) && cell != "" && !isHead(text, line) {
					t.Errorf("help %s lacks %q", topic.name, cell)
				}
			}
		}
		for line := range strings.Lines(out) {
			if utf8.RuneCountInString(line) > helpWidth+1 && !strings.HasPrefix(line, "    ") {
				t.Errorf("help %s has a line of more than %d columns: %s", topic.name, helpWidth, line)
			}
			if strings.Contains(line, "](") || strings.Contains(line, "**") && topic.name != "targets" {
				t.Errorf("help %s has Markdown: %s", topic.name, line)
			}
		}
	}
	for _, key := range filter.Keys() {
		if !strings.Contains(shown["filter"], "\n  "+key.Name+" ") {
			t.Errorf("help filter lacks the key %q", key.Name)
		}
	}
	for _, name := range session.TunnelProviders() {
		if !strings.Contains(shown["tunnels"], name) {
			t.Errorf("help tunnels lacks %q", name)
		}
	}
	for _, code := range []string{"0 ", "1 ", "2 ", "3 ", "4 ", "130 "} {
		if !strings.Contains(shown["exit-codes"], "\n  "+code) {
			t.Errorf("help exit-codes lacks %s", code)
		}
	}
}

// isHead reports whether a line is the head of a table.
func isHead(text, line string) bool {
	return strings.HasPrefix(line, "|") && strings.Contains(text, line+"|--")
}

func TestHelpOfACommandIsTheSameByAllNames(t *testing.T) {
	c := newCaller(t)
	for _, path := range []string{"listen", "events ls", "completion bash", ""} {
		words := strings.Fields(path)
		_, first, _ := c.run(t, append(slices.Clone(words), "--help")...)
		if _, again, _ := c.run(t, append([]string{"help"}, words...)...); first == "" || again != first {
			t.Errorf("hf-tap help %s prints\n%s\nand --help\n%s", path, again, first)
		}
	}
}

func TestManualPagesAreWellFormed(t *testing.T) {
	c := newCaller(t)
	dir := t.TempDir()
	if code, _, stderr := c.run(t, "man", "--dir", dir); code != 0 {
		t.Fatal(stderr)
	}
	groff, err := exec.LookPath("groff")
	for path, cmd := range commandsBelow(newTestRoot()) {
		page := manPage(cmd)
		for _, r := range page {
			if r > 126 || r < ' ' && r != '\n' {
				t.Fatalf("the page of %s has %q, which troff does not read", path, r)
			}
		}
		for _, group := range groupsOf(cmd) {
			for _, f := range group.flags {
				if !strings.Contains(page, `\-\-`+strings.ReplaceAll(f.Name, "-", `\-`)) {
					t.Errorf("the page of %s lacks --%s", path, f.Name)
				}
			}
		}
		if err != nil {
			continue // there is no groff here
		}
		check := exec.CommandContext(t.Context(), groff, "-man", "-Tutf8", "-ww", "-z")
		check.Stdin = strings.NewReader(page)
		if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("groff of the page of %s: %v %s", path, err, out)
		}
	}
}
