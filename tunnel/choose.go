package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// AutoError is the failure of the provider that Auto chose. Open tries no other
// one, because a third party is used only if the user names it.
type AutoError struct {
	Provider string // the chosen one
	Err      error
}

// Error says what failed.
func (e *AutoError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *AutoError) Unwrap() error { return e.Err }

// AllFailedError means that every provider in Config.Provider failed.
type AllFailedError struct {
	Providers []string // in the order of the tries
	Errs      []error  // the error of each
}

// Error returns the error of each provider, in one line.
func (e *AllFailedError) Error() string {
	var each []string
	for i, err := range e.Errs {
		each = append(each, fmt.Sprintf("%s: %v", e.Providers[i], err))
	}
	return "none of the tunnels can be opened: " + strings.Join(each, "; ")
}

// Unwrap gives the causes.
func (e *AllFailedError) Unwrap() []error { return e.Errs }

// Providers lists the providers that make a tunnel: all names that
// Config.Provider can have but Auto, Loopback and Public. "ssh://[user@]host"
// stands for any server.
func Providers() []string {
	return []string{Gradio, Ngrok, LocalhostRun, Serveo, Pinggy, SrvUs, Tuns, Cloudflared, sshScheme + "[user@]host"}
}

// Open opens a tunnel by the provider in cfg, or by the first of several that
// can be opened. The end of ctx stops the opening only: an open tunnel lasts
// until Close.
//
// If all of several providers fail, the error is an [*AllFailedError]. If the
// ngrok or gradio that Auto chose fails, it is an [*AutoError].
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

// Opener returns a KeeperConfig.Open that calls [Open]. Once a provider has
// opened a tunnel, later calls try only that provider. The function must not be
// called from several goroutines at once.
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

// Choose returns the provider that Open tries first: the first in cfg.Provider.
// For Auto it is Public with a PublicURL, Loopback for a Hub on loopback, Ngrok
// with an NgrokToken, else Gradio. The error is [ErrUnknownProvider], [ErrNoToken], or
// [ErrUsage] if other settings contradict the provider.
func (cfg Config) Choose() (string, error) {
	order, err := cfg.Order()
	if err != nil {
		return "", err
	}
	return order[0], nil
}

// Order returns all providers that Open tries; Choose returns the first. A
// missing ngrok token is not an error here if there are other providers.
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
		return fmt.Errorf("%w %q", ErrUnknownProvider, provider)
	case provider == Loopback && cfg.HubURL != "" && !onLoopback(cfg.HubURL):
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
