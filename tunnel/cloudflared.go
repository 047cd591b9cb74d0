package tunnel

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hf-tap/hf-tap/internal/process"
)

const (
	// cloudflaredPoll is how often cloudflared is asked while it starts.
	cloudflaredPoll = 100 * time.Millisecond
	// cloudflaredGrace is how long it has to end by itself before it is killed.
	cloudflaredGrace = time.Second
	// cloudflaredTries is how often it is started when the port of its metrics is
	// taken by another program.
	cloudflaredTries = 3
	// maxMetrics bounds an answer of its metrics server, in bytes.
	maxMetrics = 64 << 10
)

// cloudflaredDomain is where quick tunnels have their names.
const cloudflaredDomain = "trycloudflare.com"

// cloudflaredTunnel is the program of that name, which the user has installed,
// and a listener on loopback that it leads to.
type cloudflaredTunnel struct {
	net.Listener
	url     string
	metrics string // host:port
	beat    time.Duration
	asks    *http.Client

	cmd    *exec.Cmd
	config string // its configuration file, removed when it was read
	tree   *process.Tree
	said   lastWords
	exited chan struct{} // closed when the program has ended, and all that it wrote was read
	closed chan struct{}
	close  sync.Once
	run    sync.WaitGroup

	changed chan struct{} // one slot
	mu      sync.Mutex
	link    Link
}

// openCloudflared starts the program and waits until it has an address and a
// connection. If that fails, it is not left running. It connects by itself:
// neither the dialer nor a proxy of ours has a part in that.
func openCloudflared(ctx context.Context, cfg Config) (Tunnel, error) {
	program, err := findCloudflared(cfg)
	if err != nil {
		return nil, err
	}
	within := cfg.within()
	opening, cancel := cfg.timeout(ctx, within)
	defer cancel()
	for try := 1; ; try++ {
		t, err := startCloudflared(opening, cfg, program)
		if err != nil {
			return nil, err
		}
		if err = t.ready(opening); err == nil {
			t.serve()
			return t, nil
		}
		_ = t.Close()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case opening.Err() != nil:
			return nil, t.fault(StepProtocol, fmt.Errorf("no address and connection within %s: %w", within, opening.Err()))
		case try == cloudflaredTries || isFree(t.metrics):
			return nil, err
		}
		// Another program took the metrics' port before cloudflared did.
	}
}

// serve begins to look after a tunnel that is ready.
func (t *cloudflaredTunnel) serve() {
	_ = os.Remove(t.config) // it has been read: a kill of this process would leave it
	t.run.Go(t.watch)
	t.run.Go(func() {
		<-t.exited
		_ = t.Listener.Close() // ends Accept; Close may have done it
	})
}

// findCloudflared gives the program's path.
func findCloudflared(cfg Config) (string, error) {
	program, err := exec.LookPath(cmp.Or(cfg.Cloudflared, "cloudflared"))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoCloudflared, err)
	}
	return program, nil
}

func startCloudflared(ctx context.Context, cfg Config, program string) (*cloudflaredTunnel, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for cloudflared: %w", err)
	}
	metrics, err := freePort(ctx)
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	t := &cloudflaredTunnel{
		Listener: ln, metrics: metrics, beat: cmp.Or(cfg.Heartbeat, 10*time.Second),
		// Its metrics are on this machine: no proxy, and no connection that stays.
		asks:   &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		exited: make(chan struct{}), closed: make(chan struct{}), changed: make(chan struct{}, 1), link: Link{Up: true, Made: 1},
	}
	if t.config, err = emptyConfig(); err != nil {
		_ = ln.Close()
		return nil, err
	}
	t.cmd = exec.Command(program, "tunnel", "--config", t.config, "--url", "http://"+ln.Addr().String(), "--metrics", metrics, "--no-autoupdate")
	t.cmd.Env = cloudflaredEnv(os.Environ())
	output, theirs, err := os.Pipe()
	if err != nil {
		_ = ln.Close()
		_ = os.Remove(t.config)
		return nil, fmt.Errorf("start %q: %w", program, err)
	}
	t.cmd.Stdout, t.cmd.Stderr = theirs, theirs
	started := make(chan error)
	go t.child(started, output)
	err = <-started
	_ = theirs.Close() // the program has its own
	if err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("start %q: %w", program, err)
	}
	return t, nil
}

// emptyConfig makes a configuration file without settings. Without one the
// program reads the user's, whose ingress rules count for quick tunnels, too:
// the last of them answers 404 to every name that is not in it.
// (https://github.com/cloudflare/cloudflared, config/configuration.go)
func emptyConfig() (string, error) {
	f, err := os.CreateTemp("", "hf-tap-cloudflared-*.yml")
	if err != nil {
		return "", fmt.Errorf("make a configuration for cloudflared: %w", err)
	}
	_, err = f.WriteString("{}\n") // it complains of a file with nothing in it
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("make a configuration for cloudflared: %w", err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// cloudflaredConnects are the variables of cloudflared that say how it reaches
// Cloudflare. Each of its flags has one: the others make it open a tunnel of an
// account, or lead it elsewhere.
var cloudflaredConnects = []string{
	"TUNNEL_CACERT", "TUNNEL_EDGE_BIND_ADDRESS", "TUNNEL_EDGE_IP_VERSION", "TUNNEL_POST_QUANTUM", "TUNNEL_REGION", "TUNNEL_RETRIES", "TUNNEL_TRANSPORT_PROTOCOL",
}

// cloudflaredEnv is the environment that the program is started with.
func cloudflaredEnv(environ []string) []string {
	return slices.DeleteFunc(environ, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name)
		}
		return strings.HasPrefix(name, "TUNNEL_") && !slices.Contains(cloudflaredConnects, name)
	})
}

