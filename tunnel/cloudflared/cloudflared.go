// Package cloudflared opens quick tunnels by Cloudflare's program cloudflared,
// which must be installed. They need no account.
package cloudflared

import (
	"context"

	"github.com/hf-tap/hf-tap/tunnel"
)

// Name is the provider's name.
const Name = "cloudflared"

// Config says which program to run. It connects to Cloudflare by itself, so that
// Dial and Proxy of the options have no effect.
type Config struct {
	tunnel.Options

	Program string // the program's path or name; empty: cloudflared in PATH
}

// New returns the provider. It never fails.
func New(cfg Config) (tunnel.Provider, error) {
	cfg.Options = cfg.WithDefaults()
	return provider{cfg}, nil
}

type provider struct{ cfg Config }

func (p provider) Name() string { return Name }

// Open starts the program.
func (p provider) Open(ctx context.Context) (tunnel.Tunnel, error) {
	t, err := open(ctx, p.cfg)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Diagnose looks for the program.
func (p provider) Diagnose(context.Context) []tunnel.Finding {
	program, err := find(p.cfg)
	return []tunnel.Finding{{Step: tunnel.FindingProgram, Detail: program, Err: err}}
}
