package cloudflared

import (
	"cmp"
	"context"
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
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/internal/announce"
)

// graceTime is how long the program has to end by itself before it is killed.
const graceTime = time.Second

// find returns the path of the program.
func find(cfg Config) (string, error) {
	program, err := exec.LookPath(cmp.Or(cfg.Program, Name))
	if err != nil {
		return "", &tunnel.ProgramError{Program: Name, Err: err}
	}
	return program, nil
}

func start(ctx context.Context, cfg Config, program string) (*programTunnel, error) {
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
	t := &programTunnel{
		Listener: ln, LinkState: tunnel.NewLinkState(), metrics: metrics, beat: cfg.Heartbeat,
		// The metrics are on this machine: without a proxy, and without idle connections.
		asks:   &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		exited: make(chan struct{}), closed: make(chan struct{}),
	}
	t.Connected()
	if t.config, err = emptyConfig(); err != nil {
		_ = ln.Close()
		return nil, err
	}
	t.cmd = exec.Command(program, "tunnel", "--config", t.config, "--url", "http://"+ln.Addr().String(), "--metrics", metrics, "--no-autoupdate")
	t.cmd.Env = environment(os.Environ())
	output, theirs, err := os.Pipe()
	if err != nil {
		_ = ln.Close()
		_ = os.Remove(t.config)
		return nil, fmt.Errorf("start %q: %w", program, err)
	}
	t.cmd.Stdout, t.cmd.Stderr = theirs, theirs
	started := make(chan error)
	go t.runProgram(started, output)
	err = <-started
	_ = theirs.Close() // the program has its own copy
	if err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("start %q: %w", program, err)
	}
	return t, nil
}

// emptyConfig creates a configuration file without settings. Without one, the program
// reads the user's file, whose ingress rules apply to quick tunnels, too: the last of
// them answers 404 to every unknown name.
// (https://github.com/cloudflare/cloudflared, config/configuration.go)
func emptyConfig() (string, error) {
	f, err := os.CreateTemp("", "hf-tap-cloudflared-*.yml")
	if err != nil {
		return "", fmt.Errorf("make a configuration for cloudflared: %w", err)
	}
	_, err = f.WriteString("{}\n") // it warns about an empty file
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("make a configuration for cloudflared: %w", err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// connectVariables are the environment variables about the connection to Cloudflare.
// Each flag of cloudflared has a variable: the others make it open a tunnel of an
// account, or lead it elsewhere.
var connectVariables = []string{
	"TUNNEL_CACERT", "TUNNEL_EDGE_BIND_ADDRESS", "TUNNEL_EDGE_IP_VERSION", "TUNNEL_POST_QUANTUM", "TUNNEL_REGION", "TUNNEL_RETRIES", "TUNNEL_TRANSPORT_PROTOCOL",
}

// environment returns the environment for the program.
func environment(environ []string) []string {
	return slices.DeleteFunc(environ, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name)
		}
		return strings.HasPrefix(name, "TUNNEL_") && !slices.Contains(connectVariables, name)
	})
}

// freePort finds a port for the metrics. If another program takes it before
// cloudflared does, cloudflared ends.
func freePort(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port for cloudflared: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// isFree reports whether no program listens at an address of this machine.
func isFree(address string) bool {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp4", address)
	if err != nil {
		return false
	}
	_ = ln.Close()
	return true
}

// runProgram runs the program from one thread of the system, which lives as long as the
// program: on Linux the program ends with the thread that started it.
func (t *programTunnel) runProgram(started chan<- error, output *os.File) {
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
	reading.Go(func() { _, _ = io.Copy(&announce.Lines{Take: t.said.line}, output) })
	_, _ = t.tree.Wait() // its output has the reason
	t.tree.Kill()        // also what it has started
	t.tree.Close()
	// A process that has left the group may keep the pipe open. Do not wait for it.
	_ = output.SetReadDeadline(time.Now().Add(graceTime))
	reading.Wait()
	close(t.exited)
}
