package tunnel

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"github.com/hf-tap/hf-tap/tunnel/frp"
)

// Gradio is gradio.live, which needs no account, or a server of its kind.
const Gradio = "gradio"

// The values of ProviderError.Code for gradio. Its protocol has no codes: these
// are names for the texts that it sends.
const (
	GradioNameTaken   = "name taken"  // another session has the address
	GradioBadToken    = "token"       // the user's own server refused Config.GradioToken
	GradioUnsupported = "unsupported" // the server gives no addresses for HTTP, or has another version of the protocol
)

// gradioTunnel is a session with a share server. Package frp keeps it.
type gradioTunnel struct {
	*frp.Client
	cfg Config
}

// openGradio logs in at gradio's server.
func openGradio(ctx context.Context, cfg Config) (Tunnel, error) {
	client, err := frp.Open(ctx, frp.Config{
		Server: cfg.GradioServer, Lookup: cfg.GradioLookup, HTTP: cfg.HTTP, Roots: []*x509.CertPool{cfg.GradioRoots},
		Token: cfg.GradioToken, Name: cfg.GradioName, Dial: cfg.Dial, Ending: cfg.GradioEnding,
		Version: cfg.Version, Heartbeat: cfg.Heartbeat, Timeout: cfg.Timeout,
	})
	if err != nil {
		return nil, gradioError(cfg, err)
	}
	return &gradioTunnel{client, cfg}, nil
}

// Provider returns Gradio.
func (t *gradioTunnel) Provider() string { return Gradio }

// Link returns the state of the session.
func (t *gradioTunnel) Link() Link {
	s := t.State()
	return Link{Up: s.Up, Cause: gradioError(t.cfg, s.Cause), Made: s.Made}
}

// LinkChanged receives after each change of Link.
func (t *gradioTunnel) LinkChanged() <-chan struct{} { return t.Changed() }

// Accept returns the next connection. Its RemoteAddr is the public client's.
func (t *gradioTunnel) Accept() (conn net.Conn, err error) {
	conn, err = t.Client.Accept()
	return conn, gradioError(t.cfg, err)
}

// gradioError puts an error of package frp into this package's words.
func gradioError(cfg Config, err error) error {
	var refused *frp.Refusal
	var failed *frp.Error
	switch {
	case errors.As(err, &refused):
		return &ProviderError{Provider: Gradio, Code: string(refused.Reason), Message: masked(refused.Message, cfg.GradioToken), Permanent: refused.Permanent()}
	case errors.As(err, &failed):
		e := &ConnectError{Provider: Gradio, Server: failed.Server, Step: Step(failed.Step), Err: failed.Err}
		if e.Step == StepReach && cfg.Proxy != nil {
			if e.Proxy = cfg.Proxy(e.Server); e.Proxy != "" {
				e.Step = StepProxy
			}
		}
		return e
	case errors.Is(err, frp.ErrConfig):
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return err
}
