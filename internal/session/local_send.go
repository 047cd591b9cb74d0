package session

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/hf-tap/hf-tap/event"
)

// Send posts an event to a running session, and returns the number of the new event.
// The session adds its secret, and handles the event like a live one. e has Source,
// ReplayOf, Method, Path, Header and Body.
func (l LocalAccess) Send(ctx context.Context, e *event.Event) (n int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.For(e), bytes.NewReader(e.Body))
	if err != nil {
		return 0, err
	}
	for name, values := range e.Header {
		req.Header[name] = values
	}
	req.Header.Set("Hf-Tap-Key", l.Key)
	req.Header.Set("Hf-Tap-Source", string(e.Source))
	if e.ReplayOf != 0 {
		req.Header.Set("Hf-Tap-Replay-Of", strconv.FormatInt(e.ReplayOf, 10))
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // past every proxy
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, event.MaxTargetBody)); err != nil {
		return 0, err
	}
	if n, err = strconv.ParseInt(resp.Header.Get("Hf-Tap-Event"), 10, 64); err != nil {
		return 0, fmt.Errorf("the session answered %s and recorded nothing", resp.Status)
	}
	return n, nil
}
