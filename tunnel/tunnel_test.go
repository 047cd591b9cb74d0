package tunnel

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	cloudflaredtest "github.com/hf-tap/hf-tap/internal/testserver/cloudflared"
	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

func TestMain(m *testing.M) {
	cloudflaredtest.Main()
	if os.Getenv(holderEnv) != "" {
		holdCloudflared()
	}
	goleak.VerifyTestMain(m, ngroktest.IgnoreLingering()...)
}

func TestAutoTakesLoopbackForAHubOnLoopbackOnly(t *testing.T) {
	for _, hub := range []string{"http://127.0.0.1:1234", "http://localhost:1234", "http://[::1]:1234"} {
		tun, err := Open(t.Context(), Config{HubURL: hub})
		if err != nil {
			t.Fatalf("%s: %v", hub, err)
		}
		if tun.Provider() != Loopback || tun.URL() != "http://"+tun.Addr().String() {
			t.Errorf("%s: %s at %s", hub, tun.Provider(), tun.URL())
		}
		tun.Close()
	}
	for _, hub := range []string{"https://huggingface.co", "http://127.0.0.1.evil.example", "http://localhost.evil.example"} {
		if got, err := (Config{HubURL: hub}).Choose(); got != Gradio || err != nil {
			t.Errorf("%s: %s, %v", hub, got, err)
		}
		if _, err := Open(t.Context(), Config{HubURL: hub, Provider: Loopback}); !errors.Is(err, ErrUsage) {
			t.Errorf("%s by loopback: %v", hub, err)
		}
	}
}

func TestLoopbackNeedsNoHub(t *testing.T) {
	tun, err := Open(t.Context(), Config{Provider: Loopback})
	if err != nil {
		t.Fatal(err)
	}
	defer tun.Close()
	if want := "http://" + tun.Addr().String(); tun.Provider() != Loopback || tun.URL() != want {
		t.Errorf("%s at %s, want %s", tun.Provider(), tun.URL(), want)
	}
}

func TestThePublicURLIsCheckedAndThePortIsLoopback(t *testing.T) {
	tun, err := Open(t.Context(), Config{HubURL: "https://huggingface.co", PublicURL: "https://me.example/tap/"})
	if err != nil {
		t.Fatal(err)
	}
	defer tun.Close()
	if tun.URL() != "https://me.example/tap" || tun.Provider() != Public || !tun.Addr().(*net.TCPAddr).IP.IsLoopback() {
		t.Errorf("%s at %s, listening on %s", tun.Provider(), tun.URL(), tun.Addr())
	}
	for _, bad := range []string{"me.example", "ftp://me.example", "http://me.example", "https://u:p@me.example", "https://me.example/?a=1", "https://", "::"} {
		if _, err := Open(t.Context(), Config{HubURL: "https://huggingface.co", PublicURL: bad}); !errors.Is(err, ErrUsage) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := Open(t.Context(), Config{Provider: Public}); !errors.Is(err, ErrUsage) {
		t.Errorf("no URL: %v", err)
	}
	if _, err := Open(t.Context(), Config{Provider: "carrier-pigeon"}); !errors.Is(err, ErrUnknownProvider) {
		t.Errorf("unknown provider: %v", err)
	}
}

func TestAPortInUseIsAnErrorThatNamesIt(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = Open(t.Context(), Config{HubURL: "http://127.0.0.1", Port: taken.Addr().(*net.TCPAddr).Port})
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

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

func TestAGatewaysPageIsNoAnswer(t *testing.T) {
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

func TestAnAnswerToAnotherNonceIsNoAnswer(t *testing.T) {
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

func TestNobodyThereIsNoRoute(t *testing.T) {
	p := Probe{URL: "http://" + porttest.Addr(t), Answer: answer, Timeout: time.Millisecond}
	if _, err := Verify(t.Context(), p); !errors.Is(err, ErrNoRoute) {
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
