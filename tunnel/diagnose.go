package tunnel

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

// Finding is the result of one step of [Diagnose].
type Finding struct {
	Step   string        // one of the Finding constants, or the text of a [Step]
	Detail string        // the result, for people; may quote what the network said
	Took   time.Duration // 0 if the step does not wait for anything
	Err    error         // why the step failed; nil if it did not

	// Unverified is set if the step could not find out whether Detail is true.
	Unverified bool
}

// The steps of [Diagnose]. For a provider with a server, those of a ConnectError
// come between FindingTunnel and FindingSession.
const (
	FindingTunnel  = "tunnel"     // which provider is chosen, and why
	FindingProgram = "program"    // the program that makes the tunnel
	FindingSession = "session"    // the provider accepts the token and gives an address
	FindingAddress = "address"    // the public address
	FindingTrip    = "round trip" // a POST to the public address arrives here and is answered
)

// tripTime is the limit for the round trip. A fresh address may need a moment.
const tripTime = 10 * time.Second

// Diagnose opens a tunnel by each of the providers, sends a request through it
// and closes it, and returns the result of each step until one fails. The client
// sends the request to the public address; nil: a plain one. Of the options,
// Timeout limits the request.
func (s Selection) Diagnose(ctx context.Context, client *http.Client, opts Options) (found []Finding) {
	why := "as asked for"
	if s.Auto != "" {
		why = "as " + s.Auto
	}
	for _, p := range s.Providers {
		if u, ok := p.(unavailable); ok {
			found = append(found, Finding{Step: FindingTunnel, Err: u.err})
			continue
		}
		found = append(found, Finding{Step: FindingTunnel, Detail: p.Name() + ", " + why})
		found = append(found, Diagnose(ctx, p, client, opts)...)
	}
	return found
}

// Diagnose is [Selection.Diagnose] for one provider, without FindingTunnel.
func Diagnose(ctx context.Context, p Provider, client *http.Client, opts Options) []Finding {
	found := p.Diagnose(ctx)
	if n := len(found); n > 0 && found[n-1].Err != nil {
		return found
	}
	start := time.Now()
	t, err := p.Open(ctx)
	if err != nil {
		return append(found, Finding{Step: FindingSession, Took: time.Since(start), Err: err})
	}
	found = append(found, Finding{Step: FindingSession, Detail: "the tunnel is open", Took: time.Since(start)})
	address := t.URL()
	took, err := roundTrip(ctx, t, client, opts.WithDefaults())
	return append(found, Finding{Step: FindingAddress, Detail: address, Unverified: err != nil},
		Finding{Step: FindingTrip, Detail: "a POST to the address came back", Took: took, Err: err})
}

// ErrUnverified means that a server answers at a public address, but not whether
// the address leads to this machine.
var ErrUnverified = errors.New("whether the address leads here is unverified")

// Steps returns the findings of a connection to a provider's server, up to the
// first step that took no time: err is why that one failed.
func Steps(err error, steps ...Finding) (found []Finding) {
	for _, step := range steps {
		if step.Took > 0 {
			found = append(found, step)
			continue
		}
		var connect *ConnectError
		var refused *ProviderError
		switch {
		case errors.As(err, &connect):
			step.Step = string(connect.Step)
		case errors.As(err, &refused):
			step.Step = FindingSession
		}
		return append(found, Finding{Step: step.Step, Err: err})
	}
	return found
}

// roundTrip serves on a tunnel, sends requests to its address until one arrives, and
// closes the tunnel.
func roundTrip(ctx context.Context, tun Tunnel, client *http.Client, opts Options) (time.Duration, error) {
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
		transport := &http.Transport{Proxy: loopback.ProxyFromEnvironment}
		defer transport.CloseIdleConnections()
		own = &http.Client{Transport: transport}
	}
	took, err := Verify(ctx, Probe{URL: tun.URL() + path, Answer: prove, Client: own, Timeout: min(tripTime, opts.Timeout), clock: opts.Clock})
	_ = srv.Close()
	_ = tun.Close() // the server may have closed it
	serving.Wait()
	return took, err
}
