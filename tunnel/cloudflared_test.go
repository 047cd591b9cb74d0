package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// fakeCloudflaredEnv makes the test's own program a cloudflared that behaves as
// its value says.
const fakeCloudflaredEnv = "HF_TAP_TEST_CLOUDFLARED"

// fakeCloudflared is what the program does then: it takes the flags of the real
// one, and serves its metrics. It does not return.
func fakeCloudflared(how string) {
	flags := map[string]string{}
	for i, arg := range os.Args {
		if name, ok := strings.CutPrefix(arg, "--"); ok && i+1 < len(os.Args) {
			flags[name] = os.Args[i+1]
		}
	}
	fmt.Fprintln(os.Stderr, "2026-01-02T03:04:05Z INF Requesting new quick Tunnel on trycloudflare.com...")
	if file := os.Getenv(fakeCloudflaredEnv + "_PID"); file != "" {
		// Under its name it is whole: a test may kill the program as soon as it is there.
		_ = os.WriteFile(file+".part", []byte(strconv.Itoa(os.Getpid())+" "+flags["url"]+" "+flags["metrics"]), 0o600)
		_ = os.Rename(file+".part", file)
	}
	switch how {
	case "429":
		fmt.Fprintln(os.Stderr, `2026-01-02T03:04:05Z ERR Error unmarshaling QuickTunnel response: error code: 1015 error="invalid character 'e'" status_code="429 Too Many Requests"`)
		fmt.Fprintln(os.Stderr, "failed to unmarshal quick Tunnel: invalid character 'e' looking for beginning of value")
		os.Exit(1)
	case "stubborn", "child":
		signal.Ignore(syscall.SIGTERM)
	case "endless":
		for range 1 << 8 {
			fmt.Fprint(os.Stderr, strings.Repeat("x", 1<<12))
		}
	}
	if how == "child" { // something that it has started, and that holds its output
		child := exec.Command(os.Args[0], "tunnel")
		child.Env = append(os.Environ(), fakeCloudflaredEnv+"=stubborn", fakeCloudflaredEnv+"_PID="+os.Getenv(fakeCloudflaredEnv+"_PID")+".child")
		child.Stderr = os.Stderr
		_ = child.Start()
		os.Exit(1)
	}
	var away atomic.Bool
	mux := http.NewServeMux()
	mux.HandleFunc("GET /quicktunnel", func(w http.ResponseWriter, _ *http.Request) {
		switch how {
		case "evil":
			fmt.Fprint(w, `{"hostname":"trycloudflare.com.evil.example"}`)
		case "html":
			fmt.Fprint(w, "<html>")
		case "nameless":
			fmt.Fprint(w, `{"hostname":""}`)
		default:
			fmt.Fprint(w, `{"hostname":"four-words-of-it.trycloudflare.com"}`)
		}
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if how == "unready" || away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, `{"status":200,"readyConnections":1}`)
	})
	mux.HandleFunc("POST /away", func(http.ResponseWriter, *http.Request) { away.Store(true) })
	mux.HandleFunc("POST /back", func(http.ResponseWriter, *http.Request) { away.Store(false) })
	mux.HandleFunc("POST /exit", func(http.ResponseWriter, *http.Request) {
		fmt.Fprintln(os.Stderr, "2026-01-02T03:04:05Z ERR Unauthorized: Tunnel not found")
		os.Exit(1)
	})
	if how == "silent" || flags["metrics"] == "" {
		select {}
	}
	srv := &http.Server{Addr: flags["metrics"], Handler: mux, ReadHeaderTimeout: time.Second}
	fmt.Fprintln(os.Stderr, srv.ListenAndServe())
	os.Exit(1)
}

// holderEnv makes the test's own program one that opens a tunnel by a
// cloudflared that behaves as the value says, tells so, and waits to be killed.
const holderEnv = "HF_TAP_TEST_HOLDER"

func holdCloudflared(how string) {
	_ = os.Unsetenv(holderEnv) // cloudflared is this same program
	_ = os.Setenv(fakeCloudflaredEnv, how)
	tun, err := Open(context.Background(), Config{Provider: Cloudflared, HubURL: hubURL, Cloudflared: os.Args[0]})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("open", tun.URL())
	select {}
}

// cloudflaredSettings take the test's own program for cloudflared.
func cloudflaredSettings(t testing.TB, how string) Config {
	t.Helper()
	t.Setenv(fakeCloudflaredEnv, how)
	t.Setenv(fakeCloudflaredEnv+"_PID", filepath.Join(t.TempDir(), "pid"))
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Config{Provider: Cloudflared, HubURL: hubURL, Cloudflared: program, Within: 10 * time.Second, Beat: 50 * time.Millisecond}
}

