package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/hf-tap/hf-tap/examples/hubapi" // the programs are built from it: see build
	"github.com/hf-tap/hf-tap/internal/sandbox"
	_ "github.com/hf-tap/hf-tap/webhooks"
)

const secret = "correct horse"

// bin is the folder with the built programs; see build.
var bin string

func TestMain(m *testing.M) {
	var err error
	if bin, err = os.MkdirTemp("", "hf-tap-examples"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(bin)
	os.Exit(code)
}

// build builds the programs. It reads their sources, because the files that a
// test reads are part of the key under which go test keeps its result: without
// that, a changed program would not be tested again.
var build = sync.OnceValue(func() error {
	sources, err := filepath.Glob("*/*.go")
	if err != nil {
		return err
	}
	for _, file := range sources {
		if _, err := os.ReadFile(file); err != nil {
			return err
		}
	}
	if out, err := exec.Command("go", "build", "-o", bin, "./retrain", "./discussionbot", "./metadatareview").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
})

// world is a Hub with the users me and bot, one example, and a webhook of bot.
type world struct {
	t        *testing.T
	hub      *sandbox.Hub
	base     string
	me, bot  string // tokens
	url      string // of the example's endpoint
	example  *exec.Cmd
	out, log output
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the programs are ended by an interrupt")
	}
	if err := build(); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, hub: sandbox.New(sandbox.Config{Retries: []time.Duration{}})}
	t.Cleanup(w.hub.Close)
	token := func(user string) string {
		w.must(w.hub.AddUser(user))
		token, err := w.hub.AddToken(user, sandbox.Token{})
		w.must(err)
		return token
	}
	w.me, w.bot = token("me"), token("bot")
	var err error
	w.base, err = w.hub.Start("127.0.0.1:0")
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// env is the environment of an example: nothing of the user's.
func (w *world) env(more ...string) []string {
	home := w.t.TempDir()
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home,
		"HF_ENDPOINT=" + w.base, "HF_TOKEN=" + w.bot, "WEBHOOK_SECRET=" + secret, "PORT=0"}, more...)
}

// start starts an example and waits until it serves. Then it makes the
// example's webhook.
func (w *world) start(watched, domain string, name string, args ...string) {
	w.t.Helper()
	w.run(w.env(), name, args...)
	w.webhook(watched, domain)
}

var (
	anEndpoint = regexp.MustCompile(`(?m)^  - POST (\S+)$`)
	localPort  = regexp.MustCompile(`http://(?:127\.0\.0\.1|localhost):(\d+)`)
)

// run starts an example with an environment and waits until it serves.
func (w *world) run(env []string, name string, args ...string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute) // a hung one fails the test, with its log
	w.t.Cleanup(cancel)
	w.example = exec.CommandContext(ctx, filepath.Join(bin, name), args...)
	w.example.Env, w.example.Stdout, w.example.Stderr = env, &w.out, &w.log
	w.must(w.example.Start())
	w.t.Cleanup(func() { _ = w.example.Process.Kill() })
	w.out.wait(w.t, &w.log, "Configure webhooks at")
	path := anEndpoint.FindStringSubmatch(w.out.text())[1]
	path = path[strings.Index(path, "/webhooks/"):]
	w.url = "http://127.0.0.1:" + localPort.FindStringSubmatch(w.out.text())[1] + path
}

// webhook makes a webhook of bot that leads to the example.
func (w *world) webhook(watched, domain string) {
	w.t.Helper()
	typ, name, _ := strings.Cut(watched, ":")
	w.call(w.bot, "POST", "/api/settings/webhooks", map[string]any{
		"url": w.url, "secret": secret, "domains": []string{domain}, "watched": []any{map[string]string{"type": typ, "name": name}},
	})
}

// call makes a call of the Hub's API with net/http, and returns the answer.
func (w *world) call(token, method, path string, body any) map[string]any {
	w.t.Helper()
	b, err := json.Marshal(body)
	w.must(err)
	return w.send(token, method, path, "application/json", string(b))
}

func (w *world) send(token, method, path, contentType, body string) (answer map[string]any) {
	w.t.Helper()
	status, text := w.request(method, w.base+path, body, "Authorization", "Bearer "+token, "Content-Type", contentType)
	if status != http.StatusOK {
		w.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if strings.HasPrefix(text, "{") { // some calls are answered "OK"
		w.must(json.Unmarshal([]byte(text), &answer))
	}
	return answer
}

func (w *world) request(method, url, body string, headers ...string) (status int, answer string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, url, strings.NewReader(body))
	w.must(err)
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	w.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	w.must(err)
	return resp.StatusCode, string(b)
}

// repo creates a repo of me.
func (w *world) repo(typ, name string) {
	w.t.Helper()
	w.call(w.me, "POST", "/api/repos/create", map[string]string{"type": typ, "name": name})
}

// commit commits one file of me with net/http and returns the sha.
func (w *world) commit(api, revision, path, text string) string {
	w.t.Helper()
	file, err := json.Marshal(map[string]any{"key": "file", "value": map[string]string{"path": path, "content": text}})
	w.must(err)
	body := `{"key":"header","value":{"summary":"Write ` + path + `"}}` + "\n" + string(file)
	return w.send(w.me, "POST", api+"/commit/"+revision, "application/x-ndjson", body)["commitOid"].(string)
}

