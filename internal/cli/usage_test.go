package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// caller calls the program in a machine of its own: a state folder, a home, a Hub
// that counts what it is asked, and nothing else.
type caller struct {
	env   map[string]string
	calls *atomic.Int64 // of the Hub
}

func newCaller(t *testing.T, env ...string) *caller {
	t.Helper()
	c := &caller{env: map[string]string{"HF_TAP_STATE": filepath.Join(t.TempDir(), "state"), "HOME": t.TempDir()}, calls: &atomic.Int64{}}
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c.calls.Add(1)
		http.Error(w, `{"error":"no"}`, http.StatusUnauthorized)
	}))
	t.Cleanup(hub.Close)
	c.env["HF_ENDPOINT"] = hub.URL
	for _, kv := range env {
		key, value, _ := strings.Cut(kv, "=")
		c.env[key] = value
	}
	return c
}

func (c *caller) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = Main(t.Context(), &Process{
		Version: "devel", In: strings.NewReader(""), Out: &out, Err: &err, Getenv: func(key string) string { return c.env[key] },
	}, args)
	return code, out.String(), err.String()
}

// wrongUse runs a command that is used wrongly: exit 2, in two lines, and neither
// the Hub nor the state folder has noticed.
func (c *caller) wrongUse(t *testing.T, args ...string) (stderr string) {
	t.Helper()
	code, out, stderr := c.run(t, args...)
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	switch {
	case code != exitUsage || out != "":
		t.Errorf("%q ends with %d and prints %q %q", args, code, out, stderr)
	case len(lines) < 2 || !strings.HasPrefix(lines[len(lines)-2], "error: ") || !strings.HasPrefix(lines[len(lines)-1], "hint: "):
		t.Errorf("%q has no error with a hint: %q", args, stderr)
	}
	if n := c.calls.Load(); n > 0 {
		t.Errorf("%q called the Hub %d times", args, n)
		c.calls.Store(0)
	}
	if _, err := os.Stat(c.env["HF_TAP_STATE"]); err == nil {
		t.Errorf("%q made the state folder", args)
		os.RemoveAll(c.env["HF_TAP_STATE"])
	}
	return stderr
}

const anID = "65a14fd933eca76f4639fc84"

