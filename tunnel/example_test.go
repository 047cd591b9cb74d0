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
	"github.com/hf-tap/hf-tap/tunnel/gradio"
	"github.com/hf-tap/hf-tap/tunnel/local"
	"github.com/hf-tap/hf-tap/tunnel/ngrok"
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
// public address, take a provider of another package.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	t, err := local.NewLoopback(local.Config{}).Open(ctx)
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
		Open: local.NewLoopback(local.Config{}).Open,
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

// Providers can be chosen by name. Auto takes the first one that has a reason.
func ExampleChoose() {
	choices := []tunnel.Choice{
		{Name: ngrok.Name, New: func(string) (tunnel.Provider, error) { return ngrok.New(ngrok.Config{Token: "2abc"}) }},
		{Name: gradio.Name, Auto: "it needs no account", New: func(string) (tunnel.Provider, error) { return gradio.New(gradio.Config{}) }},
	}
	for _, names := range []string{tunnel.Auto, "ngrok", "ngrok,gradio", "serveo"} {
		selected, err := tunnel.Choose(choices, names)
		fmt.Println(selected.Names(), selected.Auto, err)
	}
	// Output:
	// [gradio] it needs no account <nil>
	// [ngrok]  <nil>
	// [ngrok gradio]  <nil>
	// []  unknown tunnel "serveo"
}
