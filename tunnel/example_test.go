package tunnel_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net/http"
	"time"

	"github.com/hf-tap/hf-tap/tunnel"
)

// newAnswer returns what only this process can answer to a nonce.
func newAnswer() func(nonce string) string {
	key := []byte(rand.Text())
	return func(nonce string) string {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(nonce))
		return hex.EncodeToString(mac.Sum(nil))
	}
}

// A server behind a tunnel. Loopback is the one that needs no network; for a
// public address, take another Provider.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	t, err := tunnel.Open(ctx, tunnel.Config{Provider: tunnel.Loopback})
	if err != nil {
		log.Fatal(err)
	}
	defer t.Close()

	answer := newAnswer()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /check/{nonce}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answer(r.PathValue("nonce"))) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	server := &http.Server{Handler: mux}
	defer server.Close()
	go server.Serve(t)

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	_, err = tunnel.Verify(ctx, tunnel.Probe{URL: t.URL() + "/check", Answer: answer, Client: client})
	fmt.Println("the address leads here:", err == nil)

	resp, err := client.Get(t.URL())
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	// Output:
	// the address leads here: true
	// hello <nil>
}

// A listener that lasts while its tunnels come and go. Status has the present
// address, to which a webhook has to point.
func ExampleKeeper() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	answer := newAnswer()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	k, err := tunnel.OpenKeeper(ctx, tunnel.KeeperConfig{
		Open: tunnel.Opener(tunnel.Config{Provider: tunnel.Loopback}),
		Check: func(ctx context.Context, publicURL string) (time.Duration, error) {
			return tunnel.VerifyOnce(ctx, tunnel.Probe{URL: publicURL + "/check", Answer: answer, Client: client})
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer k.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("POST /check/{nonce}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, answer(r.PathValue("nonce"))) })
	server := &http.Server{Handler: mux}
	defer server.Close()
	go server.Serve(k.Listener())

	status, err := k.Verify(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Provider, status.State)

	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }() // until ctx ends
	cancel()
	<-done
	// Output: loopback up
}

// The provider that Auto takes depends on what there is.
func ExampleConfig_Choose() {
	for _, cfg := range []tunnel.Config{
		{},
		{NgrokToken: "2abc"},
		{NgrokToken: "2abc", HubURL: "http://127.0.0.1:4000"},
		{PublicURL: "https://tunnel.example.com"},
	} {
		fmt.Println(cfg.Choose())
	}
	// Output:
	// gradio <nil>
	// ngrok <nil>
	// loopback <nil>
	// public <nil>
}