// wrongUses are wrong values of flags and wrong arguments of each command, beside
// those that every command shares.
var wrongUses = map[string][]string{
	"hf-tap": {"lisen", "--json"},
	"hf-tap listen": {"modle:me/m", "https://example.com/me/m", "nothing", "--", "--forward=nowhere", "--forward=discusion.*=3000", "--forward=7860 --forward=ftp://x",
		"--domain=discusion", "--like=xyz", "--mute=xyz", "--no-webhook --domain=repo", "--no-webhook model:me/m", "--like=" + anID + " model:me/m",
		"--tunnel=grado", "--tunnel=ngrok,grado", "--tunnel=gradio,gradio", "--tunnel=gradio,auto", "--tunnel=public", "--tunnel=public --public-url=x", "--public-url=http://x.example", "--public-url=https://u:p@x.example",
		"--tunnel=ssh://", "--tunnel=gradio --gradio-server=nonsense", "--port=99999", "--port=-1", "--ca=/nonexistent", "--respond=rely", "--concurrency=0", "--retry=-1", "--timeout=-1s", "--wait-target=-1s",
		"--secret-file=x --new-secret", "--plain --json", "--count=-1", "--wait=-1s", "--until=kind:discusion.*", "--until=is:faild", "--exec=", "--exec=repo.*=", "-- ./no-such-app"},
	"hf-tap config":       {"shw"},
	"hf-tap config show":  {"modle:me/m", "--forward=discusion.*=3000", "--retry=-1", "--timeout=x", "--tunnel=grado", "--port=99999", "--gradio-server=x"},
	"hf-tap config trust": {"x", "", "--yes --forget"},
	"hf-tap demo":         {"--plain --json", "model:me/m"},
	"hf-tap trigger": {"", "repo.upate", "repo.update repo.move", "repo.update --all", "repo.update --file=x", "--file=/nonexistent", "--file=/", "repo.update --repo=modle:me/m", "repo.update --repo=user:me", "discussion.create --repo=bucket:me/b",
		"discussion.create --variant=pull", "repo.update --variant=tag", "--all --variant=tag", "repo.update --set=repo", "repo.update --set==1", "repo.update --set=repo.nmae=", "repo.update --repo=model:me/m --set=repo.name.x=1", "repo.content.update --set=updatedRefs.7.ref=x",
		"repo.update --repeat=0", "repo.update --rate=fast", "repo.update --rate=0", "repo.update --to=nowhere", "repo.update --to=repo.*=3000", "repo.update --to=1 --session=x", "repo.update --to=1 --through-tunnel", "repo.update --session=nope", "repo.update --timeout=-1s --to=1",
		"repo.update --no-secret --wrong-secret", "repo.update --dry-run --curl", "repo.update --dry-run --json", "repo.update --curl --json", "repo.update --edit", "--all --edit", "--file=- --token=-", "repo.update --secret-file=x --new-secret", "repo.update --ca=/nonexistent"},
	"hf-tap events":      {"lss"},
	"hf-tap events ls":   {"kind:discusion.*", "verdct:ok", "status:x", "-kind:repo.*", "--limit=-1", "--session=nope"},
	"hf-tap events show": {"abc", "", "1 2", "--json --raw 1"},
	"hf-tap events replay": {"", "abc", "1 --failed", "1 --forward=nowhere", "1 --exec=default=", "1 --forward=modle:me/m=3000", "1 --new-secret --secret-file=x", "1 --ca=/nonexistent",
		"1 --since=2h", "--since=yesterday", "--until=2026-13-01", "--since=1h --until=2h", "--filter=kind:discusion.*", "1 --times=0", "1 --rate=fast", "1 --rate=0/s", "1 --rate=1/y", "1 --ignore=.a", "1 --compare --ignore=a..b"},
	"hf-tap events diff":           {"", "1", "1 x", "1 2 3"},
	"hf-tap events export":         {"abc", "1 --failed", "1 --filter=is:failed", "--format=xml", "--format=fixtures", "--force", "--to=7860", "--format=curl --to=exec:true", "--format=curl --to=nowhere", "--since=x", "--filter=verdct:ok"},
	"hf-tap events import":         {""},
	"hf-tap events save":           {"", "1", "x file", "1 a b"},
	"hf-tap events pin":            {"", "x"},
	"hf-tap events unpin":          {"", "x"},
	"hf-tap events rm":             {"", "x", "1", "1 --older=1d --yes", "--older=30 --yes", "--older=-1h --yes", "--older=30m --yes", "--filter=is:faild --yes", "--session=x"},
	"hf-tap events dismiss":        {"", "abc", "1 --failed", "--session=x"},
	"hf-tap events recover":        {"x"},
	"hf-tap webhooks":              {"lst"},
	"hf-tap webhooks ls":           {"x", "--json --quiet", "--ca=/nonexistent"},
	"hf-tap webhooks info":         {"", "xyz", anID + " x", "--json --quiet " + anID},
	"hf-tap webhooks job":          {"", "xyz", anID + " x"},
	"hf-tap webhooks create":       {"", "x", "--watch=me/m --job=/nonexistent", "--url=https://x.example", "--url=x --watch=me/m", "--url=https://x.example --watch=modle:me/m", "--url=https://x.example --watch=me/m --domain=x", "--watch=me/m --url=https://x.example --secret-file="},
	"hf-tap webhooks update":       {"", "xyz", anID, anID + " --watch=x:y", anID + " --domain=discusion", anID + " --url=x", anID + " --clear-secret --use-kept-secret"},
	"hf-tap webhooks enable":       {"", "xyz", anID + " x"},
	"hf-tap webhooks disable":      {"", "xyz", anID + " x"},
	"hf-tap webhooks delete":       {"", "xyz", anID, anID + " " + anID},
	"hf-tap webhooks replay":       {"", "xyz", anID, anID + " ../x"},
	"hf-tap webhooks prune":        {"xyz", "--forget=" + anID + " " + anID},
	"hf-tap secret":                {"x", "--new-secret --secret-file=x"},
	"hf-tap sandbox":               {"x", "--port=99999", "--port=-1", "--user=a/b", "--org=a/b", "--org=me", "--repo=modle:me/m", "--repo=user:me", "--repo=model:you/m --repo=x"},
	"hf-tap mcp":                   {"extra", "--forward nonsense", "--forward a.b.c=3000", "--tunnel nope", "--tunnel=public", "--tunnel=ssh://", "--public-url=nonsense", "--ca=/nonexistent", "--port 70000", "--port -1", "--token -", "--gradio-server x", "--ngrok-domain x --tunnel gradio", "--allow-webhooks=maybe"},
	"hf-tap check":                 {"", "nowhere", "1 2", "7860 --only=secrt", "7860 --skip=nope", "7860 --only=get --skip=get", "7860 --repo=modle:me/m", "7860 --repo=user:me", "7860 --repo=space:s", "7860 --timeout=0s", "7860 --sandbox", "7860 --", "-- ./no-such-app", "https://example.com -- go", "7860 --ca=/nonexistent", "--wait-target=-1s -- go"},
	"hf-tap doctor":                {"x", "--tunnel=bogus", "--tunnel=public", "--tunnel=ssh://", "--tunnel=gradio --gradio-server=nonsense", "--public-url=nonsense", "--port=99999", "--forward=nowhere", "--forward=discusion.*=1", "--all --tunnel=ngrok", "--all", "--ca=/nonexistent"},
	"hf-tap version":               {"x"},
	"hf-tap help":                  {"nope", "events lss", "events ls x", "filter x", "filtr"},
	"hf-tap man":                   {"nope", "events lss", "filter", "--dir=x listen"},
	"hf-tap completion":            {"foo", "bsh"},
	"hf-tap completion bash":       {"x"},
	"hf-tap completion fish":       {"x"},
	"hf-tap completion zsh":        {"x"},
	"hf-tap completion powershell": {"x"},
}

