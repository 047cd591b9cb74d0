package promises

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path"
	"strings"
	"sync"
	"testing"
)

// hub is the stand-in Hub: a process "hf-tap sandbox", and in front of it a
// proxy that can hold calls and knows when the calls of dead programs are over.
type hub struct {
	t        testing.TB
	endpoint string // of the proxy, as HF_ENDPOINT
	direct   *http.Client

	mu      sync.Mutex
	sandbox *process
	origin  *url.URL // of the sandbox
	token   string
	holds   []*hold
	created int // webhooks that programs have made
	deleted int // webhooks that programs have deleted
	conns   map[net.Conn]bool
	changed chan struct{} // closed and replaced when what is above changes
}

// hold is a call that the proxy stops on its way.
type hold struct {
	method, path string // the path as for path.Match
	answer       bool   // the Hub carries the call out; its answer is held

	reached  chan struct{} // closed when the call is there
	over     chan struct{} // closed when the Hub has carried it out
	released chan struct{} // closed when it may go on
	once     sync.Once
}

func (h *hold) release() { h.once.Do(func() { close(h.released) }) }

func newHub(t testing.TB) *hub {
	t.Helper()
	h := &hub{t: t, direct: &http.Client{Transport: &http.Transport{}}, conns: map[net.Conn]bool{}, changed: make(chan struct{})}
	t.Cleanup(h.direct.CloseIdleConnections)
	h.renew()
	transport := &http.Transport{DisableCompression: true}
	proxy := &httputil.ReverseProxy{
		Transport:      transport,
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(h.at()) },
		ModifyResponse: h.answered,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	server := &http.Server{Handler: h.reading(proxy), ErrorLog: log.New(io.Discard, "", 0), ConnState: h.connState}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.endpoint = "http://" + ln.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(ln) // until Close
	}()
	t.Cleanup(func() {
		h.releaseAll()
		server.Close()
		<-done
		transport.CloseIdleConnections()
	})
	return h
}

// renew replaces the sandbox by a new one, without webhooks and with the whole
// number of calls that an account has.
func (h *hub) renew() {
	h.t.Helper()
	cmd := exec.Command(program, "sandbox")
	cmd.Env, cmd.Dir = machine(h.t.TempDir()), h.t.TempDir()
	p, err := launch(h.t, cmd)
	if err != nil {
		h.t.Fatal(err)
	}
	value := func(name string) string { return strings.TrimPrefix(p.wait(h.t, p.stdout, name), "export "+name) }
	origin, err := url.Parse(value("HF_ENDPOINT="))
	if err != nil {
		h.t.Fatal(err)
	}
	token := value("HF_TOKEN=")
	h.mu.Lock()
	old := h.sandbox
	h.sandbox, h.origin, h.token = p, origin, token
	h.mu.Unlock()
	if old != nil {
		old.kill()
	}
}

func (h *hub) at() *url.URL {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.origin
}

func (h *hub) bearer() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.token
}

// reading reads a call whole before it goes on: it is carried out even when its
// client is killed meanwhile, as by the real Hub.
func (h *hub) reading(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == knock {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the client died before it had sent all
		}
		// The proxy would end the call with its client; of a context without an
		// end it would take the connection's.
		ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
		defer cancel()
		r = r.WithContext(ctx)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if held := h.stop(r.Method, r.URL.Path, false); held != nil {
			defer close(held.over) // also when the proxy panics because the client is gone
		}
		next.ServeHTTP(w, r)
	})
}

// answered runs when the sandbox has carried a call out.
func (h *hub) answered(resp *http.Response) error {
	method, path := resp.Request.Method, resp.Request.URL.Path
	h.mu.Lock()
	switch {
	case method == http.MethodPost && path == hooks:
		h.created++
	case method == http.MethodDelete:
		h.deleted++
	}
	h.changeLocked()
	h.mu.Unlock()
	if held := h.stop(method, path, true); held != nil {
		close(held.over)
	}
	return nil
}

