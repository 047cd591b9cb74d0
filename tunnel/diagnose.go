package tunnel

import (
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

// tripTime is how long a round trip is tried for, as long as a Keeper's first
// check. A fresh address may need a moment.
const tripTime = 10 * time.Second

// Diagnose opens the tunnel that [Open] would open, sends a request through it and
// closes it, and returns the result of each step until one fails. With several
// providers it does so with each. The client sends the request to the public
// address; nil: a plain one.
func Diagnose(ctx context.Context, cfg Config, client *http.Client) (found []Finding) {
	order, err := cfg.Order()
	if err != nil {
		return []Finding{{Step: FindingTunnel, Err: err}}
	}
	for _, provider := range order {
		found = append(found, diagnoseOne(ctx, cfg, provider, client)...)
	}
	return found
}

func diagnoseOne(ctx context.Context, cfg Config, provider string, client *http.Client) (found []Finding) {
	add := func(step, detail string, took time.Duration, err error) bool {
		found = append(found, Finding{Step: step, Detail: detail, Took: took, Err: err})
		return err == nil
	}
	if !add(FindingTunnel, reason(cfg, provider), 0, cfg.fits(provider)) {
		return found
	}
	clear := true
	switch {
	case provider == Ngrok:
		clear = diagnoseNgrok(ctx, cfg, add)
	case provider == Cloudflared:
		clear = diagnoseProgram(cfg, add)
	case UsesSSH(provider):
		clear = diagnoseSSH(ctx, cfg, provider, add)
	}
	if !clear {
		return found
	}
	if provider == Public && cfg.Port == 0 {
		public, err := publicURL(cfg.PublicURL)
		if err == nil {
			err = whoAnswers(ctx, public, client)
		}
		add(FindingAddress, public, 0, err)
		return found
	}
	start := time.Now()
	tun, err := openOne(ctx, cfg, provider)
	if !add(FindingSession, sessionDetail(provider, err), time.Since(start), err) {
		return found
	}
	address := tun.URL()
	took, err := roundTrip(ctx, tun, client, cfg)
	found = append(found, Finding{Step: FindingAddress, Detail: address, Unverified: err != nil})
	add(FindingTrip, "a POST to the address came back", took, err)
	return found
}

// ErrUnverified means that a server answers at a public address, but not whether
// the address leads to this machine.
var ErrUnverified = errors.New("whether the address leads here is unverified")

// whoAnswers asks at the address of a tunnel whose port is not known: nothing of
// ours can answer there yet. The error is never nil.
func whoAnswers(ctx context.Context, public string, client *http.Client) error {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	if client == nil {
		client = &http.Client{Transport: transport}
	}
	_, err := VerifyOnce(ctx, Probe{URL: public + "/hf-tap-doctor", Answer: func(string) string { return rand.Text() }, Client: client, Timeout: tripTime})
	var answered *WrongAnswerError
	if errors.As(err, &answered) {
		return fmt.Errorf("%w: %s answers %d, and the port that it leads to is not known", ErrUnverified, public, answered.Status)
	}
	return err
}

// reason says which tunnel is taken and why.
func reason(cfg Config, provider string) string {
	switch {
	case !cfg.auto():
		return provider + ", as asked for"
	case provider == Public:
		return "public, as an address is given"
	case provider == Loopback:
		return "loopback, as the Hub is on this machine"
	}
	if provider == Gradio {
		return "gradio, as there is no token for ngrok"
	}
	return provider + ", as there is a token"
}

func sessionDetail(provider string, err error) string {
	switch {
	case err != nil:
		return ""
	case provider == Ngrok:
		return "the token is accepted"
	case provider == Gradio:
		return "the server gives an address"
	case UsesSSH(provider):
		return "the server forwards"
	case provider == Cloudflared:
		return "the program runs and is connected"
	}
	return "listening on this machine"
}

// diagnoseProgram adds where the program is.
func diagnoseProgram(cfg Config, add func(string, string, time.Duration, error) bool) bool {
	program, err := findCloudflared(cfg)
	return add(FindingProgram, program, 0, err)
}

// diagnoseSSH adds the steps to a server by SSH, and reports whether the way
// is clear. A server that is not known yet is known afterwards.
func diagnoseSSH(ctx context.Context, cfg Config, provider string, add func(string, string, time.Duration, error) bool) bool {
	way, err := newSSHWay(cfg, provider)
	if err != nil {
		return add(FindingSession, "", 0, err)
	}
	trying, cancel := cfg.timeout(ctx, cfg.within())
	defer cancel()
	client, err := way.dial(trying)
	if err == nil {
		_ = client.Close() // it was let in: that is all there was to know
		_ = client.Wait()
	}
	reach, through := throughProxy(cfg, way.service.server)
	trust := "the host key is the one that is known, " + way.known.fingerprint
	if way.known.fresh {
		trust = "the host key was not known, and is now, " + way.known.fingerprint
	}
	return addSteps(add, provider, err, []diagnosed{
		{reach, through, way.connected}, {StepTrust, trust, way.trusted}, {StepProtocol, "the server lets us in", way.entered},
	})
}

// diagnosed is a step on the way to a server.
type diagnosed struct {
	name   Step
	detail string
	took   time.Duration // 0: it has not come so far
}

// addSteps adds the steps up to the one that the error is of, and reports
// whether there is none.
func addSteps(add func(string, string, time.Duration, error) bool, provider string, err error, steps []diagnosed) bool {
	for _, step := range steps {
		if step.took > 0 {
			add(string(step.name), step.detail, step.took, nil)
			continue
		}
		failed := step.name
		var connect *ConnectError
		var refused *ProviderError
		switch {
		case errors.As(err, &connect):
			failed = connect.Step
		case errors.As(err, &refused) && provider != Ngrok:
			failed = FindingSession
		}
		return add(string(failed), "", 0, err)
	}
	return err == nil
}

// throughProxy says by which step a server is reached, and how.
func throughProxy(cfg Config, server string) (Step, string) {
	if cfg.Proxy != nil {
		if proxy := cfg.Proxy(server); proxy != "" {
			return StepProxy, fmt.Sprintf("%s through %s", server, proxy)
		}
	}
	return StepReach, server
}

// diagnoseNgrok adds the steps to ngrok's server, and reports whether the way
// is clear.
func diagnoseNgrok(ctx context.Context, cfg Config, add func(string, string, time.Duration, error) bool) bool {
	p, latency, err := probeNgrok(ctx, cfg)
	reach, through := throughProxy(cfg, newLine(cfg).server)
	return addSteps(add, Ngrok, err, []diagnosed{
		{reach, through, p.connected}, {StepTrust, "the certificate is trusted", p.secured}, {StepProtocol, "the server speaks ngrok's protocol", latency},
	})
}

// roundTrip serves on a tunnel for as long as it takes to ask for ourselves at
// its address, and closes it.
func roundTrip(ctx context.Context, tun Tunnel, client *http.Client, cfg Config) (time.Duration, error) {
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
	took, err := Verify(ctx, Probe{URL: tun.URL() + path, Answer: prove, Client: own, Timeout: min(tripTime, cfg.within()), timeout: cfg.timeout})
	_ = srv.Close()
	_ = tun.Close() // the server may have done it
	serving.Wait()
	return took, err
}
