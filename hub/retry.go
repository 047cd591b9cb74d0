package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// waitBefore returns the pause before the next try of a request, and whether there
// is one, after try number try (from 0) ended with e. A 429 is a refusal: every
// request may be sent again. After other errors, a request with once must not.
func (r request) waitBefore(e *Error, try int) (time.Duration, bool) {
	switch {
	case e.Status == http.StatusTooManyRequests:
		if e.RetryAfter > 0 {
			return e.RetryAfter, true
		}
		return backOff(time.Second, try), true
	case r.once:
		return 0, false
	case e.kind == ErrUnreachable:
		return backOff(200*time.Millisecond, try), passing(e.Err)
	case e.Status >= 500 && e.Status != http.StatusNotImplemented:
		return max(e.RetryAfter, backOff(200*time.Millisecond, try)), true
	}
	return 0, false
}

// passing reports whether an error may be temporary. A time-out is not retried,
// because the user has waited long enough, and an invalid certificate stays
// invalid.
func passing(err error) bool {
	var timed net.Error
	var cert *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	return !(errors.As(err, &timed) && timed.Timeout()) && !errors.As(err, &cert) && !errors.As(err, &plain)
}

// backOff returns a pause that doubles with each try, up to 5 s. Half of it is
// random, so that many clients do not come back at the same time.
func backOff(first time.Duration, try int) time.Duration {
	d := min(first<<min(try, 10), 5*time.Second)
	return d/2 + rand.N(d/2+1)
}

// sleep waits for d. If ctx ends earlier, it returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return stopped(ctx)
	}
}

// stopped is the error of a context that ended, with its cause if it has one
// of its own.
func stopped(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return ctx.Err()
}

// endsWithin reports whether the deadline of ctx comes before the end of a wait.
func endsWithin(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= d
}

// longest is the longest wait that an answer can ask for; more is cut to it.
const longest = 365 * 24 * time.Hour

// retryAfter reads how long an answer asks to wait, 0 if it does not say. The
// Retry-After header counts on every answer, the RateLimit header only where
// the status says that the limit was hit: it comes with good answers, too.
func retryAfter(status int, h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if d, ok := seconds(value); ok {
		return d
	}
	if at, err := http.ParseTime(value); err == nil {
		// Both clocks are the server's, when it sends its own.
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		return min(max(at.Sub(now).Round(time.Second), 0), longest)
	}
	if status != http.StatusTooManyRequests {
		return 0
	}
	return windowLeft(h.Values("RateLimit"))
}

// windowLeft reads `"api";r=0;t=55`, a comma list of limits with the requests that
// remain and the seconds to the next window: the longest time of the used-up limits, or
// of all limits if none is used up.
func windowLeft(values []string) time.Duration {
	var used, all time.Duration
	for limit := range strings.SplitSeq(strings.Join(values, ","), ",") {
		var left time.Duration
		remaining := ""
		for param := range strings.SplitSeq(limit, ";") {
			key, value, _ := strings.Cut(param, "=")
			switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
			case "r":
				remaining = value
			case "t":
				left, _ = seconds(value)
			}
		}
		all = max(all, left)
		if remaining == "0" {
			used = max(used, left)
		}
	}
	if used > 0 {
		return used
	}
	return all
}

// seconds reads a number of whole seconds.
func seconds(s string) (time.Duration, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > int64(longest/time.Second) {
		return longest, true // more digits than a number holds
	}
	return time.Duration(n) * time.Second, true
}