// someArgs are the arguments without which a command says first that they are
// missing.
var someArgs = map[string][]string{
	"hf-tap webhooks info": {anID}, "hf-tap webhooks job": {anID}, "hf-tap webhooks update": {anID}, "hf-tap webhooks enable": {anID}, "hf-tap webhooks disable": {anID},
	"hf-tap webhooks delete": {anID}, "hf-tap webhooks replay": {anID, "1"}, "hf-tap events replay": {"1"}, "hf-tap events show": {"1"},
	"hf-tap events rm": {"1"}, "hf-tap events save": {"1", "x"}, "hf-tap events pin": {"1"}, "hf-tap events unpin": {"1"}, "hf-tap events diff": {"1", "2"}, "hf-tap events import": {"x"},
	"hf-tap trigger": {"repo.update"},
}

// commandsBelow lists a command and all that it has, by their paths.
func commandsBelow(cmd *cobra.Command) map[string]*cobra.Command {
	all := map[string]*cobra.Command{cmd.CommandPath(): cmd}
	for _, sub := range cmd.Commands() {
		for path, c := range commandsBelow(sub) {
			all[path] = c
		}
	}
	return all
}

// Without a token, and with a Hub that counts, so that an error about either one
// would show as well.
func TestWrongUseOfEveryCommandComesBeforeAllElse(t *testing.T) {
	commands := commandsBelow(newRoot(&Process{Getenv: func(string) string { return "" }}))
	for path := range wrongUses {
		if commands[path] == nil {
			t.Errorf("there is no command %q", path)
		}
	}
	for path, cmd := range commands {
		flags := cmd.LocalFlags() // not in parallel: it changes the command's parents
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			uses, listed := wrongUses[path]
			if !listed {
				t.Fatalf("add to wrongUses what can be wrong about %q", path)
			}
			words := strings.Fields(path)[1:]
			for _, token := range []string{"", "junk"} {
				c := newCaller(t, "HF_TOKEN="+token, "HF_HUB_DISABLE_IMPLICIT_TOKEN=1")
				if token != "" {
					delete(c.env, "HF_HUB_DISABLE_IMPLICIT_TOKEN")
				}
				for _, use := range append(uses, "--frobnicate", "-Z") {
					c.wrongUse(t, append(words[:len(words):len(words)], strings.Fields(use)...)...)
				}
				flags.VisitAll(func(f *pflag.Flag) {
					if typ := f.Value.Type(); typ != "string" && typ != "stringArray" && f.Name != "help" && f.Name != "version" {
						c.wrongUse(t, append(words[:len(words):len(words)], "--"+f.Name+"=junk")...)
					}
					if typ := f.Value.Type(); typ == "string" || typ == "stringArray" { // as of a variable that is not set
						c.wrongUse(t, append(words[:len(words):len(words)], append(someArgs[path], "--"+f.Name+"=")...)...)
					}
					if f.NoOptDefVal == "" && f.Name != "help" && f.Name != "version" {
						c.wrongUse(t, append(words[:len(words):len(words)], "--"+f.Name)...)
					}
				})
			}
		})
	}
}

