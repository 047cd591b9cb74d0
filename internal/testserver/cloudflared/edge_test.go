package cloudflared

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

func TestMain(m *testing.M) {
	Main()
	goleak.VerifyTestMain(m)
}

// start starts the program, which ends with the test.
func start(t *testing.T, e *Edge, how Behaviour, local string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	metrics := porttest.Addr(t)
	var said strings.Builder
	cmd := exec.Command(os.Args[0], "tunnel", "--url", local, "--metrics", metrics, "--no-autoupdate")
	cmd.Env, cmd.Stderr = append(os.Environ(), e.Env(how)...), &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // the test may have done it
	})
	return cmd, &said
}

func TestAVisitorComesThroughTheProgram(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Host+" "+string(body))
	}))
	defer app.Close()
	e, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	cmd, _ := start(t, e, Well, app.URL)
	p, err := e.Wait(t.Context(), 1)
	if err != nil || p.PID != cmd.Process.Pid || p.Local != app.URL {
		t.Fatalf("%+v, %v", p, err)
	}
	visitor := &http.Transport{DialContext: e.Dial}
	defer visitor.CloseIdleConnections()
	resp, err := (&http.Client{Transport: visitor}).Post("http://"+net.JoinHostPort(p.Name, "80"), "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != p.Name+":80 hello" {
		t.Errorf("%q, %v", body, err)
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	if _, err := e.Dial(t.Context(), "tcp", "nobody.trycloudflare.com:443"); err == nil {
		t.Error("a name that nobody has leads somewhere")
	}
}

func TestTheProgramEndsAsItIsTold(t *testing.T) {
	e, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	cmd, said := start(t, e, Limited, "http://127.0.0.1:1")
	if err := cmd.Wait(); err == nil || !strings.Contains(said.String(), "429 Too Many Requests") {
		t.Errorf("%v: %s", err, said)
	}
	if come := e.Programs(); len(come) != 1 {
		t.Errorf("%+v have come", come)
	}
}
