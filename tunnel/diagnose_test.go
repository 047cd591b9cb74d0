package tunnel_test

import (
	"os"
	"strings"
	"testing"
	"time"

	cloudflaredtest "github.com/hf-tap/hf-tap/internal/testserver/cloudflared"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/cloudflared"
	"github.com/hf-tap/hf-tap/tunnel/ngrok"
	"github.com/hf-tap/hf-tap/tunnel/ssh"
)

func TestDiagnoseTriesEachOfSeveralProviders(t *testing.T) {
	e, err := cloudflaredtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, line := range e.Env(cloudflaredtest.Well) {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	opts := tunnel.Options{Dial: tunneltest.Refused, Timeout: time.Minute}
	s, err := tunnel.Choose([]tunnel.Choice{
		{Name: ngrok.Name, New: func(string) (tunnel.Provider, error) { return ngrok.New(ngrok.Config{}) }},
		{Name: ssh.Serveo, New: func(name string) (tunnel.Provider, error) {
			return ssh.New(name, ssh.Config{Options: opts, KnownHosts: t.TempDir() + "/known"})
		}},
		{Name: cloudflared.Name, New: func(string) (tunnel.Provider, error) {
			return cloudflared.New(cloudflared.Config{Options: opts, Program: program})
		}},
	}, "ngrok,serveo,cloudflared")
	if err != nil {
		t.Fatal(err)
	}
	found := s.Diagnose(t.Context(), tunneltest.Visitor(t, e.Dial), opts)
	tunneltest.WantSteps(t, found, "tunnel! tunnel reach! tunnel program session address round trip", "")
	if found[1].Detail != "serveo, as asked for" {
		t.Errorf("%+v", found[1])
	}
}
