package mcp_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// clientConfig is how a client starts a server.
type clientConfig struct {
	Command string
	Args    []string
	Env     map[string]string
}

// TestTheConfigurationsOfTheDocsStartAServer starts what each block of docs/agents.md says.
func TestTheConfigurationsOfTheDocsStartAServer(t *testing.T) {
	b, err := os.ReadFile(filepath.FromSlash("../../docs/agents.md"))
	must(t, err)
	found := 0
	for _, block := range regexp.MustCompile("(?s)```(json|toml|text)\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		config, ok := readConfig(t, block[1], block[2])
		if !ok {
			continue
		}
		found++
		if filepath.Base(config.Command) != "hf-tap" || config.Args[0] != "mcp" {
			t.Errorf("it starts %q", config)
		}
		w := newWorld(t)
		for name := range config.Env {
			if !slices.Contains([]string{"HF_ENDPOINT", "HF_TOKEN"}, name) {
				t.Errorf("it sets %s", name)
			}
		}
		c := w.connect(config.Args[1:]...)
		c.call("list_events", nil)
		must(t, c.Close())
		c.ends(0)
	}
	if found != 10 {
		t.Errorf("%d configurations were found", found)
	}
}

// readConfig reads a block of the docs; false for one that is not about a client.
func readConfig(t *testing.T, language, text string) (clientConfig, bool) {
	t.Helper()
	switch language {
	case "json":
		var file map[string]map[string]clientConfig
		must(t, json.Unmarshal([]byte(text), &file))
		for _, key := range []string{"mcpServers", "servers"} {
			if c, ok := file[key]["hf-tap"]; ok {
				return c, true
			}
		}
		t.Fatalf("no server in %s", text)
	case "toml":
		var c clientConfig
		for line := range strings.Lines(text) {
			switch key, v, _ := strings.Cut(line, " = "); key {
			case "command":
				must(t, json.Unmarshal([]byte(v), &c.Command))
			case "args":
				must(t, json.Unmarshal([]byte(v), &c.Args))
			}
		}
		return c, true
	case "text":
		if _, command, ok := strings.Cut(text, " mcp add hf-tap -- "); ok {
			words := strings.Fields(command)
			return clientConfig{Command: words[0], Args: words[1:]}, true
		}
		if _, quoted, ok := strings.Cut(text, "code --add-mcp "); ok {
			var c clientConfig
			must(t, json.Unmarshal([]byte(strings.Trim(strings.TrimSpace(quoted), "'")), &c))
			return c, true
		}
	}
	return clientConfig{}, false
}

func TestTheDocsListTheTools(t *testing.T) {
	b, err := os.ReadFile(filepath.FromSlash("../../docs/agents.md"))
	must(t, err)
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(b), -1) {
		documented = append(documented, row[1])
	}
	list, err := newWorld(t).connect().ListTools(t.Context(), nil)
	must(t, err)
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	slices.Sort(documented)
	slices.Sort(names)
	if !slices.Equal(documented, names) {
		t.Errorf("documented: %q\nthere are:  %q", documented, names)
	}
}
