//go:build unix

package session

import (
	"net"
	"net/http"
	"net/url"
	"testing"

	edgetest "github.com/hf-tap/hf-tap/internal/testserver/edge"
)

// BenchmarkTunnelPrograms measures sessions behind tunnels of which a part is
// another program, as BenchmarkTunnels does those that are not.
//
// A real sshd stands for all tunnels by SSH: the services are reached by the
// same client. Of cloudflared the program itself cannot be had here. What takes
// its place is a proxy of the tests', so that the figure says what a session
// costs on a listener behind a proxy, and nothing of cloudflared's own speed.
//
//	go test -run '^$' -bench TunnelPrograms ./internal/session
func BenchmarkTunnelPrograms(b *testing.B) {
	b.Run("ssh", benchSSHD)
	b.Run("cloudflared", benchCloudflared)
}

func benchSSHD(b *testing.B) {
	_, through := startSSHD(b)
	pairs(b, 16, tapThrough(b, through, true), tapThrough(b, TunnelConfig{}, true), "direct-req/s")
}

func benchCloudflared(b *testing.B) {
	cloudflare, through := startCloudflare(b)
	e, err := edgetest.Start("127.0.0.1:0", cloudflare.Dial)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { e.Close() })
	// The session asks for itself at the public address by this one.
	plain, visitor := http.DefaultTransport, e.Visitor()
	http.DefaultTransport = visitor
	b.Cleanup(func() {
		visitor.CloseIdleConnections()
		http.DefaultTransport = plain
	})
	tap := tapThrough(b, through, true)
	public, err := url.Parse(tap.url)
	if err != nil {
		b.Fatal(err)
	}
	// Deliveries come without TLS, as they do to the session without a tunnel.
	open, err := edgetest.StartPlain("127.0.0.1:0", net.JoinHostPort(public.Host, "443"), cloudflare.Dial)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { open.Close() })
	tap.url = "http://" + open.Addr() + public.Path
	pairs(b, 16, tap, tapThrough(b, TunnelConfig{}, true), "direct-req/s")
}
