package cli

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completed returns what is offered for the last of the words, and nothing else may be
// printed than what the scripts of the shells read.
func (c *caller) completed(t *testing.T, words ...string) (offered []string, directive cobra.ShellCompDirective) {
	t.Helper()
	code, out, stderr := c.run(t, append([]string{cobra.ShellCompRequestCmd}, words...)...)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if _, err := fmt.Sscanf(lines[len(lines)-1], ":%d", &directive); err != nil || code != 0 || !strings.HasPrefix(stderr, "Completion ended") || strings.Count(stderr, "\n") != 1 {
		t.Fatalf("%q: %d %q %q", words, code, out, stderr)
	}
	return lines[:len(lines)-1], directive
}

// values are what is offered without the descriptions.
func values(offered []string) (values []string) {
	for _, line := range offered {
		value, _, _ := strings.Cut(line, "\t")
		values = append(values, value)
	}
	return values
}

func TestValuesAreCompleted(t *testing.T) {
	c := newCaller(t)
	home := c.env["HOME"]
	if err := os.MkdirAll(filepath.Join(home, ".cache", "huggingface"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".cache", "huggingface", "stored_tokens"), []byte("[ci]\nhf_token = hf_ci\n[$(x)]\nhf_token = hf_x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c2 := range []struct {
		line string
		want []string // some of what is offered, in front of it
		not  []string
	}{
		{"listen --tunnel |", []string{"auto", "loopback", "public", "gradio", "ngrok", "ssh://"}, []string{"ssh://[user@]host"}},
		{"listen --tunnel gradio,|", []string{"gradio,ngrok"}, []string{"gradio,gradio", "gradio,auto", "gradio"}},
		{"listen --tunnel=n|", []string{"ngrok"}, []string{"gradio"}},
		{"listen --respond |", []string{"ack", "relay"}, nil},
		{"listen --domain |", []string{"repo", "discussion"}, nil},
		{"webhooks create --domain d|", []string{"discussion"}, []string{"repo"}},
		{"listen --forward d|", []string{"default=", "discussion.*=", "discussion.comment.create="}, []string{"repo.*="}},
		{"listen --forward repo.update,dis|", []string{"repo.update,discussion.create="}, nil},
		{"listen --until |", []string{"kind:", "status:", "jq:"}, nil},
		{"listen --until kind:repo.c|", []string{"kind:repo.create", "kind:repo.content.update"}, []string{"kind:discussion.create"}},
		{"listen --until repo.u|", []string{"repo.update"}, nil},
		{"events ls is:|", []string{"is:failed", "is:pinned"}, nil},
		{"events ls kind:repo.* -- -verdict:|", []string{"-verdict:ok", "-verdict:wrong"}, nil},
		{"events ls status:|", []string{"status:>=400", "status:5xx"}, nil},
		{"listen --token |", []string{"-", "ci"}, []string{"$(x)"}},
		{"listen |", []string{"model:", "user:"}, nil},
		{"help |", []string{"listen", "filter", "exit-codes"}, []string{"help nope"}},
		{"help events |", []string{"ls", "show"}, []string{"filter"}},
		{"man webhooks |", []string{"prune"}, nil},
	} {
		typed := strings.Split(strings.TrimSuffix(c2.line, "|"), " ")
		offered, directive := c.completed(t, typed...)
		got := values(offered)
		for _, want := range c2.want {
			if !slices.Contains(got, want) {
				t.Errorf("%s: %q lacks %q", c2.line, got, want)
			}
		}
		for _, not := range c2.not {
			if slices.Contains(got, not) {
				t.Errorf("%s: %q has %q", c2.line, got, not)
			}
		}
		if directive&cobra.ShellCompDirectiveNoFileComp == 0 {
			t.Errorf("%s: files are offered", c2.line)
		}
	}
	for line, want := range map[string]cobra.ShellCompDirective{
		"listen --ca |": cobra.ShellCompDirectiveDefault, "listen --ready-file |": cobra.ShellCompDirectiveDefault, "listen -- |": cobra.ShellCompDirectiveDefault,
		"man --dir |": cobra.ShellCompDirectiveFilterDirs, "listen --port |": cobra.ShellCompDirectiveNoFileComp, "demo |": cobra.ShellCompDirectiveNoFileComp,
	} {
		if offered, directive := c.completed(t, strings.Split(strings.TrimSuffix(line, "|"), " ")...); directive != want || len(offered) > 0 {
			t.Errorf("%s: %q, directive %d, want %d", line, offered, directive, want)
		}
	}
}

// accountServer is a Hub whose user has repos and webhooks. Any text may be in them.
func accountServer(t *testing.T, repos []string, hooks []map[string]any) string {
	t.Helper()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/whoami-v2", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"type": "user", "name": "me", "orgs": []any{map[string]any{"name": "lab"}}})
	})
	mux.HandleFunc("GET /api/{types}", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("author") != "me" {
			t.Errorf("repos of %q are asked for", r.FormValue("author"))
		}
		var list []map[string]any
		for _, repo := range repos {
			if typ, name, _ := strings.Cut(repo, ":"); typ+"s" == r.PathValue("types") {
				list = append(list, map[string]any{"id": name})
			}
		}
		answer(w, list)
	})
	mux.HandleFunc("GET /api/settings/webhooks", func(w http.ResponseWriter, _ *http.Request) { answer(w, hooks) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestWhatTheHubHasIsCompleted(t *testing.T) {
	t.Chdir(t.TempDir())
	const evil = "model:me/$(touch${IFS}pwned)"
	url := accountServer(t, []string{"model:me/m", "model:me/other", "dataset:me/d", "space:me/s", evil}, []map[string]any{
		{"id": anID, "url": "https://example.com/hook?secret=hunter2", "watched": []any{map[string]any{"type": "model", "name": "me/\x1b[31mm"}}, "domains": []any{}},
		{"id": strings.Repeat("b", 24), "jobSourceId": "x", "watched": []any{}, "domains": []any{}},
	})
	c := newCaller(t, "HF_ENDPOINT="+url, "HF_TOKEN=hf_x")
	offered, _ := c.completed(t, "listen", "")
	if want := []string{"user:me", "org:lab", "model:me/m", "model:me/other", "dataset:me/d", "space:me/s"}; !slices.Equal(values(offered), want) {
		t.Errorf("watches are %q, want %q", values(offered), want)
	}
	offered, _ = c.completed(t, "listen", "model:me/m", "model:")
	if want := []string{"model:me/other"}; !slices.Equal(values(offered), want) {
		t.Errorf("further models are %q, want %q", values(offered), want)
	}
	for _, words := range [][]string{{"webhooks", "info", ""}, {"listen", "--like", ""}, {"listen", "--mute", "6"}} {
		offered, _ = c.completed(t, words...)
		text := strings.Join(offered, "\n")
		if !slices.Contains(values(offered), anID) || strings.ContainsAny(text, "\x1b") || strings.Contains(text, "hunter2") {
			t.Errorf("%q: %q", words, offered)
		}
	}
	if offered, _ = c.completed(t, "webhooks", "info", anID, ""); len(offered) > 0 {
		t.Errorf("a second id is offered: %q", offered)
	}
	// A token on standard input cannot be read twice.
	if offered, _ = c.completed(t, "webhooks", "info", "--token", "-", ""); len(offered) > 0 {
		t.Errorf("%q", offered)
	}
}

func TestNoTroubleIsShownWhileAWordIsCompleted(t *testing.T) {
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hangs.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "history.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(own, []byte("tunnel = ["), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.WriteFile(".hf-tap.toml", []byte("exec = ['touch pwned']\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string][]string{
		"a Hub that hangs": {"HF_ENDPOINT=" + hangs.URL, "HF_TOKEN=hf_x"}, "a Hub that refuses": {"HF_TOKEN=hf_x"}, "no Hub": {"HF_ENDPOINT=http://127.0.0.1:1", "HF_TOKEN=hf_x"},
		"a wrong endpoint": {"HF_ENDPOINT=x y"}, "a token in quotes": {`HF_TOKEN="x"`}, "no token": {"HF_HUB_DISABLE_IMPLICIT_TOKEN=1"},
		"a file for a folder": {"HF_TAP_STATE=" + file}, "a damaged history": {"HF_TAP_STATE=" + damaged}, "no state": {"HF_TAP_STATE=", "HOME="},
		"a wrong configuration": {"HF_TAP_CONFIG=" + own}, "a wrong proxy": {"HTTPS_PROXY=%"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, env...)
			for _, line := range []string{"listen ", "listen --like ", "events show ", "events ls --session ", "events ls repo:", "webhooks info ", "webhooks prune --forget ", "listen --token ", "listen --ca /nonexistent model:"} {
				c.completed(t, strings.Split(line, " ")...)
			}
			if _, err := os.Stat(c.env["HF_TAP_STATE"]); err == nil && !strings.Contains(strings.Join(env, " "), "HF_TAP_STATE=") {
				t.Error("the state folder was made")
			}
		})
	}
	var left []string
	if err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error { left = append(left, d.Name()); return err }); err != nil || len(left) != 2 {
		t.Errorf("the folder has %q, %v", left, err)
	}
}

func TestEveryValueHasACompletion(t *testing.T) {
	for path, cmd := range commandsBelow(newTestRoot()) {
		if strings.HasPrefix(path, "hf-tap completion") {
			continue
		}
		if cmd.ValidArgsFunction == nil {
			t.Errorf("the arguments of %s are completed by files", path)
		}
		takesSome := cmd.Args == nil || cmd.Args(cmd, []string{anID}) == nil || cmd.Args(cmd, []string{"1"}) == nil
		if takesSome && argCompleters()[path] == nil {
			t.Errorf("the arguments of %s are not completed: add it to argCompleters", path)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if _, ok := cmd.GetFlagCompletionFunc(f.Name); !ok && f.NoOptDefVal == "" {
				t.Errorf("--%s of %s is completed by files", f.Name, path)
			}
		})
	}
}
