package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"

	"github.com/hf-tap/hf-tap/webhooks"
)

// retrain is served at POST /webhooks/retrain.
func retrain(_ context.Context, d *webhooks.Delivery) (any, error) {
	commit, pushed := d.PushedTo("main")
	if !pushed {
		return nil, nil // a tag, another branch or a pull request
	}
	fmt.Println("training on", d.Repo.Name, "at", commit)
	return map[string]string{"commit": commit}, nil
}

// answerComment is served at POST /webhooks/answer_comment.
func answerComment(_ context.Context, d *webhooks.Delivery) (any, error) {
	if d.Comment == nil || d.Comment.Content == nil {
		return nil, nil // hidden
	}
	fmt.Printf("#%d: %s\n", d.Discussion.Num, *d.Comment.Content)
	return nil, nil
}

// deliver sends a body as the Hub does, and prints the answer.
func deliver(server http.Handler, path, secret, body string) {
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	req.Header.Set("X-Webhook-Secret", secret)
	req.Header.Set("Webhook-Id", "0192f1c6-2b1e")
	w := httptest.NewRecorder()
	server.ServeHTTP(w, req)
	answer, _ := io.ReadAll(w.Body)
	fmt.Println(w.Code, string(answer))
}

const push = `{"event":{"action":"update","scope":"repo.content"},"repo":{"type":"dataset","name":"me/d"},
	"updatedRefs":[{"ref":"refs/heads/main","oldSha":"ce9a46","newSha":"575db8"}],"webhook":{"id":"6390e8","version":3}}`

// A program that only handles webhooks. The secret is in WEBHOOK_SECRET. In a
// Space, nothing changes.
func Example() {
	webhooks.HandleFunc(retrain, webhooks.Match("repo.content.update,dataset:*"), webhooks.AnswerFirst(1), webhooks.DropRepeats())
	webhooks.HandleFunc(answerComment, webhooks.Match("discussion.comment.create"))
	if err := webhooks.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// A server with a secret of its own, and what the Hub gets from it.
func ExampleNew() {
	server, err := webhooks.New(webhooks.Config{Secret: "correct horse"})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.HandleFunc(retrain); err != nil {
		log.Fatal(err)
	}
	deliver(server, "/webhooks/retrain", "correct horse", push)
	deliver(server, "/webhooks/retrain", "guessed", push)
	// Output:
	// training on me/d at 575db8
	// 200 {"commit":"575db8"}
	// 403 {"error":"Invalid webhook secret."}
}

// An endpoint with a name of its own, for a function that has none.
func ExampleServer_Handle() {
	server, err := webhooks.New(webhooks.Config{})
	if err != nil {
		log.Fatal(err)
	}
	hello := func(_ context.Context, d *webhooks.Delivery) (any, error) {
		return map[string]string{"message": "hello " + d.Repo.Name}, nil
	}
	if err := server.Handle("say_hello", hello); err != nil {
		log.Fatal(err)
	}
	fmt.Println(server.Handle("say_hello", hello))
	deliver(server, "/webhooks/say_hello", "", push)
	// Output:
	// webhooks: endpoint "say_hello" exists already: give one of the two another name
	// 200 {"message":"hello me/d"}
}

// A program that stops in order: Ctrl+C ends the context, and Run returns when
// the deliveries that were accepted are handled.
func ExampleServer_Run() {
	server, err := webhooks.New(webhooks.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.HandleFunc(retrain, webhooks.AnswerFirst(1)); err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// Webhooks as a part of a server with other pages.
func ExampleServer_ServeHTTP() {
	server, err := webhooks.New(webhooks.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.HandleFunc(retrain); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(webhooks.Prefix, server)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "my own page") })
	deliver(mux, "/webhooks/retrain", "", push)
	deliver(mux, "/", "", "")
	// Output:
	// training on me/d at 575db8
	// 200 {"commit":"575db8"}
	// 200 my own page
}

// Only some kinds and repos reach the handler.
func ExampleMatch() {
	server, err := webhooks.New(webhooks.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.HandleFunc(answerComment, webhooks.Match("discussion.comment.create,model:me/*")); err != nil {
		log.Fatal(err)
	}
	deliver(server, "/webhooks/answer_comment", "", push)
	// Output:
	// 200 {"ignored":"repo.content.update of dataset:me/d does not match this endpoint"}
}

// The same delivery twice, as after an answer that got lost. A failure is tried
// again.
func ExampleDropRepeats() {
	server, err := webhooks.New(webhooks.Config{})
	if err != nil {
		log.Fatal(err)
	}
	tries := 0
	unsteady := func(context.Context, *webhooks.Delivery) (any, error) {
		if tries++; tries == 1 {
			return nil, errors.New("no GPU is free")
		}
		return "trained", nil
	}
	if err := server.Handle("train", unsteady, webhooks.DropRepeats()); err != nil {
		log.Fatal(err)
	}
	for range 3 {
		deliver(server, "/webhooks/train", "", push)
	}
	// Output:
	// 500 {"error":"Internal server error."}
	// 200 "trained"
	// 200 {"ignored":"this delivery is a repeat"}
}

// The answer comes before the work. Shutdown waits for the work.
func ExampleAnswerFirst() {
	server, err := webhooks.New(webhooks.Config{})
	if err != nil {
		log.Fatal(err)
	}
	answered := make(chan struct{})
	train := func(context.Context, *webhooks.Delivery) (any, error) {
		<-answered
		fmt.Println("training")
		return nil, nil
	}
	if err := server.Handle("train", train, webhooks.AnswerFirst(1)); err != nil {
		log.Fatal(err)
	}
	deliver(server, "/webhooks/train", "", push)
	close(answered)
	fmt.Println(server.Shutdown(context.Background()))
	// Output:
	// 200 {"accepted":true}
	// training
	// <nil>
}
