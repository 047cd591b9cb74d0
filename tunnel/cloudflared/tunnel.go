package cloudflared

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/internal/process"
	"github.com/hf-tap/hf-tap/tunnel"
)

// maxTries is how often the program is started when another one has taken the
// port for its metrics.
const maxTries = 3

// programTunnel is the running program, and the listener on loopback that it
// leads to.
type programTunnel struct {
	net.Listener
	*tunnel.LinkState

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
}

// open starts the program and waits until it has an address and a connection. If that
// fails, it ends the program.
func open(ctx context.Context, cfg Config) (*programTunnel, error) {
	program, err := find(cfg)
	if err != nil {
		return nil, err
	}
	opening, cancel := cfg.Limited(ctx, nil)
	defer cancel()
	for try := 1; ; try++ {
		t, err := start(opening, cfg, program)
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
			return nil, t.fault(tunnel.StepProtocol, fmt.Errorf("no address and connection within %s: %w", cfg.Timeout, opening.Err()))
		case try == maxTries || isFree(t.metrics):
			return nil, err
		}
		// Another program took the metrics' port before cloudflared did.
	}
}

// serve starts the goroutines of a tunnel that is ready.
func (t *programTunnel) serve() {
	_ = os.Remove(t.config) // the program has read it, and after a SIGKILL nobody would remove it
	t.run.Go(t.watch)
	t.run.Go(func() {
		<-t.exited
		_ = t.Listener.Close() // ends Accept; Close may have closed it
	})
}

// watch records whether the program is connected. The program connects again by
// itself.
func (t *programTunnel) watch() {
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
				t.record(false, t.exit())
			}
			return
		case <-tick.C:
		}
		up := t.connected(ctx)
		if ctx.Err() != nil {
			continue
		}
		t.record(up, t.fault(tunnel.StepSession, errors.New("it has no connection to Cloudflare")))
	}
}

// ended reports whether the program has ended by itself.
func (t *programTunnel) ended() bool {
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

// record records a change of the connection, if it is one.
func (t *programTunnel) record(up bool, cause error) {
	switch was := t.Link().Up; {
	case up && !was:
		t.Connected()
	case !up && was:
		t.Disconnected(cause)
	}
}

func (t *programTunnel) fault(step tunnel.Step, err error) *tunnel.ConnectError {
	return &tunnel.ConnectError{Provider: Name, Server: "Cloudflare", Step: step, Err: err}
}

// exit returns why the program has ended, from its output.
func (t *programTunnel) exit() *tunnel.ProviderError {
	e := &tunnel.ProviderError{Provider: Name, Message: "the program has ended"}
	if said := t.said.words(); said != "" {
		e.Message += ": " + said
	}
	if strings.Contains(e.Message, tooMany) {
		e.Code = "429"
	}
	return e
}

// Accept returns the next connection, which comes from the program.
func (t *programTunnel) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	switch {
	case err == nil:
		return conn, nil
	case t.ended():
		return nil, t.exit()
	}
	return nil, err
}

// Close ends the program and all that it has started, and waits for their end.
func (t *programTunnel) Close() error {
	t.close.Do(func() {
		close(t.closed)
		t.tree.Terminate()
		late := time.NewTimer(graceTime)
		defer late.Stop()
		select {
		case <-t.exited:
		case <-late.C:
			t.tree.Kill()
		}
		_ = t.Listener.Close() // serve may have closed it
	})
	<-t.exited
	t.run.Wait()
	return nil
}

// Provider is the name of the provider.
func (t *programTunnel) Provider() string { return Name }

// URL is the address that the program has.
func (t *programTunnel) URL() string { return t.url }
