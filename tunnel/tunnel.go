// Package tunnel opens listeners that have a public address. A [Provider] opens a
// [Tunnel]: requests to its URL arrive at its Accept, and an http.Server serves
// it like any other net.Listener.
//
// # Providers
//
// Each provider is a package of its own, which has a Config and a New:
//
//	tunnel/ngrok        ngrok.com, with its own SDK; it needs a token
//	tunnel/gradio       gradio.live, without an account, or an frp server
//	tunnel/ssh          localhost.run, serveo, pinggy, srv.us and tuns.sh, or any server that forwards ports over SSH
//	tunnel/cloudflared  the program of that name, which must be installed
//	tunnel/local        a listener on this machine: for senders here (loopback), or behind a tunnel that the user runs (public)
//
// This package imports none of them. [Choose] selects by name among those that
// it is given, and [Selection.Open] opens the first of them that can be opened.
//
// # Lasting listeners
//
// A tunnel ends when the network drops, the machine sleeps or the provider
// restarts, and its address may change with it. [OpenKeeper] returns a [Keeper]:
// one listener that lasts, with a new tunnel behind it after each loss.
// [Keeper.Status] has the present address, and whether requests to it arrive.
//
// [Verify] checks that by a request to the public address. [Diagnose] goes
// through the connection to a provider step by step, to show which one fails.
//
// # Errors
//
// The errors have no advice in them, because callers differ in what their users
// can change. A provider's refusal is a [*ProviderError], a failed connection to
// it a [*ConnectError], which wraps a [*HostKeyError] where an SSH server's key
// has changed. A public address that leads elsewhere is a [*WrongAnswerError].
// The Err variables are about the configuration.
package tunnel

import (
	"context"
	"net"
)

// Provider opens tunnels in one way: by a service, a program, or a server of the
// user's own.
type Provider interface {
	// Name is the provider's name, for example "ngrok". Its tunnels return it from
	// Tunnel.Provider.
	Name() string
	// Open opens a tunnel. The end of ctx stops the opening only: an open tunnel
	// lasts until Close.
	Open(ctx context.Context) (Tunnel, error)
	// Diagnose tries each step that comes before a tunnel is open, until one fails.
	// It leaves nothing open. [Diagnose] goes on from there.
	Diagnose(ctx context.Context) []Finding
}

// Tunnel is a listener with a public address.
type Tunnel interface {
	net.Listener
	// URL is the public address, without a slash at its end. A request to URL + "/path"
	// arrives at the listener as "/path". It is https, except on loopback, because each
	// delivery carries the webhook's secret.
	URL() string
	// Provider is the name of the provider.
	Provider() string
}

// ReconnectingTunnel is a Tunnel that connects to its provider again when the
// connection drops, while its listener stays open. A [Keeper] looks for this
// interface. When Accept fails, the tunnel has ended and cannot come back.
type ReconnectingTunnel interface {
	Tunnel
	// Link returns the present state of the connection.
	Link() Link
	// LinkChanged receives a value after Link has changed. Several changes before
	// the receive are one value.
	LinkChanged() <-chan struct{}
}
