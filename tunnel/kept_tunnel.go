package tunnel

import (
	"context"
	"errors"
	"time"
)

// keptTunnel is a tunnel behind a Keeper.
type keptTunnel struct {
	Tunnel
	retired chan struct{} // closed when the Keeper does not want its connections any more
	done    chan struct{} // closed when Accept has failed, with err
	err     error

	// Of flaps: Link.Made at a time.
	since    time.Time
	madeThen int
}

// closeAndWait closes a tunnel and waits for the goroutine that accepts from it.
func (t *keptTunnel) closeAndWait() error {
	close(t.retired)
	err := t.Close()
	<-t.done
	return err
}

func (t *keptTunnel) isLinked() bool {
	_, ok := t.Tunnel.(ReconnectingTunnel)
	return ok
}

// link returns the state of the tunnel's connection. A tunnel without one is up.
func (t *keptTunnel) link() Link {
	if l, ok := t.Tunnel.(ReconnectingTunnel); ok {
		return l.Link()
	}
	return Link{Up: true}
}

func (t *keptTunnel) changed() <-chan struct{} {
	if l, ok := t.Tunnel.(ReconnectingTunnel); ok {
		return l.LinkChanged()
	}
	return nil
}

func (t *keptTunnel) ended() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// trouble returns why a tunnel has ended or has no connection, or nil if it is up.
func (t *keptTunnel) trouble() error {
	if t.ended() {
		return t.err
	}
	if l := t.link(); !l.Up {
		return l.Cause
	}
	return nil
}

// The most connections that may be made in a period.
const (
	flapTimes = 10
	flapSpan  = 10 * time.Second
)

// flaps reports whether a tunnel connects again and again. ngrok's SDK does that
// without a pause if its server accepts each session and drops it at once.
func (t *keptTunnel) flaps() bool {
	link := t.link()
	if now := time.Now(); t.since.IsZero() || now.Sub(t.since) > flapSpan {
		t.since, t.madeThen = now, link.Made
	}
	return link.Made-t.madeThen >= flapTimes
}

// flapCause returns the cause for a connection that flaps, and may be up at the
// moment.
func flapCause(l Link) error {
	if l.Cause != nil {
		return l.Cause
	}
	return errLinkChanged
}

// settle waits until a tunnel has its connection back. It gives up if the tunnel
// has ended, after a permanent refusal, and when the time is over.
func (t *keptTunnel) settle(ctx context.Context, within time.Duration) error {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		cause := t.trouble()
		var refused *ProviderError
		if cause == nil || t.ended() || errors.As(cause, &refused) && refused.Permanent {
			return cause
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return cause
		case <-t.done:
		case <-t.changed():
		}
	}
}
