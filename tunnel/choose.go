package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// AutoError says that the tunnel failed that Auto stands for. No other is
// tried: third parties are used by name only.
type AutoError struct {
	Provider string // that was taken
	Err      error
}

// Error says what failed.
func (e *AutoError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *AutoError) Unwrap() error { return e.Err }

// AllFailedError says that each of the tunnels that were named failed.
type AllFailedError struct {
	Providers []string // as they were tried
	Errs      []error  // what each failed of
}

// Error says what each failed of, in one line.
func (e *AllFailedError) Error() string {
	var each []string
	for i, err := range e.Errs {
		each = append(each, fmt.Sprintf("%s: %v", e.Providers[i], err))
	}
	return "none of the tunnels can be opened: " + strings.Join(each, "; ")
}

// Unwrap gives the causes.
func (e *AllFailedError) Unwrap() []error { return e.Errs }

// Providers are the names that Config takes, but for those that only say how
// to choose, or that the Hub is here; "ssh://[user@]host" stands for any.
func Providers() []string {
	return []string{Gradio, Ngrok, LocalhostRun, Serveo, Pinggy, SrvUs, Tuns, Cloudflared, sshScheme + "[user@]host"}
}

// Open opens the tunnel that cfg asks for. Of several that are named, the first
// that can be opened is taken. The tunnel outlives ctx: it ends with Close. The
// error is or wraps one of this package's.
func Open(ctx context.Context, cfg Config) (Tunnel, error) {
	order, err := cfg.Order()
	if err != nil {
		return nil, err
	}
	if len(order) == 1 {
		t, err := openOne(ctx, cfg, order[0])
		if err != nil && ctx.Err() == nil && cfg.auto() && (order[0] == Ngrok || order[0] == Gradio) {
			err = &AutoError{order[0], err}
		}
		return t, err
	}
	failed := &AllFailedError{}
	for _, provider := range order {
		t, err := openOne(ctx, cfg, provider)
		if err == nil {
			return t, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failed.Providers, failed.Errs = append(failed.Providers, provider), append(failed.Errs, err)
	}
	return nil, failed
}

// Opener gives an Open for a Keeper: of several that are named, the one that
// was opened first is opened again, and no other. It is not for several
// goroutines at once.
func Opener(cfg Config) func(ctx context.Context) (Tunnel, error) {
	return func(ctx context.Context) (Tunnel, error) {
		t, err := Open(ctx, cfg)
		if err == nil && !cfg.auto() {
			cfg.Provider = t.Provider()
		}
		return t, err
	}
}

func openOne(ctx context.Context, cfg Config, provider string) (Tunnel, error) {
	if err := cfg.fits(provider); err != nil {
		return nil, err
	}
	switch {
	case provider == Ngrok:
		return openNgrok(ctx, cfg)
	case provider == Gradio:
		return openGradio(ctx, cfg)
	case provider == Cloudflared:
		return openCloudflared(ctx, cfg)
	case UsesSSH(provider):
		return openSSH(ctx, cfg, provider)
	case provider == Public:
		public, err := publicURL(cfg.PublicURL)
		if err != nil {
			return nil, err
		}
		return openLocal(ctx, provider, public, cfg.Port)
	}
	return openLocal(ctx, provider, "", cfg.Port)
}

func (cfg Config) auto() bool { return cfg.Provider == "" || cfg.Provider == Auto }

// Choose gives the provider that Open will take, or try first: the one that is
// named, or for Auto, in this order: the user's own tunnel if its address is
// given, loopback for a Hub on loopback, ngrok if there is a token, else
// gradio. Settings that contradict it are an ErrUsage.
func (cfg Config) Choose() (string, error) {
	order, err := cfg.Order()
	if err != nil {
		return "", err
	}
	return order[0], nil
}

// Order gives the providers that Open will try, as Choose gives the first. That
// one of several misses its token is no error before it is its turn.
func (cfg Config) Order() ([]string, error) {
	if cfg.auto() {
		provider := cfg.chooseAuto()
		if err := cfg.fits(provider); err != nil {
			return nil, err
		}
		return []string{provider}, nil
	}
	var order []string
	for name := range strings.SplitSeq(cfg.Provider, ",") {
		order = append(order, strings.TrimSpace(name))
	}
	for i, name := range order {
		switch err := cfg.fits(name); {
		case len(order) > 1 && slices.Contains([]string{Auto, Loopback, Public}, name):
			return nil, fmt.Errorf("%w: %s does not go with others", ErrUsage, name)
		case slices.Contains(order[:i], name):
			return nil, fmt.Errorf("%w: %s is named twice", ErrUsage, name)
		case err != nil && !(len(order) > 1 && errors.Is(err, ErrNoToken)):
			return nil, err
		}
	}
	return order, nil
}

func (cfg Config) chooseAuto() string {
	switch {
	case cfg.PublicURL != "":
		return Public
	case onLoopback(cfg.HubURL):
		return Loopback
	case cfg.NgrokToken != "":
		return Ngrok
	}
	return Gradio
}

// fits checks the settings of a provider.
func (cfg Config) fits(provider string) error {
	known := slices.Contains([]string{Loopback, Public, Ngrok, Gradio, Cloudflared}, provider) || UsesSSH(provider)
	own := strings.HasPrefix(provider, sshScheme)
	switch {
	case !known:
		return fmt.Errorf("%w %q", ErrUnknown, provider)
	case provider == Loopback && !onLoopback(cfg.HubURL):
		return fmt.Errorf("%w: %s is not on this machine, so it cannot reach a loopback address", ErrUsage, cfg.HubURL)
	case provider != Public && !own && cfg.PublicURL != "":
		return fmt.Errorf("%w: a tunnel by %s has no public URL of the user's", ErrUsage, provider)
	case provider == Public:
		_, err := publicURL(cfg.PublicURL)
		return err
	case provider == Gradio && cfg.GradioServer != "":
		if host, _, err := net.SplitHostPort(cfg.GradioServer); err != nil || host == "" {
			return fmt.Errorf("%w: %q is not an address like host:7000", ErrUsage, cfg.GradioServer)
		}
	case provider == Ngrok && cfg.NgrokToken == "":
		return ErrNoToken
	case provider == Ngrok:
		_, err := ngrokURL(cfg.NgrokDomain)
		return err
	case own:
		_, err := ownServer(cfg, provider, "")
		return err
	}
	return nil
}
