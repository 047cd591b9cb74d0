package check_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/check"
	"github.com/hf-tap/hf-tap/internal/testserver/peertest"
)

func TestAHandlerThatIsDownCannotBeChecked(t *testing.T) {
	s := httptest.NewServer(nil)
	address := s.URL
	s.Close()
	r, err := run(t, config(t, address))
	var down *check.DownError
	if !errors.As(err, &down) || len(r.results) != 0 || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%v, %d results", err, len(r.results))
	}
}

func TestAPathThatTakesNoPostIsNamed(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("POST /webhook", &handler{})
	mux.HandleFunc("OPTIONS /webhook", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Allow", "POST") })
	s := httptest.NewServer(mux)
	defer s.Close()
	_, err := run(t, config(t, s.URL+"/"))
	var address *check.AddressError
	if !errors.As(err, &address) || address.Status != 404 || !slices.Equal(address.Paths, []string{"/webhook"}) {
		t.Errorf("%#v", err)
	}
}

func TestARedirectIsNotFollowedWithTheSecret(t *testing.T) {
	var asked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL+"/there?secret=hush", http.StatusTemporaryRedirect))
	defer s.Close()
	_, err := run(t, config(t, s.URL))
	var address *check.AddressError
	if !errors.As(err, &address) || address.Status != 307 || asked.Load() || strings.Contains(err.Error(), "hush") {
		t.Errorf("%v, asked: %v", err, asked.Load())
	}
	// A single one is the failure of its check.
	h := &handler{work: func(w http.ResponseWriter, p payload, _ []byte) bool {
		if p.Repo.Type == "kernel" {
			http.Redirect(w, &http.Request{Method: "POST"}, other.URL, http.StatusTemporaryRedirect)
		}
		return p.Repo.Type == "kernel"
	}}
	r := examine(t, h, nil)
	r.wants("kernel", "", cannotSee)
	if says := r.of("kernel").Says; !strings.Contains(says, "redirects to "+other.URL) || asked.Load() {
		t.Errorf("%q, asked: %v", says, asked.Load())
	}
}

func TestAHandlerWithoutAnswersIsNotAskedForAll(t *testing.T) {
	raw := func(answer string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				io.WriteString(conn, answer)
				conn.Close()
			}
		})
	}
	for name, c := range map[string]struct {
		h    http.Handler
		says string
	}{
		"it closes":          {raw(""), "the connection was closed without an answer"},
		"it answers garbage": {raw("\x1b]0;owned\x07 hello\r\n\r\n"), "malformed HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			r := examine(t, c.h, nil)
			if fail := r.named(check.Fail); !slices.Equal(fail, []string{"repo.content.update", "discussion.comment.create"}) {
				t.Errorf("%q failed", fail)
			}
			if len(r.named(check.CannotTell)) != len(check.All())-2 {
				t.Errorf("%d cannot be told", len(r.named(check.CannotTell)))
			}
			if res := r.of("repo.content.update"); !strings.Contains(res.Says, c.says) {
				t.Errorf("it says %q", res.Says)
			}
			if res := r.of("kernel"); !strings.Contains(res.Says, "not sent: no delivery is answered") {
				t.Errorf("it says %q", res.Says)
			}
		})
	}
}

// hanging answers nothing until its sender gives up.
func hanging(hangs func(*http.Request) bool, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if hangs(req) {
			io.Copy(io.Discard, req.Body) // or net/http does not see that the sender is gone
			<-req.Context().Done()
			return
		}
		h.ServeHTTP(w, req)
	})
}

func short(cfg *check.Config) { cfg.Timeout, cfg.Busy = 100*time.Millisecond, 100*time.Millisecond }

func TestAHandlerThatHangsEndsTheRunSoon(t *testing.T) {
	var asked atomic.Int32
	h := hanging(func(*http.Request) bool { asked.Add(1); return true }, nil)
	r := examine(t, h, short)
	if fail := r.named(check.Fail); !slices.Equal(fail, []string{"repo.content.update", "two-at-once", "answer-time"}) || asked.Load() > 4 {
		t.Errorf("%q failed after %d requests", fail, asked.Load())
	}
	if says := r.of("repo.content.update").Says; !strings.Contains(says, "no answer within 100ms") {
		t.Errorf("it says %q", says)
	}
}

