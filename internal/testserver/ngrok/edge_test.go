package ngrok

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.ngrok.com/ngrok/v2"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, IgnoreLingering()...) }

func start(t *testing.T, cfg Config) *Edge {
	t.Helper()
	e, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(e.Close(), e.Close()); err != nil {
			t.Error(err)
		}
	})
	return e
}

// agent serves a handler through the bare SDK, and gives its address.
func agent(t *testing.T, e *Edge, h http.Handler) string {
	t.Helper()
	a, err := ngrok.NewAgent(ngrok.WithAuthtoken("t"), ngrok.WithAgentConnectURL(e.Addr()), ngrok.WithAgentConnectCAs(e.CA()),
		ngrok.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ln, err := a.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	t.Cleanup(func() {
		_ = a.Disconnect()
		cancel()
		_ = srv.Close()
		wg.Wait()
	})
	return ln.URL().String()
}

func get(t *testing.T, e *Edge, url string) (status int, code, body string) {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: e.CA()}}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Ngrok-Error-Code"), string(b)
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

func TestTheBareSDKServesThroughTheEdge(t *testing.T) {
	for _, https := range []bool{false, true} {
		e := start(t, Config{HTTPS: https})
		url := agent(t, e, http.HandlerFunc(hello))
		if strings.HasPrefix(url, "https://") != https {
			t.Errorf("the address is %s", url)
		}
		if status, _, body := get(t, e, url); status != 200 || body != "hello" {
			t.Errorf("%d %q", status, body)
		}
		if c := e.Counts(); c.Sessions != 1 || c.Binds != 1 || c.Public != 1 || c.Live() != 1 {
			t.Errorf("counted %+v", c)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if got, err := e.WaitURL(ctx); err != nil || got != url {
			t.Errorf("bound is %s, %v", got, err)
		}
	}
}

func TestAHostWithoutAnAppAnswersAsAGateway(t *testing.T) {
	e := start(t, Config{})
	url := agent(t, e, http.HandlerFunc(hello))
	e.Set(func(f *Faults) { f.Gateway = 502 })
	if status, code, body := get(t, e, url); status != 502 || code != "" || !strings.Contains(body, "<html>") {
		t.Errorf("%d %q %q", status, code, body)
	}
	e.Heal()
	e.Rehost()
	if status, code, body := get(t, e, url); status != 404 || code != Offline || !strings.Contains(body, "<html>") {
		t.Errorf("%d %q %q", status, code, body)
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	e := start(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Wait(ctx, func(c Counts) bool { return c.Sessions > 0 }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := e.WaitURL(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestClosingEndsWhatHangs(t *testing.T) {
	for _, phase := range []Phase{Connect, Secured} {
		e := start(t, Config{})
		e.Set(func(f *Faults) { f.Hang = phase })
		conn, err := net.Dial("tcp", e.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Wait(t.Context(), func(c Counts) bool { return c.Conns == 1 }); err != nil {
			t.Error(err)
		}
		e.Close()
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("the edge said something")
		}
		conn.Close()
	}
}

func TestTheFilesLeadToTheEdge(t *testing.T) {
	e := start(t, Config{})
	path := filepath.Join(t.TempDir(), "a", "ngrok.yml")
	if err := e.WriteConfig(path, "tok"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), e.Addr()) || !strings.Contains(string(text), `"tok"`) {
		t.Errorf("%s, %v", text, err)
	}
	pem, err := os.ReadFile(filepath.Join(filepath.Dir(path), "edge-ca.pem"))
	if err != nil || !x509.NewCertPool().AppendCertsFromPEM(pem) {
		t.Errorf("%s, %v", pem, err)
	}
}
