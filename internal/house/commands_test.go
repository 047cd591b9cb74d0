package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// command is what the program's help says about one command.
type command struct {
	path     string // "hf-tap events ls"
	flags    []flag
	examples []string
}

// flag is a flag as the help lists it.
type flag struct{ name, help, fallback string }

// flagLine reads "  -n, --limit int    at most so many (default 50)". The name
// of a value may be missing, and "[=true|false]" stand in its place.
var (
	flagLine    = regexp.MustCompile(`^ +(?:-\w, )?--([a-z][a-z0-9-]*)(?:\[\S+\])?(?: \S+)?(?:  +(\S.*))?$`)
	defaultText = regexp.MustCompile(`\(default "?([^\s"()]+)"?\)$`)
)

// commands reads the help of a command and of all below it.
func (p *program) commands(path string) []command {
	p.t.Helper()
	c := command{path: path}
	help := p.output(append(strings.Fields(path)[1:], "--help")...)
	var all []command
	section := ""
	for line := range strings.Lines(help) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasSuffix(line, ":") && !strings.HasPrefix(line, " "):
			section = line
		case strings.TrimSpace(line) == "":
			continue
		case !strings.HasPrefix(line, " "):
			section = "" // text between the sections
		case section == "Examples:":
			c.examples = append(c.examples, strings.TrimSpace(line))
		case section == "Available Commands:" && strings.HasPrefix(line, "  "):
			all = append(all, p.commands(path+" "+strings.Fields(line)[0])...)
		case section == "Flags:" || strings.HasSuffix(section, " flags:"):
			m := flagLine.FindStringSubmatch(strings.TrimRight(line, " "))
			if m == nil {
				p.t.Fatalf("%s --help: cannot read the line %q", path, line)
			}
			f := flag{name: m[1], help: m[2]}
			if d := defaultText.FindStringSubmatch(f.help); d != nil {
				f.fallback = d[1]
			}
			c.flags = append(c.flags, f)
		}
	}
	return append([]command{c}, all...)
}

// ofCobra reports whether the command-line library brings a command along,
// with a long text instead of an example.
func ofCobra(path string) bool {
	return path == "hf-tap help" || strings.HasPrefix(path, "hf-tap completion")
}

func testExamplesExist(t *testing.T, commands []command) {
	for _, c := range commands {
		if len(c.examples) == 0 && !ofCobra(c.path) {
			t.Errorf("%s has no example: set Example in internal/cli", c.path)
		}
		for _, example := range c.examples {
			if !strings.Contains(example, "hf-tap ") {
				t.Errorf("%s: %q is no example of hf-tap", c.path, example)
			}
		}
	}
}

// testCommandsInList compares the list at the top of docs/commands.md with the program.
func testCommandsInList(t *testing.T, commands []command) {
	const file = "docs/commands.md"
	blocks := codeBlocks(t, file)
	if len(blocks) == 0 {
		t.Fatalf("%s has no list of commands", file)
	}
	list := blocks[0].text()
	for _, c := range commands {
		if strings.HasPrefix(c.path, "hf-tap completion ") {
			continue // one for each shell
		}
		if !regexp.MustCompile(regexp.QuoteMeta(c.path) + `\b`).MatchString(list) {
			t.Errorf("%s: the list at the top lacks %q", file, c.path)
		}
	}
}

// flagRow is a row of a table of flags.
var flagRow = regexp.MustCompile("^\\| `--([a-z][a-z0-9-]*)")

// testFlagsInDocs compares docs/commands.md with the program, both ways.
func testFlagsInDocs(t *testing.T, commands []command) {
	const file = "docs/commands.md"
	rows, texts := docSections(t, file)
	for _, c := range commands {
		section := c.path
		if strings.HasPrefix(c.path, "hf-tap completion ") {
			section = "hf-tap completion"
		}
		text, there := texts[section]
		if !there {
			t.Errorf("%s has no section %q", file, "## "+section)
			continue
		}
		for _, f := range c.flags {
			row, inTable := rows[section][f.name]
			delete(rows[c.path], f.name)
			switch {
			case f.help == "":
				t.Errorf("%s --%s has no help text: give it one in internal/cli", c.path, f.name)
			case f.name == "help": // told once, at the top
			case !inTable && !(section != c.path && strings.Contains(text, "`--"+f.name+"`")):
				t.Errorf("%s: the table under %q lacks --%s (%s)", file, "## "+section, f.name, f.help)
			case f.fallback != "" && !strings.Contains(row, f.fallback):
				t.Errorf("%s: --%s of %s is %s by default, and its row does not say so", file, f.name, c.path, f.fallback)
			}
		}
		for name := range rows[c.path] {
			t.Errorf("%s tells of %s --%s, which does not exist: take it out", file, c.path, name)
		}
	}
	for section := range texts {
		if strings.HasPrefix(section, "hf-tap") && !slices.ContainsFunc(commands, func(c command) bool { return c.path == section }) {
			t.Errorf("%s has a section on %q, which is no command", file, section)
		}
	}
}

// docSections returns the sections of a document by their titles: their tables'
// rows by flag, and their texts.
func docSections(t *testing.T, file string) (rows map[string]map[string]string, texts map[string]string) {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	rows, texts = map[string]map[string]string{}, map[string]string{}
	title := ""
	for line := range strings.Lines(string(b)) {
		if next, ok := strings.CutPrefix(line, "## "); ok {
			title = strings.TrimSpace(next)
			rows[title] = map[string]string{}
		}
		texts[title] += line
		if m := flagRow.FindStringSubmatch(line); m != nil && title != "" {
			rows[title][m[1]] = line
		}
	}
	return rows, texts
}

// block is a fenced block of a document.
type block struct {
	language string
	lines    []codeLine
}

// text is all of a block.
func (b block) text() string {
	var lines []string
	for _, l := range b.lines {
		lines = append(lines, l.text)
	}
	return strings.Join(lines, "\n")
}

// codeLine is a line of a block, with the lines that a backslash joins to it.
type codeLine struct {
	at   int // its number in the file
	text string
}

// codeBlocks returns the fenced blocks of a document.
func codeBlocks(t *testing.T, file string) []block {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	inside := false
	for i, line := range strings.Split(string(b), "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && !inside:
			blocks = append(blocks, block{language: language})
			inside = true
		case fence:
			inside = false
		case inside:
			last := &blocks[len(blocks)-1]
			if n := len(last.lines); n > 0 && strings.HasSuffix(last.lines[n-1].text, "\\") {
				last.lines[n-1].text += "\n" + line
			} else {
				last.lines = append(last.lines, codeLine{i + 1, line})
			}
		}
	}
	if inside {
		t.Fatalf("%s: a fenced block has no end", file)
	}
	return blocks
}
