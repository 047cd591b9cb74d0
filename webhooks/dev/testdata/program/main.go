// Command program has two endpoints on two watches, which the test of a killed program
// starts.
package main

import (
	"context"
	"errors"
	"log"

	"github.com/hf-tap/hf-tap/webhooks"
	"github.com/hf-tap/hf-tap/webhooks/dev"
)

func train(_ context.Context, d *webhooks.Delivery) (any, error) { return "train " + d.Repo.Name, nil }
func review(_ context.Context, d *webhooks.Delivery) (any, error) {
	return "review " + d.Repo.Name, nil
}

func main() {
	server, err := webhooks.New(webhooks.Config{})
	if err != nil {
		log.Fatal(err)
	}
	err = errors.Join(server.HandleFunc(train, webhooks.Match("dataset:me/d")), server.HandleFunc(review, webhooks.Match("model:me/m")))
	if err == nil {
		err = dev.Run(context.Background(), server, dev.Options{})
	}
	if err != nil {
		log.Fatal(err)
	}
}