// file returns a file of a repo.
func (w *world) file(path string) string {
	w.t.Helper()
	status, text := w.request("GET", w.base+path, "", "Authorization", "Bearer "+w.me)
	if status != http.StatusOK {
		w.t.Fatalf("GET %s: %d %s", path, status, text)
	}
	return text
}

// settle waits until all deliveries are answered, and checks that each was
// answered 200.
func (w *world) settle() []sandbox.Delivery {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	w.must(w.hub.Idle(ctx))
	all := w.hub.Deliveries()
	for _, d := range all {
		if d.State != sandbox.DeliveryDelivered {
			w.t.Errorf("the %s of %s is %s after %+v", d.Kind, d.Repo.Name, d.State, d.Attempts)
		}
	}
	return all
}

// replay makes the Hub send a delivery once more.
func (w *world) replay(d sandbox.Delivery) {
	w.t.Helper()
	answer := w.call(w.bot, "POST", "/api/settings/webhooks/"+d.WebhookID+"/replay/"+d.LogID, nil)
	if answer["status"] != 200.0 {
		w.t.Errorf("the replay is answered %v", answer)
	}
}

// logged waits for a line of the example's log.
func (w *world) logged(parts ...string) {
	w.t.Helper()
	w.log.wait(w.t, &w.log, parts...)
}

// stop ends the example as Ctrl+C does, which waits for its queue, and checks
// the lines of its log: each has to have one of these parts, in this order.
func (w *world) stop(want ...string) {
	w.t.Helper()
	w.settle()
	w.must(w.example.Process.Signal(os.Interrupt))
	if err := w.example.Wait(); err != nil {
		w.t.Errorf("it ends with %v\n%s", err, w.log.text())
	}
	lines := strings.Split(strings.TrimSuffix(w.log.text(), "\n"), "\n")
	for i := range max(len(lines), len(want)) {
		if i >= len(lines) || i >= len(want) || !strings.Contains(lines[i], want[i]) {
			w.t.Fatalf("it logged\n%s\nwant lines with\n%s", w.log.text(), strings.Join(want, "\n"))
		}
	}
}

// client makes a commit of me and returns its sha: on a branch, or with
// "pull-request" on a new pull request.
type client func(w *world, typ, name, to, path, text string) string

// withEachClient runs a test whose pushes and pull requests come from the Hub's
// JavaScript client, and once more with those of net/http. In CI on Linux the
// former has to be there.
func withEachClient(t *testing.T, test func(t *testing.T, push client)) {
	t.Run("net-http", func(t *testing.T) {
		test(t, func(w *world, typ, name, to, path, text string) string {
			w.t.Helper()
			if to == "pull-request" {
				to = "main?create_pr=1"
			}
			return w.commit("/api/"+typ+"s/"+name, to, path, text)
		})
	})
	t.Run("huggingface-hub-js", func(t *testing.T) {
		_, err := exec.LookPath("node")
		if err == nil && os.Getenv("HF_TAP_HUB_JS") == "" {
			err = errors.New("HF_TAP_HUB_JS is not set")
		}
		const hint = `needs node and the Hub's JavaScript client: HF_TAP_HUB_JS="$(.ci/hub-js)" go test ./examples`
		switch {
		case err != nil && os.Getenv("CI") != "" && runtime.GOOS == "linux":
			t.Fatalf("%s (%v)", hint, err)
		case err != nil:
			t.Skipf("%s (%v)", hint, err)
		}
		test(t, func(w *world, typ, name, to, path, text string) string {
			w.t.Helper()
			cmd := exec.CommandContext(w.t.Context(), "node", "testdata/push.mjs", typ, name, to, path, text)
			cmd.Env = append(os.Environ(), "HF_ENDPOINT="+w.base, "HF_TOKEN="+w.me)
			var failed bytes.Buffer
			cmd.Stderr = &failed
			sha, err := cmd.Output()
			if err != nil {
				w.t.Fatalf("%v\n%s", err, failed.Bytes())
			}
			return strings.TrimSpace(string(sha))
		})
	})
}

// output is what a process prints, and can be waited for.
type output struct {
	mu    sync.Mutex
	all   bytes.Buffer
	moved chan struct{} // closed when there is more; nil if nobody waits
}

// Write appends what a process prints.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.moved != nil {
		close(o.moved)
		o.moved = nil
	}
	return o.all.Write(b)
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// wait waits for a line that has all parts. After a minute it fails and shows a
// log.
func (o *output) wait(t *testing.T, log *output, parts ...string) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		o.mu.Lock()
		for line := range strings.Lines(o.all.String()) {
			if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
				o.mu.Unlock()
				return
			}
		}
		if o.moved == nil {
			o.moved = make(chan struct{})
		}
		moved := o.moved
		o.mu.Unlock()
		select {
		case <-moved:
		case <-limit:
			t.Fatalf("no line has %q\nit printed:\n%s\nits log:\n%s", parts, o.text(), log.text())
		}
	}
}
