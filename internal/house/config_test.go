package house

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/config"
)

var (
	configRow = regexp.MustCompile("^\\| `([a-z_]+(?:\\.[a-z_]+)?)` \\|(.*)\\|$")
	flagNamed = regexp.MustCompile("`--([a-z-]+)`")
)

func TestTheConfigurationPageTellsOfEveryKeyAndNoOther(t *testing.T) {
	const page = "docs/configuration.md"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]config.Key{}
	for _, key := range config.Keys() {
		known[key.Name] = key
	}
	section := ""
	for line := range strings.Lines(string(b)) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(title)
		}
		row := configRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil || section != "A project's file" && section != "Your own file" {
			continue
		}
		key, ok := known[row[1]]
		delete(known, row[1])
		switch {
		case !ok:
			t.Errorf("%s tells of the key %q, which does not exist or was told of before", page, row[1])
		case key.Own != (section == "Your own file"):
			t.Errorf("%s: %s stands in the wrong table", page, key.Name)
		case key.List != strings.Contains(row[2], " list: ") || key.Number != strings.Contains(row[2], " number: "):
			t.Errorf("%s: the row of %s does not begin with the kind of its value", page, key.Name)
		}
		for _, m := range flagNamed.FindAllStringSubmatch(row[2], -1) {
			if m[1] != key.Flag() {
				t.Errorf("%s: the row of %s names --%s", page, key.Name, m[1])
			}
		}
		for _, variable := range key.Variables {
			if !strings.Contains(row[2], strings.ToUpper(variable)) {
				t.Errorf("%s: the row of %s does not name %s", page, key.Name, variable)
			}
		}
	}
	for name := range known {
		t.Errorf("%s does not tell of the key %s", page, name)
	}
}

func TestTheExamplesOfConfigurationFilesAreValid(t *testing.T) {
	blocks := slices.DeleteFunc(codeBlocks(t, "docs/configuration.md"), func(b block) bool { return b.language != "toml" })
	if len(blocks) != 2 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, b := range blocks {
		own := strings.Contains(b.text(), "config.toml")
		if f, err := config.Parse("docs/configuration.md", []byte(b.text()), own); err != nil || len(f.Values) < 5 {
			t.Errorf("%v: %v", f, err)
		}
	}
}
