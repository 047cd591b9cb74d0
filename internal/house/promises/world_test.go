package promises

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// world is a stand-in Hub, and a machine whose user has a token for it.
type world struct {
	*hub
	t     testing.TB
	home  string
	state string // HF_TAP_STATE
	extra []string
}

// webhookSecret is the secret of every world's webhooks.
const webhookSecret = "promised-s3cret-4f1d"

func newWorld(t testing.TB) *world {
	t.Helper()
	home := t.TempDir()
	return &world{hub: newHub(t), t: t, home: home, state: filepath.Join(home, "state")}
}

// machine is the environment of a machine that has nothing but a home folder.
func machine(home string) []string {
	return []string{
		"HOME=" + home, "USERPROFILE=" + home, "LocalAppData=" + home, "XDG_CONFIG_HOME=" + home, "XDG_STATE_HOME=" + home, "XDG_CACHE_HOME=" + home,
		"HF_TAP_STATE=" + filepath.Join(home, "state"),
		"PATH=" + os.Getenv("PATH"), "SYSTEMROOT=" + os.Getenv("SYSTEMROOT"), "TMP=" + os.Getenv("TMP"), "TMPDIR=" + os.Getenv("TMPDIR"),
	}
}

// command is the program with the world's environment, and no standard input.
func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Env = append(machine(w.home), "HF_ENDPOINT="+w.endpoint, "HF_TOKEN="+w.bearer(), "WEBHOOK_SECRET="+webhookSecret)
	cmd.Env = append(cmd.Env, w.extra...)
	cmd.Dir = w.home
	return cmd
}

func (w *world) start(args ...string) *process {
	w.t.Helper()
	return w.launch(w.command(args...))
}

func (w *world) launch(cmd *exec.Cmd) *process {
	w.t.Helper()
	p, err := launch(w.t, cmd)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// listen starts a session that watches one repo.
func (w *world) listen(args ...string) *process {
	w.t.Helper()
	return w.start(append([]string{"listen", "model:me/m"}, args...)...)
}

// run runs the program to its end and checks its exit code.
func (w *world) run(code int, args ...string) *process {
	w.t.Helper()
	p := w.start(args...)
	p.ends(w.t, code)
	return p
}

// interrupt ends a session as Ctrl+C does, which is done and cleaned up: 0.
func (w *world) interrupt(p *process) {
	w.t.Helper()
	p.signal(w.t, os.Interrupt)
	p.ends(w.t, 0)
}

// interruptOrKill ends a session, as Ctrl+C does where there is one.
func (w *world) interruptOrKill(p *process) {
	w.t.Helper()
	if runtime.GOOS == "windows" {
		p.kill()
		return
	}
	w.interrupt(p)
}

// sweeps starts a session after others were killed, and checks that of all
// webhooks only those of others and its own are there when it is ready, and only
// those of others when it has ended.
func (w *world) sweeps(others ...string) {
	w.t.Helper()
	p := w.listen()
	p.ready(w.t)
	if ids := w.webhooks(); len(ids) != 1+len(others) || !containsAll(ids, others) {
		w.t.Errorf("after the next start the account has %v, which should be %v and its own\n%s", ids, others, p.said())
	}
	w.interrupt(p)
	if ids := w.webhooks(); len(ids) != len(others) || !containsAll(ids, others) {
		w.t.Errorf("after the next session the account has %v, want %v", ids, others)
	}
}

func containsAll(list, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(s string) bool { return !slices.Contains(list, s) })
}

// sender sends deliveries as the Hub does, over connections of its own.
type sender struct{ *http.Client }

func newSender(t testing.TB) sender {
	s := sender{&http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 32}}}
	t.Cleanup(s.CloseIdleConnections)
	return s
}

// post sends a delivery with the right secret and returns the status of its
// answer.
func (s sender) post(url, id string, body []byte) (status int, err error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("X-Webhook-Secret", webhookSecret)
	resp, err := s.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // the status is what counts
	return resp.StatusCode, nil
}

// mustPost sends a delivery that has to be answered 200.
func (s sender) mustPost(t testing.TB, url, id string, body []byte) {
	t.Helper()
	if status, err := s.post(url, id, body); err != nil || status != http.StatusOK {
		t.Fatalf("delivery %s: answered %d, %v", id, status, err)
	}
}

// target is an app under development that keeps what it gets.
type target struct {
	addr string // host:port
	mu   sync.Mutex
	got  []request
	more chan struct{} // closed and replaced at each request

	status func(r request) int // nil: 200
	check  func(r request)     // looks at each body, which is not kept then; nil: none
}

// request is what a target got.
type request struct {
	id     string // Webhook-Id
	header http.Header
	path   string // with its query
	body   []byte
	length int64
	gone   <-chan struct{} // closed when the sender has gone away
}

// newTarget starts a target. Its behaviour is set before the first request.
func newTarget(t testing.TB, set ...func(*target)) *target {
	t.Helper()
	a := &target{more: make(chan struct{})}
	for _, f := range set {
		f(a)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.serve(t, ln)
	return a
}

func (a *target) serve(t testing.TB, ln net.Listener) {
	a.addr = ln.Addr().String()
	server := &http.Server{Handler: a}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(ln) // until Close
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
}

func (a *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // its sender was killed
	}
	got := request{id: r.Header.Get("Webhook-Id"), header: r.Header, path: r.URL.RequestURI(), body: body, length: r.ContentLength, gone: r.Context().Done()}
	if a.check != nil {
		a.check(got)
		got.body = nil
	}
	a.mu.Lock()
	a.got = append(a.got, got)
	close(a.more)
	a.more = make(chan struct{})
	a.mu.Unlock()
	if a.status != nil {
		w.WriteHeader(a.status(got))
	}
}

// answering makes a target answer with a status.
func answering(status int) func(*target) {
	return func(a *target) { a.status = func(request) int { return status } }
}

// hanging makes a target answer nothing until its sender has gone away.
func hanging(a *target) {
	a.status = func(r request) int { <-r.gone; return http.StatusOK }
}

// checking makes a target check the bodies that payload makes.
func checking(t testing.TB) func(*target) {
	return func(a *target) {
		a.check = func(r request) {
			if wrong := checkPayload(r); wrong != "" {
				t.Error(wrong)
			}
		}
	}
}

// requests waits until the target has had n requests, which a process makes, and
// returns them all.
func (a *target) requests(t testing.TB, n int, p *process) []request {
	t.Helper()
	if !a.atLeast(n, p.exited) {
		t.Errorf("the program ended, and the target has had %d requests, not %d\n%s", len(a.all()), n, p.said())
	}
	return a.all()
}

// all returns the requests so far.
func (a *target) all() []request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}

// atLeast waits until the target has had n requests, or until stop is closed,
// and reports whether it has.
func (a *target) atLeast(n int, stop <-chan struct{}) bool {
	for {
		a.mu.Lock()
		enough, more := len(a.got) >= n, a.more
		a.mu.Unlock()
		if enough {
			return true
		}
		select {
		case <-more:
		case <-stop:
			return false
		}
	}
}

// ids returns the Webhook-Ids of the requests so far.
func (a *target) ids() map[string]bool {
	ids := map[string]bool{}
	for _, r := range a.all() {
		ids[r.id] = true
	}
	return ids
}

// downAddress is a host:port on loopback that refuses connections until the
// test listens there. The port is below those that systems give to programs that
// ask for any, so that nobody else gets it meanwhile.
func downAddress(t testing.TB) string {
	t.Helper()
	var err error
	for range 100 {
		var ln net.Listener
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if ln, err = net.Listen("tcp4", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatalf("no port is free: %v", err)
	return ""
}