// freePort finds a port for the metrics. Another program may take it before
// cloudflared does, which ends then.
func freePort(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port for cloudflared: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// isFree reports whether nobody listens at an address of this machine.
func isFree(address string) bool {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp4", address)
	if err != nil {
		return false
	}
	_ = ln.Close()
	return true
}

// child runs the program on one thread of the system: on Linux the program
// ends when the thread ends that started it, which any other thread may.
func (t *cloudflaredTunnel) child(started chan<- error, output *os.File) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer output.Close()
	defer os.Remove(t.config)
	var err error
	t.tree, err = process.Start(t.cmd, process.Config{Death: syscall.SIGKILL})
	started <- err
	if err != nil {
		return
	}
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(&lines{take: t.said.line}, output) })
	_, _ = t.tree.Wait() // how it ended, its output tells
	t.tree.Kill()        // nothing of what it started is to stay
	t.tree.Close()
	// What has left the group may hold the pipe. It is not waited for.
	_ = output.SetReadDeadline(time.Now().Add(cloudflaredGrace))
	reading.Wait()
	close(t.exited)
}

// ready waits until the program has an address and a connection.
func (t *cloudflaredTunnel) ready(ctx context.Context) error {
	poll := time.NewTicker(cloudflaredPoll)
	defer poll.Stop()
	for {
		if t.url == "" {
			public, err := t.hostname(ctx)
			if err != nil {
				return err
			}
			t.url = public
		}
		if t.url != "" && t.connected(ctx) {
			return nil
		}
		select {
		case <-poll.C:
		case <-t.exited:
			return t.exit()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// hostname asks for the address, "" while there is none.
func (t *cloudflaredTunnel) hostname(ctx context.Context) (string, error) {
	status, body := t.ask(ctx, "/quicktunnel")
	var answer struct {
		Hostname string `json:"hostname"`
	}
	if status != http.StatusOK || json.Unmarshal(body, &answer) != nil || answer.Hostname == "" {
		return "", nil
	}
	public, err := announced("https://"+answer.Hostname, []string{cloudflaredDomain}, false)
	if err != nil {
		return "", &ProviderError{Provider: Cloudflared, Message: "it " + err.Error(), Permanent: true}
	}
	return public, nil
}

// connected reports whether the program has a connection to Cloudflare. Without
// an answer it is asked once more: the time for the first may have passed while
// this process was suspended.
func (t *cloudflaredTunnel) connected(ctx context.Context) bool {
	status, _ := t.ask(ctx, "/ready")
	if status == 0 && ctx.Err() == nil {
		status, _ = t.ask(ctx, "/ready")
	}
	return status == http.StatusOK
}

func (t *cloudflaredTunnel) ask(ctx context.Context, path string) (int, []byte) {
	ctx, cancel := context.WithTimeout(ctx, t.beat)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.metrics+path, http.NoBody)
	if err != nil {
		return 0, nil
	}
	resp, err := t.asks.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxMetrics)) // half an answer is none
	return resp.StatusCode, body
}

// watch looks whether the connection is there. The program makes it again by
// itself.
func (t *cloudflaredTunnel) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	t.run.Go(func() {
		select {
		case <-t.closed:
		case <-t.exited:
		}
		cancel()
	})
	tick := time.NewTicker(t.beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if t.ended() {
				t.set(false, t.exit())
			}
			return
		case <-tick.C:
		}
		up := t.connected(ctx)
		if ctx.Err() != nil {
			continue
		}
		t.set(up, t.fault(StepSession, errors.New("it has no connection to Cloudflare")))
	}
}

// ended reports whether the program has ended by itself.
func (t *cloudflaredTunnel) ended() bool {
	select {
	case <-t.closed:
		return false
	default:
	}
	select {
	case <-t.exited:
		return true
	default:
		return false
	}
}

// set notes how the connection is, and tells if that is news.
func (t *cloudflaredTunnel) set(up bool, cause error) {
	t.mu.Lock()
	news := t.link.Up != up
	if t.link.Up = up; up {
		t.link.Cause = nil
		if news {
			t.link.Made++
		}
	} else {
		t.link.Cause = cause
	}
	t.mu.Unlock()
	if !news {
		return
	}
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

func (t *cloudflaredTunnel) fault(step Step, err error) *ConnectError {
	return &ConnectError{Provider: Cloudflared, Server: "Cloudflare", Step: step, Err: err}
}

// exit says why the program has ended, by what it wrote.
func (t *cloudflaredTunnel) exit() *ProviderError {
	e := &ProviderError{Provider: Cloudflared, Message: "the program has ended"}
	if said := t.said.words(); said != "" {
		e.Message += ": " + said
	}
	if strings.Contains(e.Message, tooMany) {
		e.Code = "429"
	}
	return e
}

// Accept gives the next connection, which is the program's.
func (t *cloudflaredTunnel) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	switch {
	case err == nil:
		return conn, nil
	case t.ended():
		return nil, t.exit()
	}
	return nil, err
}

// Close ends the program and all that it started, and waits for their end.
func (t *cloudflaredTunnel) Close() error {
	t.close.Do(func() {
		close(t.closed)
		t.tree.Terminate()
		late := time.NewTimer(cloudflaredGrace)
		defer late.Stop()
		select {
		case <-t.exited:
		case <-late.C:
			t.tree.Kill()
		}
		_ = t.Listener.Close() // watching for the end may have done it
	})
	<-t.exited
	t.run.Wait()
	return nil
}

// Link tells how the connection is.
func (t *cloudflaredTunnel) Link() Link {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.link
}

func (t *cloudflaredTunnel) LinkChanged() <-chan struct{} { return t.changed }
func (t *cloudflaredTunnel) Provider() string             { return Cloudflared }
func (t *cloudflaredTunnel) URL() string                  { return t.url }
