package session

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	cloudflaredtest "github.com/hf-tap/hf-tap/internal/testserver/cloudflared"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/cloudflared"
)

// startCloudflare starts Cloudflare's end, and gives the way through it by this
// binary as its program.
func startCloudflare(t testing.TB) (*cloudflaredtest.Edge, TunnelConfig) {
	t.Helper()
	e, err := cloudflaredtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, line := range e.Env(cloudflaredtest.Well) {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return e, TunnelConfig{
		Provider: cloudflared.Name, Cloudflared: cloudflared.Config{Program: program},
		Options: tunnel.Options{Timeout: 30 * time.Second, Heartbeat: 500 * time.Millisecond},
	}
}

func TestThousandDeliveriesSurviveTheEndOfCloudflared(t *testing.T) {
	e, through := startCloudflare(t)
	public := publicEdge(t, e.Dial)
	outage{
		tunnel: through, public: public, moves: true,
		strike: func() {
			if err := e.Programs()[0].Kill(); err != nil {
				t.Fatal(err)
			}
		},
		ended: func() {
			come := e.Programs()
			if len(come) != 2 {
				t.Errorf("%d programs were started", len(come))
			}
			for _, p := range come {
				process, err := os.FindProcess(p.PID) // fails for one that is not there, where that can be told
				if err == nil && !errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone) {
					t.Errorf("a program is left: %+v", p)
				}
			}
		},
	}.survive(t)
}
