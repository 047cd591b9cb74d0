// Package frps tries the client of frp's protocol against frp itself. It is
// a module of its own, because frp brings more than a hundred others.
package frps

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	frpclient "github.com/fatedier/frp/client"
	v1 "github.com/fatedier/frp/pkg/config/v1"
	frplog "github.com/fatedier/frp/pkg/util/log"
	frpserver "github.com/fatedier/frp/server"
	"go.uber.org/goleak"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/gradio"
)

// What the test binary is when it is started by a test.
const (
	asServer = "FRPSTEST_SERVER" // frps with this configuration
	asClient = "FRPSTEST_CLIENT" // frpc with this one
	asHolder = "FRPSTEST_HOLDER" // our own client, at this server
)

// What the tests log in with.
const (
	token = "geheim"
	kept  = "a kept name"
)

func TestMain(m *testing.M) {
	var err error
	if text := os.Getenv(asServer); text != "" {
		err = runServer([]byte(text))
	} else if text := os.Getenv(asClient); text != "" {
		err = runClient([]byte(text))
	} else if text := os.Getenv(asHolder); text != "" {
		err = runHolder([]byte(text))
	} else {
		goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) // frp starts some when it is loaded
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func runServer(text []byte) error {
	cfg := &v1.ServerConfig{}
	if err := json.Unmarshal(text, cfg); err != nil {
		return err
	}
	cfg.Complete()
	frplog.InitLogger(os.DevNull, "info", 1, true)
	svr, err := frpserver.NewService(cfg)
	if err != nil {
		return err
	}
	fmt.Println("ready") // it listens
	svr.Run(context.Background())
	return errors.New("frps has ended")
}

// clientConfig is what frpc is to do.
type clientConfig struct {
	Port      int
	SubDomain string
}

func runClient(text []byte) error {
	var c clientConfig
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	common := &v1.ClientCommonConfig{ServerAddr: "127.0.0.1", ServerPort: c.Port}
	common.Complete()
	frplog.InitLogger(os.DevNull, "info", 1, true)
	proxy := &v1.HTTPProxyConfig{}
	proxy.Name, proxy.Type, proxy.SubDomain, proxy.LocalPort = "another", "http", c.SubDomain, 9
	proxy.Complete("")
	svc, err := frpclient.NewService(frpclient.ServiceOptions{Common: common, ProxyCfgs: []v1.ProxyConfigurer{proxy}})
	if err != nil {
		return err
	}
	running := make(chan error, 1)
	go func() { running <- svc.Run(context.Background()) }()
	for tick := time.Tick(10 * time.Millisecond); ; {
		select {
		case err := <-running:
			return err
		case <-tick:
		}
		if status, ok := svc.StatusExporter().GetProxyStatus("another"); ok && status.Phase == "running" {
			break
		}
	}
	fmt.Println("ready")
	return <-running
}

// runHolder holds the address that the tests use.
func runHolder(text []byte) error {
	var server string
	if err := json.Unmarshal(text, &server); err != nil {
		return err
	}
	c, err := try(context.Background(), gradio.Config{Server: server, Token: token, Name: kept})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	_, err = c.Accept()
	return err
}

// child starts this binary as something else, and waits until it is ready.
func child(t *testing.T, as string, cfg any) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	// frp has races of its own, which are not what is tested.
	cmd.Env = append(os.Environ(), as+"="+string(text), "GORACE=log_path="+os.DevNull+" exitcode=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("it said %q, %v", line, err)
	}
	return cmd
}

// kill ends a child without a word to anybody.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// port returns a port that nobody listens on.
func port(t *testing.T) int {
	return int(netip.MustParseAddrPort(porttest.Addr(t)).Port())
}

func serverConfig(t *testing.T) *v1.ServerConfig {
	cfg := &v1.ServerConfig{BindAddr: "127.0.0.1", BindPort: port(t), VhostHTTPPort: port(t), SubDomainHost: "localhost"}
	cfg.Auth.Token = token
	return cfg
}

// leadsTo is the client's configuration for a server.
func leadsTo(cfg *v1.ServerConfig) gradio.Config {
	return gradio.Config{
		Server: fmt.Sprint("127.0.0.1:", cfg.BindPort), Token: cfg.Auth.Token, Name: kept,
		Options: tunnel.Options{Timeout: time.Minute},
	}
}

// try opens a tunnel that may fail.
func try(ctx context.Context, cfg gradio.Config) (tunnel.ReconnectingTunnel, error) {
	p, err := gradio.New(cfg)
	if err != nil {
		return nil, err
	}
	t, err := p.Open(ctx)
	if err != nil {
		return nil, err
	}
	return t.(tunnel.ReconnectingTunnel), nil
}

func open(t *testing.T, cfg gradio.Config) tunnel.ReconnectingTunnel {
	t.Helper()
	c, err := try(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// serve echoes bodies until the test ends.
func serve(t *testing.T, ln net.Listener) {
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("From", r.RemoteAddr)
			_, _ = w.Write(body)
		}),
		ErrorLog: log.New(io.Discard, "", 0), ReadTimeout: time.Minute, WriteTimeout: time.Minute,
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	t.Cleanup(func() {
		_ = ln.Close()
		_ = srv.Close()
		wg.Wait()
	})
}

// public is somebody in the internet, for whom *.localhost is this machine.
func public(t *testing.T) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: time.Minute}
}