// stop stops a call for as long as a hold says that fits it, and returns the
// hold.
func (h *hub) stop(method, at string, answer bool) (held *hold) {
	h.mu.Lock()
	for _, c := range h.holds {
		fits, _ := path.Match(c.path, at)
		select {
		case <-c.reached:
			continue // it has its call
		default:
		}
		if fits && c.method == method && c.answer == answer {
			held = c
			close(c.reached)
			break
		}
	}
	h.mu.Unlock()
	if held != nil {
		<-held.released
	}
	return held
}

// hold stops the next call that fits: before the sandbox gets it, or its
// answer.
func (h *hub) hold(method, path string, answer bool) *hold {
	c := &hold{method: method, path: path, answer: answer, reached: make(chan struct{}), over: make(chan struct{}), released: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holds = append(h.holds, c)
	return c
}

// wait waits until the call is there, which a program makes.
func (c *hold) wait(t testing.TB, p *process) {
	t.Helper()
	select {
	case <-c.reached:
	case <-p.exited:
		t.Fatalf("it ended with %d before it called %s %s\n%s", p.code, c.method, c.path, p.said())
	}
}

func (h *hub) releaseAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.holds {
		c.release()
	}
}

func (h *hub) connState(c net.Conn, s http.ConnState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch s {
	case http.StateNew:
		h.conns[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(h.conns, c)
	default:
		return
	}
	h.changeLocked()
}

func (h *hub) changeLocked() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// until waits until ok, which is called with h.mu held, reports true. p is the
// process that is to bring it about; nil when it is nobody's.
func (h *hub) until(p *process, ok func() bool) {
	h.t.Helper()
	var exited chan struct{}
	if p != nil {
		exited = p.exited
	}
	for {
		h.mu.Lock()
		fine, changed := ok(), h.changed
		h.mu.Unlock()
		if fine {
			return
		}
		select {
		case <-changed:
		case <-exited:
			h.t.Errorf("it ended with %d, and a call to the Hub never came\n%s", p.code, p.said())
			return
		}
	}
}

// knock is a path that the proxy answers itself.
const knock = "/promises/knock"

// quiet waits until all that dead programs had asked of the Hub is carried out.
// No program that uses the Hub may run. Connections are accepted in order: when
// the one made here is, theirs have been, and each ends after its last call.
func (h *hub) quiet() {
	h.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(h.endpoint + knock)
	if err != nil {
		h.t.Fatal(err)
	}
	resp.Body.Close()
	h.until(nil, func() bool { return len(h.conns) == 0 })
}

// hooks is the path of the Hub's webhooks API.
const hooks = "/api/settings/webhooks"

// call calls the sandbox, past the proxy, and decodes its answer.
func (h *hub) call(method, path string, body, into any) {
	h.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	req, err := http.NewRequest(method, h.at().String()+path, bytes.NewReader(b))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.bearer())
	req.Header.Set("Content-Type", "application/json")
	resp, err := h.direct.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		h.t.Fatalf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		h.t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
}

// webhooks returns the ids of the webhooks on the account.
func (h *hub) webhooks() []string {
	h.t.Helper()
	var list []struct{ ID string }
	h.call(http.MethodGet, hooks, nil, &list)
	ids := []string{}
	for _, w := range list {
		ids = append(ids, w.ID)
	}
	return ids
}

// foreign makes a webhook as a user does by hand, and returns its id.
func (h *hub) foreign() string {
	h.t.Helper()
	var made struct{ Webhook struct{ ID string } }
	h.call(http.MethodPost, hooks, map[string]any{
		"watched": []any{map[string]any{"type": "model", "name": "me/m"}}, "url": "http://127.0.0.1:1/hook", "domains": []string{"repo"},
	}, &made)
	if made.Webhook.ID == "" {
		h.t.Fatal("the sandbox made a webhook without an id")
	}
	return made.Webhook.ID
}

// happen makes things happen in the repo that the tests watch.
func (h *hub) happen(kind string, count int) {
	h.t.Helper()
	h.call(http.MethodPost, "/sandbox/events", map[string]any{"kind": kind, "repo": "model:me/m", "count": count}, nil)
}

// clean checks that no webhook is left on the account.
func (h *hub) clean(t testing.TB) {
	t.Helper()
	if ids := h.webhooks(); len(ids) > 0 {
		t.Errorf("webhooks are left on the account: %v", ids)
	}
}
