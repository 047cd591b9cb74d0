//go:build unix

package ssh

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
)

// BenchmarkOpenSSH measures a server that is reached by way of a real sshd
// beside the same server on its own port. They take turns, because a machine's
// speed changes from one second to the next; a ratio is of two neighbours.
//
//	go test -run - -bench OpenSSH ./tunnel/ssh
func BenchmarkOpenSSH(b *testing.B) {
	const pairs, clients, requests = 15, 8, 3200
	s := startSSHD(b)
	cfg := throughSSHD(b, s, unusedPort(b))
	k, err := tunnel.OpenKeeper(context.Background(), tunnel.KeeperConfig{Open: func(ctx context.Context) (tunnel.Tunnel, error) { return try(ctx, cfg) }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = k.Close() })
	take := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	tunneltest.Serve(b, k.Listener(), take)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	tunneltest.Serve(b, ln, take)
	ours, direct := k.Status().URL, "http://"+ln.Addr().String()
	tunneltest.Load(b, ours, clients, requests/4)
	tunneltest.Load(b, direct, clients, requests/4)
	for b.Loop() {
		var ratios, through []float64
		for range pairs {
			a, z := tunneltest.Load(b, ours, clients, requests), tunneltest.Load(b, direct, clients, requests)
			ratios, through = append(ratios, a/z), append(through, a)
		}
		slices.Sort(ratios)
		slices.Sort(through)
		b.ReportMetric(ratios[pairs/2], "ratio")
		b.ReportMetric(ratios[0], "ratio-min")
		b.ReportMetric(ratios[pairs-1], "ratio-max")
		b.ReportMetric(through[pairs/2], "req/s")
	}
}