func TestAMisspeltWordIsAnsweredWithTheNearest(t *testing.T) {
	c := newCaller(t)
	for use, hint := range map[string]string{
		"lisen":                                  "did you mean: hf-tap listen",
		"evnets ls":                              "did you mean: hf-tap events",
		"replay 12":                              "did you mean: hf-tap events replay",
		"prune":                                  "did you mean: hf-tap webhooks prune",
		"events lss":                             "did you mean: hf-tap events ls",
		"help lisen":                             "did you mean: hf-tap listen",
		"help events shw":                        "did you mean: hf-tap events show",
		"help filtr":                             "did you mean: hf-tap help filter",
		"man lisen":                              "did you mean: hf-tap listen",
		"completion bsh":                         "did you mean: hf-tap completion bash",
		"listen --forwrad 3000":                  "did you mean --forward? see: hf-tap listen --help",
		"listen -forward=3000":                   "did you mean --forward? see: hf-tap listen --help",
		"listen -plian":                          "did you mean --plain? see: hf-tap listen --help",
		"listen -z":                              "hf-tap listen --help",
		"events ls --fialed":                     "did you mean --failed? see: hf-tap events ls --help",
		"--vesion":                               "did you mean --version? see: hf-tap --help",
		"listen modle:me/m":                      "hf-tap listen model:me/m",
		"listen Dataset:me/d":                    "hf-tap listen dataset:me/d",
		"listen gpt2":                            "hf-tap listen model:gpt2",
		"listen https://huggingface.co/me":       "hf-tap listen user:me",
		"listen user:me/m":                       "hf-tap listen model:me/m",
		"listen model:me/*":                      "hf-tap listen user:me",
		"listen model:me/m,dataset:me/d":         "hf-tap listen model:me/m dataset:me/d",
		"listen --domain repo,discussion":        "hf-tap listen --domain repo --domain discussion",
		"webhooks create --watch me/m,user:me":   "hf-tap webhooks create --watch me/m --watch user:me",
		"listen 7860/hook":                       "hf-tap listen --forward 7860/hook",
		"listen model:me/m localhost:3000":       "hf-tap listen --forward localhost:3000",
		"listen go run .":                        "hf-tap listen -- go run .",
		"listen --domain discusion":              "hf-tap listen --domain discussion",
		"listen --respond rely":                  "hf-tap listen --respond relay",
		"listen --respond ak":                    "hf-tap listen --respond ack",
		"listen --tunnel grado":                  "did you mean --tunnel gradio?",
		"listen --tunnel ngrok,cloudfared":       "did you mean --tunnel ngrok,cloudflared?",
		"doctor --tunnel lopback":                "did you mean --tunnel loopback?",
		"listen --until kind:discusion.*":        "hf-tap listen --until 'kind:discussion.*'",
		"listen --until discusion.create":        "hf-tap listen --until discussion.create",
		"listen --forward discusion.*=3000/x":    "hf-tap listen --forward 'discussion.*=3000/x'",
		"listen --forward repo.contnet.update=1": "hf-tap listen --forward repo.content.update=1",
		"listen --forward repo.*,modle:me/*=1":   "hf-tap listen --forward 'repo.*,model:me/*=1'",
		"events ls verdct:ok":                    "hf-tap events ls verdict:ok",
		"events ls is:faild":                     "hf-tap events ls is:failed",
		"events replay 1 --forward rpeo.*=1":     "hf-tap events replay 12 --forward 'repo.*=1'",
		"webhooks create --url https://x.example --watch modle:me/m": "hf-tap webhooks create --watch model:me/m",
		"sandbox --repo modle:me/m":                                  "hf-tap sandbox --repo model:me/m",
	} {
		stderr := c.wrongUse(t, strings.Fields(use)...)
		if !strings.HasSuffix(stderr, "\nhint: "+hint+"\n") {
			t.Errorf("%s: want the hint %q in\n%s", use, hint, stderr)
		}
	}
	// Half of a password may stand before the "=".
	if stderr := c.wrongUse(t, "listen", "--forward", "discusion.*=http://me:hunter2@127.0.0.1:3000"); strings.Contains(stderr, "hunter2") {
		t.Error(stderr)
	}
}

