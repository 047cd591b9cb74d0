package edge

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// behind is an app behind the tunnel that has the name here.example.
func behind(t *testing.T) Dial {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Host+" "+string(body))
	}))
	t.Cleanup(app.Close)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != "here.example:443" {
			return nil, errors.New("no such name")
		}
		return new(net.Dialer).DialContext(ctx, network, app.Listener.Addr().String())
	}
}

func ask(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	resp, err := c.Post(url, "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestAVisitorComesToWhoHasTheNameAndElseToAGatewaysPage(t *testing.T) {
	e, err := Start("127.0.0.1:0", behind(t))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	visitor := e.Visitor()
	defer visitor.CloseIdleConnections()
	c := &http.Client{Transport: visitor}
	for range 2 {
		if status, body := ask(t, c, "https://here.example/x"); status != 200 || body != "here.example hello" {
			t.Errorf("%d %q", status, body)
		}
	}
	if status, body := ask(t, c, "https://there.example/x"); status != 502 || !strings.Contains(body, "no such name") {
		t.Errorf("%d %q", status, body)
	}
	stranger := &http.Transport{DialContext: visitor.DialContext}
	if _, err := (&http.Client{Transport: stranger}).Get("https://here.example"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without its authority: %v", err)
	}
}

func TestAPlainEdgeLeadsToOneName(t *testing.T) {
	e, err := StartPlain("127.0.0.1:0", "here.example:443", behind(t))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	if status, body := ask(t, &http.Client{Transport: transport}, "http://"+e.Addr()); status != 200 || body != e.Addr()+" hello" {
		t.Errorf("%d %q", status, body)
	}
}
