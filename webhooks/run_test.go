package webhooks_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/webhooks"
)

// running is a server that Run serves.
type running struct {
	*tester
	out   *lines
	stop  context.CancelFunc
	ended chan error
}

// lines is output that can be waited for.
type lines struct {
	buffer
	written chan struct{} // a slot
}

func (l *lines) Write(p []byte) (int, error) {
	n, err := l.buffer.Write(p)
	select {
	case l.written <- struct{}{}:
	default:
	}
	return n, err
}

var anAddress = regexp.MustCompile(`http://[^/ \n]+`)

// start runs a server with two endpoints, on the free port that PORT=0 gives,
// until the test ends. It returns when the addresses are printed.
func start(t *testing.T, config webhooks.Config, slow webhooks.Handler, options ...webhooks.Option) *running {
	t.Helper()
	t.Setenv("PORT", "0")
	out := &lines{written: make(chan struct{}, 1)}
	config.Output = out
	r := &running{tester: newServer(t, config), out: out, ended: make(chan error, 1)}
	r.handle("say_hello", sayHello).handle("slow", slow, options...)
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	t.Cleanup(r.stop)
	go func() { r.ended <- r.Run(ctx) }()
	<-out.written
	r.url = anAddress.FindString(out.String())
	return r
}

func TestTheStartSaysWhatPythonsStartSays(t *testing.T) {
	const open = `Webhook secret is not set: the endpoints are open to everyone who reaches them.
To add one, set WEBHOOK_SECRET in the environment or webhooks.Config.Secret, and the same secret in the webhook's settings:
https://huggingface.co/docs/hub/webhooks#webhook-secret
`
	for _, c := range []struct {
		name        string
		env         [][2]string
		config      webhooks.Config
		want        string
		description string
	}{
		{name: "on this machine, without a secret", want: open + `
Webhooks are ready:
  - POST http://127.0.0.1:PORT/webhooks/say_hello
  - POST http://127.0.0.1:PORT/webhooks/slow
Only this machine reaches that address. For deliveries of the Hub: hf-tap listen --forward PORT/webhooks/say_hello
Configure webhooks at https://huggingface.co/settings/webhooks
`},
		{name: "with a secret and an address", config: webhooks.Config{Secret: secret, URL: "https://hooks.example.com/"}, want: `Webhook secret is set.
Running on local URL:  http://127.0.0.1:PORT

Webhooks are ready:
  - POST https://hooks.example.com/webhooks/say_hello
  - POST https://hooks.example.com/webhooks/slow
Configure webhooks at https://huggingface.co/settings/webhooks
`},
		// The Python library printed http://localhost:7860 here (huggingface_hub#2298).
		{name: "in a Space", env: [][2]string{{"SPACE_ID", "me/hooks"}, {"SPACE_HOST", "me-hooks.hf.space"}}, config: webhooks.Config{Secret: secret}, want: `Webhook secret is set.
Running on local URL:  http://localhost:PORT

Webhooks are ready:
  - POST https://me-hooks.hf.space/webhooks/say_hello
  - POST https://me-hooks.hf.space/webhooks/slow
Configure webhooks at https://huggingface.co/settings/webhooks
`},
		{name: "in a Space with a domain", env: [][2]string{{"SPACE_ID", "me/hooks"}, {"SPACE_HOST", "hooks.example.com,me-hooks.hf.space"}}, config: webhooks.Config{Secret: secret}, want: `Webhook secret is set.
Running on local URL:  http://localhost:PORT

Webhooks are ready:
  - POST https://hooks.example.com/webhooks/say_hello
  - POST https://hooks.example.com/webhooks/slow
Configure webhooks at https://huggingface.co/settings/webhooks
`},
		{name: "outside a Space, with a stray SPACE_HOST", env: [][2]string{{"SPACE_HOST", "me-hooks.hf.space"}}, config: webhooks.Config{Secret: secret}, want: `Webhook secret is set.

Webhooks are ready:
  - POST http://127.0.0.1:PORT/webhooks/say_hello
  - POST http://127.0.0.1:PORT/webhooks/slow
Only this machine reaches that address. For deliveries of the Hub: hf-tap listen --forward PORT/webhooks/say_hello
Configure webhooks at https://huggingface.co/settings/webhooks
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, e := range c.env {
				t.Setenv(e[0], e[1])
			}
			r := start(t, c.config, echo)
			_, port, _ := strings.Cut(strings.TrimPrefix(r.url, "http://"), ":")
			if got := strings.ReplaceAll(r.out.String(), port, "PORT"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			r.url = "http://127.0.0.1:" + port
			status, answer := r.post("/webhooks/say_hello", "{}", "X-Webhook-Secret", secret)
			want(t, "status", status, 200)
			want(t, "answer", answer, `{"message":"hello"}`)
			r.stop()
			want(t, "error", <-r.ended, nil)
		})
	}
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, taken, _ := net.SplitHostPort(l.Addr().String())
	for _, c := range []struct {
		port, addr, want string
	}{
		{"http", "", `PORT is "http": a port is a number from 0 to 65535`},
		{"70000", "", `PORT is "70000"`},
		{"-1", "", `PORT is "-1"`},
		{taken, "", "address already in use"},
		{"0", l.Addr().String(), "address already in use"},
	} {
		t.Setenv("PORT", c.port)
		err := newServer(t, webhooks.Config{Addr: c.addr, Output: io.Discard}).handle("a", echo).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("PORT=%s, address %q: got %v, want %s", c.port, c.addr, err, c.want)
		}
	}
	t.Setenv("PORT", "0")
	if err := newServer(t, webhooks.Config{Output: io.Discard}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no endpoint is registered") {
		t.Errorf("without an endpoint: %v", err)
	}
}

func TestAnInvalidPublicAddressIsAnError(t *testing.T) {
	for _, address := range []string{"hooks.example.com", "ftp://h", "https://", "https://u:p@h", "https://h?a=b", "https://h#a", "https://h\nx"} {
		if _, err := webhooks.New(webhooks.Config{URL: address}); err == nil || !strings.Contains(err.Error(), "Config.URL") {
			t.Errorf("%q: %v", address, err)
		}
	}
	t.Setenv("SPACE_ID", "me/hooks")
	t.Setenv("SPACE_HOST", "me hooks")
	if _, err := webhooks.New(webhooks.Config{}); err == nil || !strings.Contains(err.Error(), "SPACE_HOST") {
		t.Errorf("a SPACE_HOST with a blank: %v", err)
	}
}

func TestAServerServesOnce(t *testing.T) {
	r := start(t, webhooks.Config{}, echo)
	r.stop()
	want(t, "error", <-r.ended, nil)
	if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "the server was stopped") {
		t.Errorf("got %v", err)
	}
}

func TestAStopWaitsForHandlersAndQueues(t *testing.T) {
	began, release := make(chan struct{}, 3), make(chan struct{})
	var handled atomic.Int64
	r := start(t, webhooks.Config{StopTimeout: time.Minute}, func(ctx context.Context, _ *webhooks.Delivery) (any, error) {
		began <- struct{}{}
		<-release
		handled.Add(1)
		return "done", ctx.Err()
	}, webhooks.AnswerFirst(1))
	r.handle("in_the_request", func(ctx context.Context, _ *webhooks.Delivery) (any, error) {
		began <- struct{}{}
		<-release
		return "done", ctx.Err()
	})
	for range 2 {
		status, _ := r.post("/webhooks/slow", "{}")
		want(t, "status", status, 200)
	}
	answered := make(chan string, 1)
	go func() {
		_, answer := r.post("/webhooks/in_the_request", "{}")
		answered <- answer
	}()
	<-began
	<-began
	r.stop()
	for { // until it listens no more
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	close(release)
	want(t, "the answer to a request from before", <-answered, `"done"`)
	want(t, "error", <-r.ended, nil)
	want(t, "handled of the queue", handled.Load(), 2)
}

func TestAStopEndsTheContextsOfHandlersThatTakeTooLong(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	r := start(t, webhooks.Config{StopTimeout: time.Nanosecond}, func(ctx context.Context, _ *webhooks.Delivery) (any, error) {
		close(began)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	answered := make(chan int, 1)
	go func() {
		status, _ := r.post("/webhooks/slow", "{}")
		answered <- status
	}()
	<-began
	r.stop()
	want(t, "the handler's context", <-ended, context.Canceled)
	want(t, "status", <-answered, 500)
	want(t, "error", <-r.ended, nil)
}

func TestAStopDoesNotWaitForEverForAHandlerThatHangs(t *testing.T) {
	began, hang := make(chan struct{}), make(chan struct{})
	defer close(hang)
	r := start(t, webhooks.Config{StopTimeout: time.Nanosecond}, func(context.Context, *webhooks.Delivery) (any, error) {
		close(began)
		<-hang
		return nil, nil
	})
	go func() {
		if resp, err := http.DefaultClient.Do(r.request("/webhooks/slow", "{}")); err == nil {
			resp.Body.Close()
		}
	}()
	<-began
	r.stop()
	if err := <-r.ended; err == nil || !strings.Contains(err.Error(), "a handler was still working") {
		t.Errorf("got %v", err)
	}
}

func TestABrokenListenerEndsTheServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s := newServer(t, webhooks.Config{Output: io.Discard}).handle("a", echo)
	if err := s.Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestAOneFileProgramServesUntilItIsStopped(t *testing.T) {
	for name, sig := range stopSignals {
		t.Run(name, func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), beTheProgram+"=serve", "PORT=0", "WEBHOOK_SECRET="+secret)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			s, in := &tester{t: t}, bufio.NewScanner(out)
			var said []string
			for in.Scan() {
				said = append(said, in.Text())
				if strings.HasPrefix(in.Text(), "Configure webhooks at ") {
					break
				}
			}
			s.url = anAddress.FindString(strings.Join(said, "\n"))
			want(t, "the secret", said[0], "Webhook secret is set.")
			for path, answer := range map[string]string{"say_hello": `{"message":"hello"}`, "bye": `{"ignored":"a delivery without a kind does not match this endpoint"}`} {
				_, got := s.post("/webhooks/"+path, "{}", "X-Webhook-Secret", secret)
				want(t, path, got, answer)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			rest, _ := io.ReadAll(out)
			if err := cmd.Wait(); err != nil || !strings.HasSuffix(string(rest), "stopped\n") {
				t.Errorf("ended with %v after %q", err, rest)
			}
		})
	}
}

func TestAOneFileProgramFailsAtTheStartForWrongRegistrations(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), beTheProgram+"=fail", "PORT=0")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
	for _, part := range []string{`endpoint "say_hello" exists already`, "is anonymous: give its endpoint a name with Handle", "an endpoint needs a name"} {
		if !strings.Contains(string(out), part) {
			t.Errorf("%q is missing in %s", part, out)
		}
	}
}