func TestTheVersionIsPrintedByAllNames(t *testing.T) {
	c := newCaller(t)
	for _, args := range []string{"version", "--version", "-v"} {
		if code, out, stderr := c.run(t, args); code != 0 || out != "hf-tap devel\n" || stderr != "" {
			t.Errorf("%s: %d %q %q", args, code, out, stderr)
		}
	}
}

func TestWhatIsGivenTwiceOrHasNoEffectIsSaid(t *testing.T) {
	c := newCaller(t)
	for use, want := range map[string]string{
		"listen model:me/m me/m":                         "model:me/m is given twice: once is enough",
		"listen --forward 7860 --forward 127.0.0.1:7860": "--forward http://127.0.0.1:7860 is given twice: once is enough",
		"listen --domain repo --domain repos":            "--domain repo is given twice: once is enough",
		"listen --mute " + anID + " --mute " + anID:      "--mute " + anID + " is given twice: once is enough",
		"listen --fail-on-error":                         "--fail-on-error has no effect without a target",
		"listen --retry 3 --respond relay":               "--respond, --retry have no effect without a target",
		"listen --no-webhook --token x --tunnel public --public-url http://127.0.0.1:9 --ready-file /nonexistent/x": "--token has no effect with --no-webhook",
		"webhooks create --url https://x.example --watch me/m --watch https://hf.co/me/m":                           "--watch model:me/m is given twice: once is enough",
		"sandbox --repo me/m --repo model:me/m --user a/b":                                                          "--repo model:me/m is given twice: once is enough",
		"sandbox --org us --org us --user a/b":                                                                      "--org us is given twice: once is enough",
		"webhooks prune --forget " + anID + " --token x":                                                            "--token has no effect with --forget",
	} {
		if _, _, stderr := c.run(t, strings.Fields(use)...); !strings.Contains("\n"+stderr, "\n"+want+"\n") {
			t.Errorf("%s: want %q in\n%s", use, want, stderr)
		}
	}
	// The address of a stand-in's page is understood as the Hub's own.
	if _, _, stderr := c.run(t, "listen", "dataset:me/d", c.env["HF_ENDPOINT"]+"/datasets/me/d/tree/main"); !strings.HasPrefix(stderr, "dataset:me/d is given twice") {
		t.Errorf("%s", stderr)
	}
	for _, use := range []string{"listen --forward 7860 --forward 7860/x --forward repo.*=7860 --fail-on-error", "listen --respond ack -- true"} {
		if _, _, stderr := c.run(t, strings.Fields(use)...); strings.Contains(stderr, "twice") || strings.Contains(stderr, "no effect") {
			t.Errorf("%s: %s", use, stderr)
		}
	}
}