func TestAKindThatTimesOutIsNotSentAgain(t *testing.T) {
	var h http.Handler = &handler{}
	var hung atomic.Int32
	good := h
	h = hanging(func(req *http.Request) bool {
		if req.Method != "POST" || req.Header.Get("X-Webhook-Secret") != secret {
			return false
		}
		body, _ := io.ReadAll(req.Body)
		req.Body = io.NopCloser(strings.NewReader(string(body)))
		if strings.Contains(string(body), `"comment"`) && strings.Contains(string(body), `"create"`) && strings.Contains(string(body), "discussion.comment") {
			hung.Add(1)
			return true
		}
		return false
	}, good)
	r := examine(t, h, func(cfg *check.Config) { cfg.Timeout = 2 * time.Second })
	if hung.Load() != 1 {
		t.Errorf("%d hung", hung.Load())
	}
	r.wants("discussion.comment.create answer-time", "", "unicode own-comment")
	if says := r.of("answer-time").Says; !strings.Contains(says, "discussion.comment.create") {
		t.Errorf("it says %q", says)
	}
}

func TestChecksThatAreNotAboutAPushDoWithoutIt(t *testing.T) {
	h := hanging(func(req *http.Request) bool {
		if req.Method != "POST" || req.Header.Get("X-Webhook-Secret") != secret {
			return false
		}
		body, _ := io.ReadAll(req.Body)
		req.Body = io.NopCloser(strings.NewReader(string(body)))
		return strings.Contains(string(body), `"repo.content"`)
	}, &handler{})
	r := examine(t, h, func(cfg *check.Config) { cfg.Timeout = 2 * time.Second })
	if fail := r.named(check.Fail); !slices.Equal(fail, []string{"repo.content.update", "answer-time"}) {
		t.Errorf("%q failed", fail)
	}
	for _, name := range []string{"wrong-secret", "get", "head", "slow-body", "broken-json", "repeat", "two-at-once"} {
		if res := r.of(name); res.Status != check.Pass {
			t.Errorf("%s: %s: %s", name, res.Status, res.Says)
		}
	}
}

func TestAHugeAnswerIsReadInPart(t *testing.T) {
	piece := strings.Repeat("x", 1<<20)
	var wrote atomic.Int64
	h := &handler{work: func(w http.ResponseWriter, _ payload, _ []byte) bool {
		for range 100 {
			n, err := io.WriteString(w, piece)
			wrote.Add(int64(n))
			if err != nil {
				break
			}
		}
		return true
	}}
	r := examine(t, h, nil)
	res := r.of("repo.create")
	if res.Status != check.Pass || !res.Answers[0].BodyCut || len(res.Answers[0].Body) > 64<<10 {
		t.Errorf("%s: %s, %d bytes", res.Status, res.Says, len(res.Answers[0].Body))
	}
}

func TestAnAnswerThatBreaksOffOrDoesNotEndIsAFailure(t *testing.T) {
	h := &handler{work: func(w http.ResponseWriter, p payload, _ []byte) bool {
		switch {
		case p.Repo.Type == "kernel":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case p.Event.Scope == "discussion":
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			<-time.After(3 * time.Second)
		default:
			return false
		}
		return true
	}}
	r := examine(t, h, func(cfg *check.Config) {
		cfg.Timeout = 2 * time.Second
		cfg.Checks, _ = check.Select([]string{"kernel", "merged"}, nil)
	})
	r.wants("merged kernel", "", "")
	if says := r.of("merged").Says; !strings.Contains(says, "the answer did not end within 2s") {
		t.Errorf("it says %q", says)
	}
	if says := r.of("kernel").Says; !strings.Contains(says, "the answer broke off") {
		t.Errorf("it says %q", says)
	}
}

func TestAHandlerThatGoesDownIsBlamedOnTheDeliveryAndStartedAgain(t *testing.T) {
	var s *httptest.Server
	var mu sync.Mutex
	address := ""
	var died, started int
	h := &handler{work: func(w http.ResponseWriter, p payload, _ []byte) bool {
		if p.Event.Scope != "collection" {
			return false
		}
		mu.Lock()
		died++
		mu.Unlock()
		s.Listener.Close() // answers, and takes nothing any more
		return false
	}}
	s = httptest.NewServer(h)
	address = s.Listener.Addr().String()
	cfg := config(t, s.URL)
	cfg.Restart = func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		started++
		ln, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		s = &httptest.Server{Listener: ln, Config: &http.Server{Handler: h}}
		s.Start()
		t.Cleanup(s.Close)
		return nil
	}
	cfg.AppOutput = func() []string {
		mu.Lock()
		defer mu.Unlock()
		return []string{fmt.Sprintf("died %d", died)}
	}
	r, err := run(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.wants("unknown-scope", "", cannotSee)
	res := r.of("unknown-scope")
	if !strings.Contains(res.Says, "the handler went down after it, and was started again") || !slices.Contains(res.App, "died 1") || started != 1 {
		t.Errorf("%q, %q, started %d times", res.Says, res.App, started)
	}
}

