package house

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
)

// TestTheProgramIsWhatItsDocumentsSay builds the program as its users do and
// compares it with README.md, docs/ and its own help.
func TestTheProgramIsWhatItsDocumentsSay(t *testing.T) {
	p := buildProgram(t)
	commands := p.commands("hf-tap")
	if len(commands) < 10 {
		t.Fatalf("only %d commands found in the help: its layout is another one", len(commands))
	}
	t.Run("every command has an example", func(t *testing.T) { testExamplesExist(t, commands) })
	t.Run("every command is in the list of commands", func(t *testing.T) { testCommandsInList(t, commands) })
	t.Run("every flag is in docs", func(t *testing.T) { testFlagsInDocs(t, commands) })
	t.Run("the output of the demo is real", func(t *testing.T) { testPicture(t, p) })
	t.Run("the schema is that of the docs", func(t *testing.T) { testSchema(t, p) })
	t.Run("examples", func(t *testing.T) { testExamplesRun(t, p, commands) })
	t.Run("handlers", func(t *testing.T) { testHandlers(t, p) })
	t.Run("guide", func(t *testing.T) { testGuide(t, p) })
}

// program is the built program, in an environment of its own.
type program struct {
	t   *testing.T
	bin string // the folder that it is in
	env []string
	dir string // where it runs
	all bool   // it runs until the test ends
}

func buildProgram(t *testing.T) *program {
	t.Helper()
	p := &program{t: t, bin: t.TempDir(), dir: t.TempDir()}
	file := filepath.Join(p.bin, "hf-tap")
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	home := t.TempDir()
	p.env = []string{
		"PATH=" + p.bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + home, "USERPROFILE=" + home, "LocalAppData=" + home,
		"XDG_STATE_HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_CACHE_HOME=" + home,
		"HF_TAP_STATE=" + filepath.Join(home, "state"), "SystemRoot=" + os.Getenv("SystemRoot"), "TMP=" + os.Getenv("TMP"), "TMPDIR=" + os.Getenv("TMPDIR"),
	}
	return p
}

// with is the program with another environment on top of its own.
func (p *program) with(t *testing.T, env ...string) *program {
	return &program{t: t, bin: p.bin, dir: t.TempDir(), env: append(slices.Clone(p.env), env...)}
}

// running is a process whose outputs can be waited for.
type running struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err feed
	ended    chan struct{}
}

// start starts a command. One that hangs is killed after a minute, so that the
// test shows what was missing.
func (p *program) start(name string, args ...string) *running {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	if p.all {
		cancel()
		ctx, cancel = context.WithCancel(p.t.Context())
	}
	r := &running{t: p.t, cmd: exec.CommandContext(ctx, name, args...), ended: make(chan struct{})}
	r.cmd.Env, r.cmd.Dir = p.env, p.dir
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.err
	r.cmd.WaitDelay = time.Second // children that hold the outputs
	if err := r.cmd.Start(); err != nil {
		cancel()
		p.t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		defer cancel()
		_ = r.cmd.Wait()
		r.out.end()
		r.err.end()
	}()
	p.t.Cleanup(func() {
		cancel()
		<-r.ended
	})
	return r
}

// hfTap starts the program itself.
func (p *program) hfTap(args ...string) *running {
	p.t.Helper()
	file, err := filepath.Abs(filepath.Join(p.bin, "hf-tap"))
	if err != nil {
		p.t.Fatal(err)
	}
	return p.start(file, args...)
}

// output runs the program to its end and gives its standard output.
func (p *program) output(args ...string) string {
	p.t.Helper()
	r := p.hfTap(args...)
	r.mustEnd(0)
	return r.out.text()
}

// mustEnd waits for the end and checks the exit code.
func (r *running) mustEnd(code int) {
	r.t.Helper()
	<-r.ended
	if got := r.cmd.ProcessState.ExitCode(); got != code {
		r.t.Fatalf("%q ended with %d, want %d\nstdout:\n%s\nstderr:\n%s", r.cmd.Args, got, code, r.out.text(), r.err.text())
	}
}

// signal sends a signal to the process.
func (r *running) signal(s os.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatalf("%q: %v\nstderr:\n%s", r.cmd.Args, err, r.err.text())
	}
}

// wait waits for a line of an output that fits and gives it.
func (r *running) wait(f *feed, fits func(string) bool) string {
	r.t.Helper()
	line, ok := f.wait(fits)
	if !ok {
		<-r.ended
		r.t.Fatalf("%q ended with %d before it printed what is waited for\nstdout:\n%s\nstderr:\n%s", r.cmd.Args, r.cmd.ProcessState.ExitCode(), r.out.text(), r.err.text())
	}
	return line
}

func has(part string) func(string) bool {
	return func(line string) bool { return strings.Contains(line, part) }
}

// ready waits until a session listens and gives its address.
func (r *running) ready() string {
	r.t.Helper()
	return strings.TrimPrefix(r.wait(&r.err, has("ready: ")), "ready: ")
}

