package tunnel

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Finding is one step on the way to a tunnel, and how it went.
type Finding struct {
	Step   string        // one of the steps below
	Detail string        // what was found, for people; may quote what the network said
	Took   time.Duration // 0 where there was nothing to wait for
	Err    error         // what stands in the way; nil: nothing does
	Hint   string        // what to do about Err in a few words, if anything
}

// The steps of Diagnose besides those of a ConnectError, which come between
// the first two for a provider with a server.
const (
	FindingTunnel  = "tunnel"     // which one is taken, and why
	FindingSession = "session"    // the provider takes the token and gives an address
	FindingAddress = "address"    // the public address
	FindingTrip    = "round trip" // a POST to it, which has to arrive here and be answered
)

// tripTime is how long a round trip is tried for. A fresh address may need a
// moment.
const tripTime = 5 * time.Second

// Diagnose goes the whole way to the tunnel that Open would take, step by step
// until one fails, and leaves nothing open. The client asks at the public
// address; nil: a plain one.
func Diagnose(ctx context.Context, cfg Config, client *http.Client) (found []Finding) {
	add := func(step, detail string, took time.Duration, err error) bool {
		found = append(found, Finding{Step: step, Detail: detail, Took: took, Err: err, Hint: Hint(err)})
		return err == nil
	}
	provider, err := cfg.Choose()
	if !add(FindingTunnel, reason(cfg, provider), 0, err) {
		return found
	}
	if provider == Ngrok && !diagnoseNgrok(ctx, cfg, add) {
		return found
	}
	if provider == Public && cfg.Port == 0 {
		// Where it leads to is known only when the port is.
		public, err := publicURL(cfg.PublicURL)
		add(FindingAddress, public, 0, err)
		return found
	}
	start := time.Now()
	tun, err := Open(ctx, cfg)
	if !add(FindingSession, sessionDetail(provider, err), time.Since(start), err) {
		return found
	}
	add(FindingAddress, tun.URL(), 0, nil)
	took, err := roundTrip(ctx, tun, client, min(tripTime, cmp.Or(cfg.Within, openTime)))
	add(FindingTrip, "a POST to the address came back", took, err)
	return found
}

// reason says which tunnel is taken and why.
func reason(cfg Config, provider string) string {
	switch {
	case provider == "":
		return ""
	case cfg.Provider != "" && cfg.Provider != Auto:
		return provider + ", as asked for"
	case provider == Public:
		return "public, as an address is given"
	case provider == Loopback:
		return "loopback, as the Hub is on this machine"
	}
	return provider + ", as there is a token"
}

func sessionDetail(provider string, err error) string {
	switch {
	case err != nil:
		return ""
	case provider == Ngrok:
		return "the token is accepted"
	}
	return "listening on this machine"
}

// diagnoseNgrok adds the steps to ngrok's server, and reports whether the way
// is clear.
func diagnoseNgrok(ctx context.Context, cfg Config, add func(string, string, time.Duration, error) bool) bool {
	p, latency, err := probeNgrok(ctx, cfg)
	server := newLine(cfg).server
	reach, through := StepReach, server
	if cfg.Proxy != nil {
		if proxy := cfg.Proxy(server); proxy != "" {
			reach, through = StepProxy, fmt.Sprintf("%s through %s", server, proxy)
		}
	}
	for _, step := range []struct {
		name   Step
		detail string
		took   time.Duration
	}{{reach, through, p.connected}, {StepTrust, "the certificate is trusted", p.secured}, {StepProtocol, "the server speaks ngrok's protocol", latency}} {
		if step.took > 0 {
			add(string(step.name), step.detail, step.took, nil)
			continue
		}
		failed := step.name
		var connect *ConnectError
		if errors.As(err, &connect) {
			failed = connect.Step
		}
		return add(string(failed), "", 0, err)
	}
	return err == nil
}

// roundTrip serves on a tunnel for as long as it takes to ask for ourselves at
// its address, and closes it.
func roundTrip(ctx context.Context, tun Tunnel, client *http.Client, within time.Duration) (time.Duration, error) {
	const path = "/hf-tap-doctor"
	key := make([]byte, sha256.Size)
	rand.Read(key) // never fails
	prove := func(nonce string) string {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(nonce))
		return hex.EncodeToString(mac.Sum(nil))
	}
	srv := &http.Server{
		ReadHeaderTimeout: tripTime, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			nonce, ours := strings.CutPrefix(r.URL.Path, path+"/")
			if !ours {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			_, _ = io.WriteString(w, prove(nonce))
		}),
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(tun) })
	own := client
	if own == nil {
		transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
		defer transport.CloseIdleConnections()
		own = &http.Client{Transport: transport}
	}
	took, err := Verify(ctx, Probe{URL: tun.URL() + path, Answer: prove, Client: own, Within: within})
	_ = srv.Close()
	_ = tun.Close() // the server may have done it
	serving.Wait()
	return took, err
}