// told gives what the fake wrote of itself: its number, and its flags.
func told(t testing.TB) (pid int, local, metrics string) {
	t.Helper()
	data, err := os.ReadFile(os.Getenv(fakeCloudflaredEnv + "_PID"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(data), &pid, &local, &metrics); err != nil {
		t.Fatal(err)
	}
	return pid, local, metrics
}

// edgeOf is what Cloudflare and the program do together: a visitor at the
// address comes to the listener.
func edgeOf(t testing.TB, local string) *http.Client {
	t.Helper()
	target, err := url.Parse(local)
	if err != nil {
		t.Fatal(err)
	}
	back := &http.Transport{MaxIdleConnsPerHost: 8}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = back
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveHTTP(t, ln, proxy)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp4", ln.Addr().String())
	}
	tr := &http.Transport{DialTLSContext: dial, DialContext: dial}
	t.Cleanup(func() { tr.CloseIdleConnections(); back.CloseIdleConnections() })
	return &http.Client{Transport: tr}
}

func order(t testing.TB, metrics, what string) {
	t.Helper()
	c := client(t)
	resp, err := c.Post("http://"+metrics+"/"+what, "", nil)
	if err == nil {
		_ = resp.Body.Close()
	}
}

func TestAThousandBodiesComeThroughCloudflared(t *testing.T) {
	tun := openFake(t, cloudflaredSettings(t, "well"))
	if tun.URL() != "https://four-words-of-it.trycloudflare.com" || tun.Provider() != Cloudflared || !tun.(Linked).Link().Up {
		t.Errorf("%s at %s", tun.Provider(), tun.URL())
	}
	echo(t, tun)
	_, local, _ := told(t)
	thousand(t, edgeOf(t, local), tun.URL())
}

func TestCloudflaredFaults(t *testing.T) {
	for _, c := range []struct{ how, want, hint string }{
		{"429", "cloudflared refuses: the program has ended: 429 Too Many Requests", "wait some minutes"},
		{"evil", "which is not an address of its tunnels", "cloudflared tunnel --url"},
		{"html", "no address and connection within", "HTTPS_PROXY"},
		{"nameless", "no address and connection within", "HTTPS_PROXY"},
		{"unready", "no address and connection within", "HTTPS_PROXY"},
		{"silent", "no address and connection within", "HTTPS_PROXY"},
		{"stubborn", "", ""},
		{"endless", "", ""},
	} {
		t.Run(c.how, func(t *testing.T) {
			cfg := cloudflaredSettings(t, c.how)
			if strings.HasPrefix(c.want, "no address") {
				cfg.Within = time.Second
			}
			tun, err := Open(t.Context(), cfg)
			if err == nil {
				err = tun.Close()
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(Hint(err), c.hint)) {
				t.Errorf("%v; %s", err, Hint(err))
			}
			pid, _, _ := told(t)
			if !gone(t, pid) {
				t.Error("the program is left running")
			}
		})
	}
	_, err := Open(t.Context(), Config{Provider: Cloudflared, HubURL: hubURL, Cloudflared: "/nowhere/cloudflared"})
	if !errors.Is(err, ErrNoCloudflared) || !strings.Contains(Hint(err), "install cloudflared") {
		t.Errorf("%v; %s", err, Hint(err))
	}
}

func TestTheProgramEndsWithTheContextWhileItStarts(t *testing.T) {
	cfg := cloudflaredSettings(t, "unready")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		wait := patience(t)
		for wait.Err() == nil {
			if _, err := os.Stat(os.Getenv(fakeCloudflaredEnv + "_PID")); err == nil {
				return
			}
		}
	})
	if _, err := Open(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wg.Wait()
	if pid, _, _ := told(t); !gone(t, pid) {
		t.Error("the program is left running")
	}
}

func TestCloudflaredComesBackByItself(t *testing.T) {
	tun := openFake(t, cloudflaredSettings(t, "well"))
	l := tun.(Linked)
	_, _, metrics := told(t)
	order(t, metrics, "away")
	<-l.LinkChanged()
	if got := l.Link(); got.Up || got.Cause == nil {
		t.Errorf("%+v", got)
	}
	order(t, metrics, "back")
	<-l.LinkChanged()
	if got := l.Link(); !got.Up || got.Made != 2 {
		t.Errorf("%+v", got)
	}
}

func TestTheEndOfTheProgramEndsTheTunnel(t *testing.T) {
	tun := openFake(t, cloudflaredSettings(t, "well"))
	_, _, metrics := told(t)
	order(t, metrics, "exit")
	_, err := tun.Accept()
	var refused *ProviderError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "Tunnel not found") {
		t.Errorf("got %v", err)
	}
}

func TestCloudflaredIsKilledAndStartedAgainByAKeeper(t *testing.T) {
	cfg := cloudflaredSettings(t, "well")
	w := keepTunnel(t, cfg, localVisitor(t), quick)
	w.mustPost(w.k.Status().URL, 500, "before")
	pid, _, _ := told(t)
	program, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Kill(); err != nil {
		t.Fatal(err)
	}
	w.until("away", is(Away))
	w.until("up again", is(Up))
	w.mustPost(w.k.Status().URL, 500, "after")
}

// localVisitor comes to where the latest program leads.
func localVisitor(t testing.TB) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		_, local, _ := told(t)
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(local, "http://")
		return tr.RoundTrip(r)
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
