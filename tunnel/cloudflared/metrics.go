package cloudflared

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/hf-tap/hf-tap/tunnel"
	"github.com/hf-tap/hf-tap/tunnel/internal/announce"
)

const (
	pollTime   = 100 * time.Millisecond // between two requests while the program starts
	maxMetrics = 64 << 10               // the longest answer of the metrics server, in bytes
	domain     = "trycloudflare.com"    // in which quick tunnels have their names
)

// ready waits until the program has an address and a connection.
func (t *programTunnel) ready(ctx context.Context) error {
	poll := time.NewTicker(pollTime)
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

// hostname returns the address, or "" while there is none.
func (t *programTunnel) hostname(ctx context.Context) (string, error) {
	status, body := t.getMetrics(ctx, "/quicktunnel")
	var answer struct {
		Hostname string `json:"hostname"`
	}
	if status != http.StatusOK || json.Unmarshal(body, &answer) != nil || answer.Hostname == "" {
		return "", nil
	}
	public, err := announce.Address("https://"+answer.Hostname, []string{domain}, false)
	if err != nil {
		return "", &tunnel.ProviderError{Provider: Name, Message: "it " + err.Error(), Permanent: true}
	}
	return public, nil
}

// connected reports whether the program has a connection to Cloudflare. Without an
// answer it sends a second request, because the time for the first may have passed
// while this process was suspended.
func (t *programTunnel) connected(ctx context.Context) bool {
	status, _ := t.getMetrics(ctx, "/ready")
	if status == 0 && ctx.Err() == nil {
		status, _ = t.getMetrics(ctx, "/ready")
	}
	return status == http.StatusOK
}

func (t *programTunnel) getMetrics(ctx context.Context, path string) (int, []byte) {
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
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxMetrics)) // an incomplete answer is an invalid one
	return resp.StatusCode, body
}
