package hub

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// script is a transport that answers with one thing after the other, and tells
// when it was asked.
type script struct {
	start   time.Time
	answers []func(*http.Request) (*http.Response, error)
	at      []time.Duration
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.at = append(s.at, time.Since(s.start))
	next := s.answers[min(len(s.at), len(s.answers))-1] // the last one for ever
	return next(r)
}

func status(code int, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		body := `{"webhook":` + exampleWebhook + `}`
		if r.Method == http.MethodGet && r.URL.Path == webhooksPath {
			body = `[` + exampleWebhook + `]`
		}
		return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(bytes.NewBufferString(body)), Request: r}, nil
	}
}

func broken(r *http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// silent answers nothing until the request is given up.
func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// play makes a client of a script, in the bubble of the test.
func play(answers ...func(*http.Request) (*http.Response, error)) (*Client, *script) {
	s := &script{start: time.Now(), answers: answers}
	c, err := NewClient(ClientConfig{Endpoint: "https://hub.example", Token: testToken, Transport: s})
	if err != nil {
		panic(err) // the configuration is a constant
	}
	return c, s
}

func TestTooManyRequestsIsWaitedForAndTriedAgain(t *testing.T) {
	for name, each := range calls() {
		if name == "whoami" || name == "replay" {
			continue // they are answered with other bodies
		}
		synctest.Test(t, func(t *testing.T) {
			c, s := play(status(429, "RateLimit", `"api";r=0;t=25`), status(429, "Retry-After", "30"), status(200))
			if err := each.call(t.Context(), c); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(s.at) != 3 || s.at[1] != 25*time.Second || s.at[2] != 55*time.Second {
				t.Errorf("%s: asked at %v", name, s.at)
			}
		})
	}
}

func TestAWaitThatIsTooLongIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		answers []func(*http.Request) (*http.Response, error)
		timeout time.Duration // of the caller's context
		at      int           // how often it is asked
		words   string
	}{
		"one wait":         {[]func(*http.Request) (*http.Response, error){status(429, "Retry-After", "300")}, 0, 1, "asks to wait 5m0s (429)"},
		"two waits":        {[]func(*http.Request) (*http.Response, error){status(429, "Retry-After", "40")}, 0, 2, "asks to wait 40s (429)"},
		"too many tries":   {[]func(*http.Request) (*http.Response, error){status(429, "Retry-After", "1")}, 0, 3, "asks to wait 1s (429)"},
		"the caller's end": {[]func(*http.Request) (*http.Response, error){status(429, "Retry-After", "11")}, 10 * time.Second, 1, "asks to wait 11s (429)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			if c.timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.timeout)
				defer cancel()
			}
			client, s := play(c.answers...)
			_, err := client.CreateWebhook(ctx, exampleSpec())
			if !errors.Is(err, ErrRateLimited) || OutcomeUnknown(err) || !strings.Contains(err.Error(), c.words) || len(s.at) != c.at {
				t.Errorf("%s: %v, asked at %v", name, err, s.at)
			}
			if now := time.Since(s.start); now != s.at[len(s.at)-1] {
				t.Errorf("%s: waited in vain until %v", name, now)
			}
		})
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, s := play(status(429, "Retry-After", "50"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Second, cancel) // of the bubble's clock
		err := client.DeleteWebhook(ctx, testID)
		if !errors.Is(err, context.Canceled) || OutcomeUnknown(err) || time.Since(s.start) != 20*time.Second || len(s.at) != 1 {
			t.Errorf("%v after %v", err, time.Since(s.start))
		}
	})
}

func TestOnlyWhatDoesNoHarmTwiceIsSentAgain(t *testing.T) {
	for name, each := range calls() {
		for failure, f := range map[string]func(*http.Request) (*http.Response, error){"500": status(500), "503": status(503), "lost": broken} {
			synctest.Test(t, func(t *testing.T) {
				client, s := play(f)
				err := each.call(t.Context(), client)
				want := 3
				if name == "create" || name == "replay" {
					want = 1
				}
				if len(s.at) != want || err == nil {
					t.Errorf("%s, %s: asked %d times, want %d: %v", name, failure, len(s.at), want, err)
				}
				if time.Since(s.start) > 2*time.Second {
					t.Errorf("%s, %s: took %v", name, failure, time.Since(s.start))
				}
				if OutcomeUnknown(err) != each.changes {
					t.Errorf("%s, %s: may be done: %v", name, failure, OutcomeUnknown(err))
				}
				if errors.Is(err, ErrUnreachable) != (failure == "lost") {
					t.Errorf("%s, %s: %v", name, failure, err)
				}
			})
		}
	}
	for _, code := range []int{400, 401, 403, 404, 501} {
		synctest.Test(t, func(t *testing.T) {
			client, s := play(status(code))
			if _, err := client.ListWebhooks(t.Context()); err == nil || len(s.at) != 1 {
				t.Errorf("%d: asked %d times: %v", code, len(s.at), err)
			}
		})
	}
}

func TestAFailureThatPassesIsNotNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := play(status(502), broken, status(200))
		if err := client.DeleteWebhook(t.Context(), testID); err != nil {
			t.Error(err)
		}
	})
}

func TestARefusalAfterALostAnswerLeavesTheDoubt(t *testing.T) {
	for name, first := range map[string]func(*http.Request) (*http.Response, error){"lost": broken, "503": status(503)} {
		synctest.Test(t, func(t *testing.T) {
			client, s := play(first, status(404))
			err := client.DeleteWebhook(t.Context(), testID)
			if !errors.Is(err, ErrNotFound) || !OutcomeUnknown(err) || len(s.at) != 2 {
				t.Errorf("%s: %v, may be done: %v", name, err, OutcomeUnknown(err))
			}
		})
	}
}

func TestAHubThatSaysNothingIsGivenUp(t *testing.T) {
	for name, each := range calls() {
		synctest.Test(t, func(t *testing.T) {
			client, s := play(silent)
			err := each.call(t.Context(), client)
			if !errors.Is(err, ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) || OutcomeUnknown(err) != each.changes {
				t.Errorf("%s: %v, may be done: %v", name, err, OutcomeUnknown(err))
			}
			if time.Since(s.start) != 10*time.Second || len(s.at) != 1 {
				t.Errorf("%s: %d tries, given up after %v", name, len(s.at), time.Since(s.start))
			}
			if !strings.HasSuffix(err.Error(), "the Hub at hub.example does not answer: nothing came within 10s") {
				t.Errorf("%s: %q", name, err)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			client, s := play(silent)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			err := each.call(ctx, client)
			if !errors.Is(err, ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(s.start) != 3*time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(s.start))
			}
		})
	}
}

func TestTheBackOffGrowsToItsBound(t *testing.T) {
	for try := range 80 {
		most := min(200*time.Millisecond<<min(try, 20), 5*time.Second)
		for range 50 {
			if d := backOff(200*time.Millisecond, try); d < most/2 || d > most {
				t.Fatalf("try %d: %v, want %v to %v", try, d, most/2, most)
			}
		}
	}
}

func TestNoRetriesAndNoWaitCanBeAskedFor(t *testing.T) {
	for _, cfg := range []ClientConfig{{Retries: -1}, {MaxWait: -1}} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{start: time.Now(), answers: []func(*http.Request) (*http.Response, error){status(503)}}
			cfg.Transport = s
			c, err := NewClient(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.ListWebhooks(t.Context()); err == nil || len(s.at) != 1 {
				t.Errorf("%+v: %d tries, %v", cfg, len(s.at), err)
			}
		})
	}
}
