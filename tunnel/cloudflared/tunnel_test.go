package cloudflared

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cloudflaredtest "github.com/hf-tap/hf-tap/internal/testserver/cloudflared"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
	"go.uber.org/goleak"
)

// holderEnv makes the test's own program one that opens a tunnel by cloudflared,
// reports that, and waits to be killed.
const holderEnv = "HF_TAP_TEST_HOLDER"

func TestMain(m *testing.M) {
	cloudflaredtest.Main()
	if os.Getenv(holderEnv) != "" {
		holdCloudflared()
	}
	goleak.VerifyTestMain(m)
}

func holdCloudflared() {
	tun, err := try(context.Background(), Config{Program: os.Args[0]})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("open", tun.URL())
	select {}
}

// startCloudflare starts Cloudflare's end, and gives settings that take the
// test's own program for cloudflared.
func startCloudflare(t testing.TB, how cloudflaredtest.Behaviour) (*cloudflaredtest.Edge, Config) {
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
	for _, line := range e.Env(how) {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return e, Config{Program: program, Options: tunnel.Options{Timeout: time.Minute, Heartbeat: 500 * time.Millisecond}}
}

// must opens a tunnel, and closes it at the end of the test.
func must(t testing.TB, cfg Config) tunnel.Tunnel {
	t.Helper()
	p, err := New(cfg)
	return tunneltest.Open(t, p, err)
}

// try opens a tunnel that may fail.
func try(ctx context.Context, cfg Config) (tunnel.Tunnel, error) {
	p, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return p.Open(ctx)
}

// program returns the one that was started as the nth.
func program(t testing.TB, e *cloudflaredtest.Edge, n int) cloudflaredtest.Program {
	t.Helper()
	p, err := e.Wait(tunneltest.Patience(t), n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// noneLeft checks that every program that has connected has ended. One that was
// ended before that is not known.
func noneLeft(t testing.TB, e *cloudflaredtest.Edge) {
	t.Helper()
	for _, p := range e.Programs() {
		if !gone(t, p.PID) {
			t.Errorf("a program is left running: %+v", p)
		}
	}
}

func TestAThousandBodiesComeThroughCloudflared(t *testing.T) {
	e, cfg := startCloudflare(t, cloudflaredtest.Well)
	tun := must(t, cfg)
	if tun.URL() != "https://"+program(t, e, 1).Name || tun.Provider() != Name || !tun.(tunnel.ReconnectingTunnel).Link().Up {
		t.Errorf("%s at %s", tun.Provider(), tun.URL())
	}
	tunneltest.Echo(t, tun)
	tunneltest.Thousand(t, tunneltest.Visitor(t, e.Dial), tun.URL())
}

func TestCloudflaredIsNotSetUpByTheUsersOwnConfiguration(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	if err := os.Mkdir(filepath.Join(home, ".cloudflared"), 0o700); err != nil {
		t.Fatal(err)
	}
	own := "tunnel: mine\ningress:\n- hostname: me.example\n  service: http://localhost:2000\n- service: http_status:404\n"
	if err := os.WriteFile(filepath.Join(home, ".cloudflared", "config.yml"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TUNNEL_NAME", "mine")
	t.Setenv("TUNNEL_HOSTNAME", "me.example")
	e, cfg := startCloudflare(t, cloudflaredtest.Well)
	tun := must(t, cfg)
	tunneltest.Echo(t, tun)
	tunneltest.Thousand(t, tunneltest.Visitor(t, e.Dial), tun.URL())
}

func TestTheEnvironmentOfCloudflaredSaysHowItConnectsAndNothingElse(t *testing.T) {
	got := environment([]string{"PATH=/bin", "TUNNEL_TOKEN=x", "TUNNEL_URL=http://x", "tunnel_id=x", "TUNNEL_TRANSPORT_PROTOCOL=http2", "TUNNEL_EDGE_IP_VERSION=4", "HTTPS_PROXY=http://p"})
	want := []string{"PATH=/bin", "TUNNEL_TRANSPORT_PROTOCOL=http2", "TUNNEL_EDGE_IP_VERSION=4", "HTTPS_PROXY=http://p"}
	if runtime.GOOS != "windows" { // where names have no case
		want = slices.Insert(want, 1, "tunnel_id=x")
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestCloudflaredFaults(t *testing.T) {
	for _, c := range []struct {
		how  cloudflaredtest.Behaviour
		want string
	}{
		{cloudflaredtest.Limited, "cloudflared refuses: the program has ended: 429 Too Many Requests"},
		{cloudflaredtest.Evil, "which is not an address of its tunnels"},
		{cloudflaredtest.HTML, "no address and connection within"},
		{cloudflaredtest.Nameless, "no address and connection within"},
		{cloudflaredtest.Unready, "no address and connection within"},
		{cloudflaredtest.Silent, "no address and connection within"},
		{cloudflaredtest.Stubborn, ""},
		{cloudflaredtest.Endless, ""},
	} {
		t.Run(string(c.how), func(t *testing.T) {
			e, cfg := startCloudflare(t, c.how)
			if strings.HasPrefix(c.want, "no address") {
				cfg.Timeout = time.Second // of which all goes by
			}
			tun, err := try(t.Context(), cfg)
			if err == nil {
				err = tun.Close()
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v", err)
			}
			noneLeft(t, e)
		})
	}
	var missing *tunnel.ProgramError
	_, err := try(t.Context(), Config{Program: "/nowhere/cloudflared"})
	if !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}

func TestAPortThatIsTakenWhileTheProgramStartsIsReplacedByAnother(t *testing.T) {
	for taken, want := range map[int]int{1: 2, 2: 3, 3: 3} {
		e, cfg := startCloudflare(t, cloudflaredtest.Well)
		e.TakePorts(taken)
		tun, err := try(t.Context(), cfg)
		if err == nil {
			err = tun.Close()
		}
		if given := taken == maxTries; given != (err != nil) || given && !strings.Contains(err.Error(), "the program has ended") {
			t.Errorf("%d times: %v", taken, err)
		}
		if come := e.Programs(); len(come) != want {
			t.Errorf("%d times: started %d times", taken, len(come))
		}
		noneLeft(t, e)
	}
}

func TestTheProgramEndsWithTheContextWhileItStarts(t *testing.T) {
	e, cfg := startCloudflare(t, cloudflaredtest.Unready)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		if _, err := e.Wait(tunneltest.Patience(t), 1); err != nil {
			t.Error(err)
		}
	})
	if _, err := try(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wg.Wait()
	if !gone(t, program(t, e, 1).PID) {
		t.Error("the program is left running")
	}
}

func TestCloudflaredComesBackByItself(t *testing.T) {
	e, cfg := startCloudflare(t, cloudflaredtest.Well)
	tun := must(t, cfg)
	l := tun.(tunnel.ReconnectingTunnel)
	e.Refuse(true)
	<-l.LinkChanged()
	if got := l.Link(); got.Up || got.Cause == nil {
		t.Errorf("%+v", got)
	}
	e.Refuse(false)
	<-l.LinkChanged()
	if got := l.Link(); !got.Up || got.Made != 2 {
		t.Errorf("%+v", got)
	}
	if come := e.Programs(); len(come) != 1 {
		t.Errorf("%d programs have come", len(come))
	}
}

func TestTheEndOfTheProgramEndsTheTunnel(t *testing.T) {
	e, cfg := startCloudflare(t, cloudflaredtest.Well)
	tun := must(t, cfg)
	if err := program(t, e, 1).Exit(t.Context()); err != nil {
		t.Error(err)
	}
	_, err := tun.Accept()
	var refused *tunnel.ProviderError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "Tunnel not found") {
		t.Errorf("got %v", err)
	}
}

func TestCloudflaredIsKilledAndStartedAgainByAKeeper(t *testing.T) {
	e, cfg := startCloudflare(t, cloudflaredtest.Well)
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := tunneltest.Keep(t, p, tunneltest.Visitor(t, e.Dial), tunneltest.Quick())
	before := w.Status().URL
	w.MustPost(before, 500, "before")
	if err := program(t, e, 1).Kill(); err != nil {
		t.Fatal(err)
	}
	w.Until("away", tunneltest.Is(tunnel.StateAway))
	now := w.Until("up again", tunneltest.Is(tunnel.StateUp))
	if now.URL == before || now.URL != "https://"+program(t, e, 2).Name {
		t.Errorf("%s, then %s", before, now.URL)
	}
	w.MustPost(now.URL, 500, "after")
}
