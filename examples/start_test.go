package examples_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheExamplesDoNotStartOpenToEveryoneOrWithoutAToken(t *testing.T) {
	w := newWorld(t)
	for name, args := range map[string][]string{"retrain": {"-model", "me/m", "true"}, "discussionbot": nil, "metadatareview": nil} {
		for env, want := range map[string]string{
			"WEBHOOK_SECRET=":                 "WEBHOOK_SECRET is not set",
			"HF_TOKEN=":                       "HF_TOKEN is not set",
			"HF_ENDPOINT=http://example.com/": `HF_ENDPOINT is "http://example.com": the token is sent over https only`,
		} {
			t.Run(name+" "+env, func(t *testing.T) {
				cmd := exec.CommandContext(t.Context(), filepath.Join(bin, name), args...)
				cmd.Env = w.env(env) // the last of a name counts
				out, err := cmd.CombinedOutput()
				if err == nil || !strings.Contains(string(out), want) {
					t.Errorf("it ends with %v and says %q, want %q", err, out, want)
				}
			})
		}
	}
}

func TestTheBotsStopWhenTheHubRefusesTheirToken(t *testing.T) {
	w := newWorld(t)
	w.hub.RevokeToken(w.bot)
	for _, name := range []string{"discussionbot", "metadatareview"} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, name))
		cmd.Env = w.env()
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "GET /api/whoami-v2: 401 ") {
			t.Errorf("%s ends with %v and says %q", name, err, out)
		}
	}
}