// feed collects an output by lines. The zero value is empty.
type feed struct {
	mu    sync.Mutex
	all   bytes.Buffer
	over  bool
	moved chan struct{} // closed and forgotten when there is more
}

// Write takes what a process prints.
func (f *feed) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.move()
	return f.all.Write(b)
}

func (f *feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	f.move()
}

func (f *feed) move() {
	if f.moved != nil {
		close(f.moved)
		f.moved = nil
	}
}

func (f *feed) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all.String()
}

// wait returns the first whole line that fits, or false when the output ends
// without one.
func (f *feed) wait(fits func(string) bool) (string, bool) {
	for {
		f.mu.Lock()
		for line := range strings.Lines(f.all.String()) {
			if whole, ok := strings.CutSuffix(line, "\n"); ok && fits(whole) {
				f.mu.Unlock()
				return whole, true
			}
		}
		if f.over {
			f.mu.Unlock()
			return "", false
		}
		if f.moved == nil {
			f.moved = make(chan struct{})
		}
		moved := f.moved
		f.mu.Unlock()
		<-moved
	}
}

// world is a sandbox that the program itself runs, the program as one of its
// users, and an app.
type world struct {
	*program
	endpoint, token string
	app             string // its port
}

// newWorld starts a sandbox and an app that answers 200, and 500 under /fail.
func newWorld(t *testing.T, p *program) *world {
	t.Helper()
	hub := p.with(t)
	hub.all = true
	sandbox := hub.hfTap("sandbox", "--repo", "model:me/m", "--repo", "model:me/my-model", "--repo", "dataset:me/d", "--repo", "space:me/s")
	endpoint := sandbox.wait(&sandbox.out, has("export HF_ENDPOINT="))
	token := sandbox.wait(&sandbox.out, has("export HF_TOKEN="))
	w := &world{endpoint: strings.TrimPrefix(endpoint, "export HF_ENDPOINT="), token: strings.TrimPrefix(token, "export HF_TOKEN=")}
	w.program = p.with(t, strings.TrimPrefix(endpoint, "export "), strings.TrimPrefix(token, "export "), "HF_TAP_STATE="+t.TempDir())
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/fail") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(app.Close)
	_, w.app, _ = net.SplitHostPort(app.Listener.Addr().String())
	return w
}

// happen makes something happen at the sandbox, count times.
func (w *world) happen(kind, repo string, count int) {
	w.t.Helper()
	body := fmt.Sprintf(`{"kind":%q,"repo":%q,"count":%d}`, kind, repo, count)
	status, answer := w.post(w.endpoint+"/sandbox/events", body, "Authorization", "Bearer "+w.token)
	if status != http.StatusOK || !strings.Contains(answer, `"webhooks":1`) {
		w.t.Fatalf("making %s happen: %d %s", body, status, answer)
	}
}

// post sends a body with one header and gives the answer.
func (w *world) post(url, body, header, value string) (status int, answer string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set(header, value)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// nothingLeft checks the promise that all of this is about.
func (w *world) nothingLeft() {
	w.t.Helper()
	var left []json.RawMessage
	if err := json.Unmarshal([]byte(w.output("webhooks", "ls", "--json")), &left); err != nil {
		w.t.Fatal(err)
	}
	if len(left) > 0 {
		w.t.Errorf("webhooks are left on the account: %s", left)
	}
}

var (
	aTime     = regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`)
	aPort     = regexp.MustCompile(`(127\.0\.0\.1| ):\d+\b`)
	aDuration = regexp.MustCompile(`\b[\d.]+(µs|ms|s)\b`)
)

// shape is a line of the demo without what differs from run to run.
func shape(line string) string {
	line = aTime.ReplaceAllString(strings.TrimRight(line, " "), "TIME")
	line = aPort.ReplaceAllString(line, "${1}:PORT")
	return aDuration.ReplaceAllString(line, "DURATION")
}

func testPicture(t *testing.T, p *program) {
	r := p.with(t).hfTap("demo")
	r.mustEnd(0)
	var real, pictured []string
	for line := range strings.Lines(r.err.text() + r.out.text()) {
		real = append(real, shape(strings.TrimSuffix(line, "\n")))
	}
	for _, b := range codeBlocks(t, "docs/start.md") {
		if len(b.lines) > 0 && b.lines[0].text == "$ go run . demo" {
			for _, l := range b.lines[1:] {
				pictured = append(pictured, shape(l.text))
			}
		}
	}
	// A target's states and the event that waits for it come in either order.
	slices.Sort(real)
	slices.Sort(pictured)
	if !slices.Equal(real, pictured) {
		t.Errorf("the picture is not what the demo prints: put the output of \"go run . demo\" into docs/start.md\nreal:\n%s\npictured:\n%s", strings.Join(real, "\n"), strings.Join(pictured, "\n"))
	}
}
