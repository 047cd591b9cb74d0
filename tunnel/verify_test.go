package tunnel

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

func answer(nonce string) string { return "proof of " + nonce }

// serve runs a gateway; its handler sees the nonce.
func serve(t *testing.T, handle func(w http.ResponseWriter, nonce string)) Probe {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handle(w, strings.TrimPrefix(r.URL.Path, "/check/"))
	}))
	t.Cleanup(srv.Close)
	return Probe{URL: srv.URL + "/check", Answer: answer, Client: srv.Client(), Timeout: time.Minute, Pause: time.Millisecond}
}

func TestVerifyWaitsForATunnelThatIsNotUpYet(t *testing.T) {
	var asked atomic.Int32
	p := serve(t, func(w http.ResponseWriter, nonce string) {
		if asked.Add(1) < 3 {
			http.Error(w, "not yet", http.StatusBadGateway)
			return
		}
		w.Write([]byte(answer(nonce)))
	})
	if took, err := Verify(t.Context(), p); err != nil || took <= 0 {
		t.Errorf("%v, %v", took, err)
	}
}

// gatewayFunc is a gateway without a network: its time passes in a bubble.
type gatewayFunc http.HandlerFunc

func (g gatewayFunc) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	g(w, r)
	return w.Result(), nil
}

// inTheWay asks a gateway until the time for that is over.
func inTheWay(t *testing.T, gateway gatewayFunc) (err error) {
	synctest.Test(t, func(t *testing.T) {
		_, err = Verify(t.Context(), Probe{URL: "http://public.example/check", Answer: answer, Client: &http.Client{Transport: gateway}})
	})
	return err
}

func TestAGatewaysPageIsAWrongAnswer(t *testing.T) {
	err := inTheWay(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Ngrok-Error-Code", "ERR_NGROK_3200")
		w.WriteHeader(http.StatusNotFound)
		w.Write([]byte("<html>offline</html>"))
	})
	var wrong *WrongAnswerError
	if !errors.As(err, &wrong) || wrong.Status != 404 || !strings.Contains(err.Error(), "ERR_NGROK_3200") || strings.Contains(err.Error(), "html") {
		t.Errorf("got %v", err)
	}
}

func TestAGatewayThatIsNotNgroksHasNoCodeOfIts(t *testing.T) {
	for _, code := range []string{"ERR_NGROK_", "ERR_NGROK_3200 \u009b evil", "../../evil", "ERR_NGROK_1/../../evil", "ERR_NGROK_" + strings.Repeat("1", 100)} {
		err := inTheWay(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Ngrok-Error-Code"] = []string{code}
			w.WriteHeader(http.StatusNotFound)
		})
		var wrong *WrongAnswerError
		if !errors.As(err, &wrong) || wrong.Code != "" {
			t.Errorf("%q: got %v", code, err)
		}
	}
}

func TestAnAnswerToAnotherNonceIsAWrongAnswer(t *testing.T) {
	err := inTheWay(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(answer("of yesterday"))) })
	var wrong *WrongAnswerError
	if !errors.As(err, &wrong) {
		t.Errorf("got %v", err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	var asked atomic.Int32
	p := serve(t, func(w http.ResponseWriter, nonce string) {
		asked.Add(1)
		w.Header().Set("Location", "/check/"+nonce)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	p.Timeout, p.Pause = time.Millisecond, time.Hour
	if _, err := Verify(t.Context(), p); err == nil || asked.Load() > 1 {
		t.Errorf("asked %d times, %v", asked.Load(), err)
	}
}

func TestWithoutAnAnswerThereIsNoRoute(t *testing.T) {
	p := Probe{URL: "http://" + porttest.Addr(t), Answer: answer, Timeout: time.Millisecond}
	if _, err := Verify(t.Context(), p); !errors.Is(err, ErrNoRoute) {
		t.Errorf("got %v", err)
	}
}

// A firewall that drops packets, or a gateway that never answers.
func TestSilenceIsNoRoute(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := Probe{URL: "http://" + silent.Addr().String() + "/check", Answer: answer}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := VerifyOnce(ctx, p); !errors.Is(err, ErrNoRoute) {
		t.Errorf("got %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := VerifyOnce(cancelled, p); !errors.Is(err, context.Canceled) || errors.Is(err, ErrNoRoute) {
		t.Errorf("got %v", err)
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := serve(t, func(w http.ResponseWriter, _ string) {
		cancel()
		w.WriteHeader(http.StatusBadGateway)
	})
	if _, err := Verify(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