func TestAHandlerThatStaysDownIsAskedNothingMore(t *testing.T) {
	var s *httptest.Server
	h := &handler{work: func(_ http.ResponseWriter, p payload, _ []byte) bool {
		if p.Event.Scope == "collection" {
			s.Listener.Close()
		}
		return false
	}}
	s = httptest.NewServer(h)
	defer s.Close()
	r, err := run(t, config(t, s.URL))
	if err != nil {
		t.Fatal(err)
	}
	if res := r.of("unknown-scope"); res.Status != check.Fail || !strings.Contains(res.Says, "is not back") {
		t.Errorf("%s: %q", res.Status, res.Says)
	}
	if res := r.of("get"); res.Status != check.CannotTell || !strings.Contains(res.Says, "not sent: the handler is down since unknown-scope") {
		t.Errorf("%s: %q", res.Status, res.Says)
	}
}

func TestARefusalOfTheRightSecretIsExplained(t *testing.T) {
	for name, c := range map[string]struct {
		right func(req *http.Request) bool
		says  string
	}{
		"another secret": {func(req *http.Request) bool { return req.Header.Get("X-Webhook-Secret") == "another" }, "has another secret"},
		"a signature": {func(req *http.Request) bool {
			return strings.HasPrefix(req.Header.Get("X-Hub-Signature-256"), "sha256=")
		}, "a signature (HMAC), which the Hub never sends"},
		"the query": {func(req *http.Request) bool { return req.URL.Query().Get("secret") == secret }, "reads the secret from the URL"},
	} {
		t.Run(name, func(t *testing.T) {
			r := examine(t, &handler{secretOf: c.right}, nil)
			if fail := r.named(check.Fail); !slices.Equal(fail, []string{"repo.content.update", "discussion.comment.create", "right-secret"}) {
				t.Errorf("%q failed", fail)
			}
			if says := r.of("right-secret").Says; !strings.Contains(says, c.says) {
				t.Errorf("it says %q", says)
			}
			if res := r.of("wrong-secret"); res.Status != check.CannotTell {
				t.Errorf("a handler that refuses everything passes: %+v", res.Status)
			}
		})
	}
}

func TestASecretInTheTargetsURLIsChangedThereToo(t *testing.T) {
	h := &handler{secretOf: func(req *http.Request) bool { return req.URL.Query().Get("secret") == secret }}
	s := httptest.NewServer(h)
	defer s.Close()
	r, err := run(t, config(t, s.URL+"/hook?x=1&secret=correct%20horse"))
	if err != nil {
		t.Fatal(err)
	}
	r.wants("", "", cannotSee)
	for _, res := range r.results {
		if strings.Contains(res.Curl, "correct") {
			t.Errorf("%s shows the secret: %s", res.Name, res.Curl)
		}
	}
}

func TestOneAtATimeIsFound(t *testing.T) {
	for took, want := range map[time.Duration][]check.Status{
		400 * time.Millisecond:  {check.Warn, check.Fail}, // a busy machine makes it slower
		1100 * time.Millisecond: {check.Fail},
	} {
		t.Run(took.String(), func(t *testing.T) {
			t.Parallel()
			var one sync.Mutex
			h := &handler{work: func(http.ResponseWriter, payload, []byte) bool {
				one.Lock()
				defer one.Unlock()
				<-time.After(took) // the work
				return false
			}}
			r := examine(t, h, func(cfg *check.Config) { cfg.Checks, _ = check.Select([]string{"two-at-once"}, nil) })
			if res := r.of("two-at-once"); !slices.Contains(want, res.Status) || !strings.Contains(res.Says, "the second waits until the first is done") {
				t.Errorf("%s: %s", res.Status, res.Says)
			}
		})
	}
	t.Run("at once", func(t *testing.T) {
		h := &handler{work: func(http.ResponseWriter, payload, []byte) bool {
			<-time.After(500 * time.Millisecond)
			return false
		}}
		r := examine(t, h, func(cfg *check.Config) { cfg.Checks, _ = check.Select([]string{"two-at-once"}, nil) })
		if res := r.of("two-at-once"); res.Status != check.Pass {
			t.Errorf("%s: %s", res.Status, res.Says)
		}
	})
	t.Run("refused", func(t *testing.T) {
		var busy atomic.Bool
		h := &handler{work: func(w http.ResponseWriter, _ payload, _ []byte) bool {
			if !busy.CompareAndSwap(false, true) {
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			}
			<-time.After(300 * time.Millisecond)
			busy.Store(false)
			return false
		}}
		r := examine(t, h, func(cfg *check.Config) { cfg.Checks, _ = check.Select([]string{"two-at-once"}, nil) })
		if res := r.of("two-at-once"); res.Status != check.Fail || !strings.Contains(res.Says, "429") {
			t.Errorf("%s: %s", res.Status, res.Says)
		}
	})
}