// deliver sends bodies of all sizes and wants them back to the byte.
func deliver(t *testing.T, c tunnel.ReconnectingTunnel, n int) {
	t.Helper()
	client := public(t)
	for i := range n {
		sent := bytes.Repeat([]byte{0, 0xff, '\r', '\n', byte(i), byte(i >> 8)}, 1+i*7%500)
		if i%100 == 99 {
			sent = bytes.Repeat(sent, 1+(4<<20)/len(sent))
		}
		resp, err := client.Post(c.URL()+"/hook", "application/octet-stream", bytes.NewReader(sent))
		if err != nil {
			t.Fatalf("delivery %d: %v", i, err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || !bytes.Equal(got, sent) {
			t.Fatalf("delivery %d: %s, %d bytes came back as %d, %v", i, resp.Status, len(sent), len(got), err)
		}
		if from, _, _ := net.SplitHostPort(resp.Header.Get("From")); from != "127.0.0.1" {
			t.Fatalf("it came from %s", from)
		}
	}
}

// until waits for a state.
func until(t *testing.T, c tunnel.ReconnectingTunnel, fits func(tunnel.Link) bool) tunnel.Link {
	t.Helper()
	late := time.After(time.Minute)
	for {
		if s := c.Link(); fits(s) {
			return s
		}
		select {
		case <-c.LinkChanged():
		case <-late:
			t.Fatalf("it stays %+v", c.Link())
		}
	}
}

func TestDeliveriesArriveToTheByteAlsoAfterTheServerWasKilled(t *testing.T) {
	for _, name := range []string{"plain", "TLS"} {
		t.Run(name, func(t *testing.T) {
			scfg := serverConfig(t)
			cfg := leadsTo(scfg)
			if name == "TLS" {
				files := certificates(t)
				scfg.Transport.TLS.Force = true
				scfg.Transport.TLS.CertFile, scfg.Transport.TLS.KeyFile = files.cert, files.key
				cfg.Roots = []*x509.CertPool{files.pool}
			}
			server := child(t, asServer, scfg)
			c := open(t, cfg)
			serve(t, c)
			if want := fmt.Sprintf("http://%s.localhost:%d", label(kept), scfg.VhostHTTPPort); c.URL() != want {
				t.Errorf("at %s, want %s", c.URL(), want)
			}
			deliver(t, c, 500)
			kill(server)
			state := until(t, c, func(s tunnel.Link) bool { return !s.Up })
			t.Logf("away: %v", state.Cause)
			child(t, asServer, scfg)
			until(t, c, func(s tunnel.Link) bool { return s.Up && s.Made == 2 })
			deliver(t, c, 500)
		})
	}
}

// label is the subdomain of a name.
func label(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])[:18]
}

func TestManyAtOnce(t *testing.T) {
	scfg := serverConfig(t)
	child(t, asServer, scfg)
	c := open(t, leadsTo(scfg))
	serve(t, c)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { deliver(t, c, 50) })
	}
	wg.Wait()
}

// counted is a connection that reports each read.
type counted struct {
	net.Conn
	reads chan struct{}
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	select {
	case c.reads <- struct{}{}:
	default:
	}
	return n, err
}

func TestAnswersToPingsAreSignsOfLife(t *testing.T) {
	scfg := serverConfig(t)
	child(t, asServer, scfg)
	cfg := leadsTo(scfg)
	cfg.Heartbeat = 500 * time.Millisecond
	reads, again := make(chan struct{}), make(chan struct{})
	dials := 0
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials++; dials == 2 {
			close(again)
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return counted{conn, reads}, err
	}
	c := open(t, cfg)
	for began := time.Now(); time.Since(began) < 4*cfg.Heartbeat; { // longer than a dead one lives
		select {
		case <-reads:
		case <-again:
			t.Fatalf("it was left: %+v", c.Link())
		}
	}
}

// TestASessionThatDiedUnnoticedIsReplaced: frps believes that a stopped process
// lives, until it misses its signs of life. With its run id, the login waits so
// long; without, the answer is "router config conflict".
func TestASessionThatDiedUnnoticedIsReplaced(t *testing.T) {
	scfg := serverConfig(t)
	scfg.Transport.TCPMuxKeepaliveInterval = 1 // second, and ten more for the answer
	child(t, asServer, scfg)
	holder := child(t, asHolder, leadsTo(scfg).Server)
	if err := holder.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	cfg := leadsTo(scfg)
	c := open(t, cfg)
	serve(t, c)
	deliver(t, c, 10)
	if s := c.Link(); s.Made != 1 {
		t.Errorf("%+v", s)
	}
}

func TestWhatFrpsRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*v1.ServerConfig, *gradio.Config)
		code   string
	}{
		{"another token", func(_ *v1.ServerConfig, c *gradio.Config) { c.Token = "falsch" }, gradio.BadToken},
		{"no HTTP", func(s *v1.ServerConfig, _ *gradio.Config) { s.VhostHTTPPort = 0 }, gradio.Unsupported},
		{"no domain", func(s *v1.ServerConfig, _ *gradio.Config) { s.SubDomainHost = "" }, gradio.Unsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			scfg := serverConfig(t)
			cfg := leadsTo(scfg)
			c.change(scfg, &cfg)
			child(t, asServer, scfg)
			wantRefusal(t, cfg, c.code)
		})
	}
	t.Run("an address that another has", func(t *testing.T) {
		scfg := serverConfig(t)
		scfg.Auth.Token = ""
		child(t, asServer, scfg)
		child(t, asClient, clientConfig{scfg.BindPort, label(kept)})
		wantRefusal(t, leadsTo(scfg), gradio.NameTaken)
	})
}

func wantRefusal(t *testing.T, cfg gradio.Config, code string) {
	t.Helper()
	c, err := try(t.Context(), cfg)
	if err == nil {
		_ = c.Close()
		t.Fatal("it opened")
	}
	var refused *tunnel.ProviderError
	if !errors.As(err, &refused) || refused.Code != code {
		t.Errorf("%v", err)
	}
	t.Log(err)
}