func TestWhatTheEnvironmentHasWrongIsToldWithWhatIsRight(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the folders are Linux's")
	}
	dangling := filepath.Join(t.TempDir(), "dangling")
	if err := os.Symlink(filepath.Join(t.TempDir(), "gone"), dangling); err != nil {
		t.Fatal(err)
	}
	const quotes = `leave the quotes out: HF_TOKEN=hf_.*`
	state := `set HF_TAP_STATE to a folder that may be written to`
	for _, c := range []struct {
		env, use   string
		code       int
		what, hint string
	}{
		{`HF_TOKEN="hf_abc"`, "webhooks ls", exitFailed, `the token from HF_TOKEN is not valid: it is in quotes`, quotes},
		{`HF_TOKEN='hf_abc'`, "listen", exitFailed, `.*in quotes`, quotes},
		{"HF_ENDPOINT=https://huggingface.co/api", "webhooks ls", exitUsage, `HF_ENDPOINT: endpoint "https://huggingface.co/api" has the path of the API.*`, `unset HF_ENDPOINT, or set it to https://huggingface.co`},
		{"HF_ENDPOINT=https://hub.example/hf/api/", "listen", exitUsage, `.*path of the API.*`, `.*or set it to https://hub.example/hf`},
		{`HF_ENDPOINT="https://hub.example"`, "doctor", exitUsage, `.*in quotes.*`, `.*or set it to https://hub.example`},
		{"HF_ENDPOINT=hub.example:8443", "webhooks ls", exitUsage, `.*is not an endpoint.*`, `.*or set it to https://hub.example:8443`},
		{"HF_ENDPOINT=https://me:hunter2@hub.example", "webhooks ls", exitUsage, `.*no user or password.*`, `.*or set it to https://huggingface.co`},
		{"HF_TAP_STATE=/proc/x", "secret", exitFailed, `the state folder cannot be used: mkdir /proc/x.*`, state},
		{"HF_TAP_STATE=/proc/x", "events replay 1", exitFailed, `the state folder cannot be used: mkdir /proc/x.*`, state},
		{"HF_TAP_STATE=" + dangling, "secret", exitFailed, `.* is a broken symbolic link to .*gone"`, state},
		{"HF_TAP_STATE=" + dangling, "events ls", exitFailed, `.* is a broken symbolic link to .*gone"`, state},
		{"HF_TAP_STATE=" + dangling, "webhooks ls", exitFailed, `.* is a broken symbolic link to .*gone"`, state},
	} {
		cl := newCaller(t, "HF_TOKEN=hf_abc", c.env)
		code, out, stderr := cl.run(t, strings.Fields(c.use)...)
		want := regexp.MustCompile(`^error: ` + c.what + `\nhint: ` + c.hint + `\n$`)
		if code != c.code || out != "" || !want.MatchString(stderr) || strings.Contains(stderr, "hunter2") {
			t.Errorf("%s hf-tap %s: %d %q\n%s", c.env, c.use, code, out, stderr)
		}
		if n := cl.calls.Load(); n > 0 {
			t.Errorf("%s hf-tap %s called the Hub", c.env, c.use)
		}
	}
	t.Setenv("TMPDIR", "/nonexistent")
	if code, _, stderr := newCaller(t).run(t, "demo"); code != exitFailed || !strings.HasSuffix(stderr, "hint: set TMPDIR to a folder that exists and may be written to\n") {
		t.Errorf("demo: %d %s", code, stderr)
	}
}
