//go:build !windows

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
)

// typing is a shell in a terminal, with the completions of the program in it.
type typing struct {
	*pane
	w     *world
	shell string
}

// inCompletingShell starts bash, zsh or fish as a person has it, without their own settings.
func (w *world) inCompletingShell(shell string) *typing {
	w.t.Helper()
	peertest.Need(w.t, shell, shell)
	w.dir = w.t.TempDir()
	bin := w.t.TempDir()
	if err := os.Symlink(binary, filepath.Join(bin, "hf-tap")); err != nil {
		w.t.Fatal(err)
	}
	home := w.t.TempDir()
	rc := map[string]string{
		"bash": "PS1='ready> '\nsource <(hf-tap completion bash)\nbind 'set bell-style none'\nbind 'set page-completions off'\nbind 'set completion-query-items 0'\nbind 'set show-all-if-ambiguous on'\n",
		"zsh":  "PS1='ready> '\nautoload -U compinit\ncompinit -u -D\nsource <(hf-tap completion zsh)\n",
		"fish": "function fish_prompt; echo 'ready> '; end\nfunction fish_greeting; end\nhf-tap completion fish | source\n",
	}[shell]
	file := filepath.Join(home, map[string]string{"bash": "rc", "zsh": ".zshrc", "fish": "rc"}[shell])
	if err := os.WriteFile(file, []byte(rc), 0o600); err != nil {
		w.t.Fatal(err)
	}
	path := "PATH=" + quote(bin) + `:"$PATH" `
	line := map[string]string{
		"bash": path + "bash --noprofile --rcfile " + quote(file) + " -i",
		"zsh":  path + "ZDOTDIR=" + quote(home) + " zsh -i",
		"fish": path + "fish --no-config -C 'source " + file + "'",
	}[shell]
	p := &typing{pane: w.inShell(140, 40, line), w: w, shell: shell}
	p.shows("ready>")
	return p
}

// clear empties the line and the screen. In bash a Ctrl+C can end the next completion.
func (p *typing) clear() {
	if p.shell != "bash" {
		p.keys("C-c")
	}
	p.keys("C-u", "C-l")
}

// tab types a line and presses Tab until all texts are on the screen.
func (p *typing) tab(line string, texts ...string) {
	p.w.t.Helper()
	p.clear()
	p.keys("-l", line)
	p.shows(strings.TrimSpace(line))
	p.keys("Tab")
	p.shows(texts...)
}

func TestCompletionsAreTypedInRealShells(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l := w.start(listenArgs("--plain", "--count", "2")...)
			l.ready()
			w.happen("repo.update")
			w.happen("discussion.create")
			l.ends(0)
			id := strings.TrimSpace(w.run(0, "webhooks", "create", "-q", "--url", "https://example.com/hook", "--watch", "model:me/m").stdout.text())
			p := w.inCompletingShell(shell)
			p.tab("hf-tap events show ", "1 ", "2 ", "repo.update · model:me/m", "discussion.create · model:me/m")
			p.tab("hf-tap events ls kind:discussion.comment.c", "kind:discussion.comment.create")
			p.tab("hf-tap events ls ver", "verdict:")
			p.tab("hf-tap listen --tunnel gradio,ng", "gradio,ngrok")
			p.tab("hf-tap listen --until=kind:repo.conf", "--until=kind:repo.config.update")
			p.tab("hf-tap listen mod", "model:me/m")
			p.tab("hf-tap webhooks info ", id)
			p.tab("hf-tap events ls 'latency:>1s' --js", "--json")
			// What a line would run or write on Enter is not run or written by Tab.
			for i, word := range []string{"latency:>pwned", "$(touch pwned)", "`touch pwned`", "\\>x $(touch pwned)", "'a' $(touch pwned)"} {
				p.clear()
				p.keys("-l", fmt.Sprintf("hf-tap events ls %s --js", word))
				p.keys("Tab")
				p.clear()
				p.keys("-l", fmt.Sprintf("echo don'e'%d", i+1))
				p.keys("Enter")
				p.shows(fmt.Sprintf("done%d", i+1))
			}
			if _, err := os.Stat(filepath.Join(w.dir, "pwned")); err == nil {
				t.Error("Tab ran a command or wrote a file")
			}
		})
	}
}
