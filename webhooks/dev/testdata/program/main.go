// Command program has two endpoints on two watches, which the test of a killed program
// starts.
package main

import (
	"context"
	"errors"
	"log"
	"os"

	"github.com/hf-tap/hf-tap/webhooks"
	"github.com/hf-tap/hf-tap/webhooks/dev"
)

func train(_ context.Context, d *webhooks.Delivery) (any, error) { return "train " + d.Repo.Name, nil }
func review(_ context.Context, d *webhooks.Delivery) (any, error) {
	return "review " + d.Repo.Name, nil
}

// With the argument "registered" the package's own functions register the endpoints.
func main() {
	if len(os.Args) > 1 {
		webhooks.HandleFunc(train, webhooks.Match("dataset:me/d"))
		webhooks.Handle("review", review, webhooks.Match("model:me/m"))
		run(nil)
		return
	}
	server, err := webhooks.New(webhooks.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(server.HandleFunc(train, webhooks.Match("dataset:me/d")), server.HandleFunc(review, webhooks.Match("model:me/m"))); err != nil {
		log.Fatal(err)
	}
	run(server)
}

func run(server *webhooks.Server) {
	if err := dev.Run(context.Background(), server, dev.Options{}); err != nil {
		log.Fatal(err)
	}
}