func TestTheRepoAndTheTextAreThoseOfTheUser(t *testing.T) {
	var mu sync.Mutex
	names, texts := map[string]bool{}, map[string]bool{}
	h := &handler{work: func(_ http.ResponseWriter, p payload, _ []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		names[p.Repo.Type+":"+p.Repo.Name] = true
		if p.Comment != nil && p.Comment.Content != nil {
			texts[*p.Comment.Content] = true
		}
		return false
	}}
	for i, repo := range []hub.Repo{{Type: "dataset", Name: "you/d"}, {Type: "bucket", Name: "you/b"}} {
		r := examine(t, h, func(cfg *check.Config) { cfg.Repo, cfg.Text, cfg.Seed = repo, "@bot files", uint64(i+1)<<32 })
		r.wants("", "", cannotSee)
		if !names[repo.String()] || !texts["@bot files"] {
			t.Errorf("%v, %v", names, texts)
		}
	}
	if names["model:me/my-model"] {
		t.Error("payloads are about another repo")
	}
}

func TestTheCommandsSendTheSame(t *testing.T) {
	peertest.Need(t, "curl", "curl")
	type got struct{ method, secret, kind, contentType, body string }
	var mu sync.Mutex
	var all []got
	h := &handler{before: func(_ http.ResponseWriter, req *http.Request) bool {
		body, _ := io.ReadAll(req.Body)
		req.Body = io.NopCloser(strings.NewReader(string(body)))
		if req.Method == "OPTIONS" {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, got{req.Method, strings.Join(req.Header["X-Webhook-Secret"], ","), req.Header.Get("Webhook-Id"), req.Header.Get("Content-Type"), string(body)})
		return false
	}}
	s := httptest.NewServer(h)
	defer s.Close()
	for _, c := range check.All() {
		if c.Name == "own-comment" || c.Name == "answer-time" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			cfg := config(t, s.URL)
			cfg.Checks = []check.Check{c}
			r, err := run(t, cfg)
			if err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			all = nil
			mu.Unlock()
			res := r.of(c.Name)
			cmd := exec.Command("bash", "-euo", "pipefail", "-c", res.Curl)
			cmd.Env = []string{"PATH=" + pathOf(), "WEBHOOK_SECRET=" + secret}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s\n%.2000s", err, out, res.Curl)
			}
			mu.Lock()
			defer mu.Unlock()
			if n := strings.Count(string(out), "HTTP/1.1 ") - strings.Count(string(out), "HTTP/1.1 100 "); n != len(all) || n != len(res.Answers) && c.Name != "two-at-once" {
				t.Errorf("%d answers of curl, %d requests, %d answers\n%s", n, len(all), len(res.Answers), out)
			}
			if status := fmt.Sprintf("HTTP/1.1 %d", res.Answers[0].Status); !strings.Contains(string(out), status) {
				t.Errorf("the answer is not %s:\n%s", status, out)
			}
			again := all[len(all)-1]
			switch c.Name {
			case "wrong-secret":
				if again.secret == secret || again.secret == "" {
					t.Errorf("the secret is %q", again.secret)
				}
			case "missing-secret", "empty-secret":
				if again.secret != "" {
					t.Errorf("the secret is %q", again.secret)
				}
			case "longer-secret":
				if again.secret != secret+"x" {
					t.Errorf("the secret is %q", again.secret)
				}
			default:
				if again.secret != secret {
					t.Errorf("the secret is %q", again.secret)
				}
			}
			if c.Name == "many-files" && strings.Count(again.body, "xetHash") != 10_000 {
				t.Errorf("%d files", strings.Count(again.body, "xetHash"))
			}
		})
	}
}
