package check

import (
	"context"
	"time"
)

// death checks whether the handler is down after a delivery got no answer, and waits
// until it is up again. It returns what happened, "" if the handler is up. A server
// that dies takes connections for a moment.
func (r *runner) death(ctx context.Context, o *outcome) string {
	lost := false
	for _, a := range o.answers {
		lost = lost || a.Status == 0 && !a.timedOut
	}
	for range dyingLooks {
		if !lost || ctx.Err() != nil {
			return ""
		}
		if r.probe(ctx) != nil {
			return r.revive(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(dyingTime / dyingLooks):
		}
	}
	return ""
}

// How long a server that dies may take connections, and how often is looked.
const (
	dyingTime  = 300 * time.Millisecond
	dyingLooks = 10
)

// blame changes the result of a check after which the handler went down.
func (r *runner) blame(held *Result, why string) {
	if held == nil || why == "" {
		return
	}
	if held.Status == Fail && held.Says != "" {
		why = held.Says + "; " + why
	}
	held.Status, held.Says, held.Look = Fail, why, ""
	held.App = append(held.App, r.appOutput()...)
	if r.gone != "" {
		r.gone += " since " + held.Name
	}
}

// revive waits until the handler takes connections again, or starts it. It returns
// what happened, "" if ctx has ended.
func (r *runner) revive(ctx context.Context) (what string) {
	err := r.comesBack(ctx)
	switch {
	case ctx.Err() != nil:
		return ""
	case err != nil:
		r.gone = "the handler is down"
		return "the handler went down after it, and is not back: " + err.Error()
	case r.Restart != nil:
		return "the handler went down after it, and was started again"
	}
	return "the handler went down after it, and is back"
}

func (r *runner) comesBack(ctx context.Context) error {
	if r.Restart != nil {
		return r.Restart(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, r.Back)
	defer cancel()
	for {
		err := r.probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(r.Back / 20):
		}
	}
}
