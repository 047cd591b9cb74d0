package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// standInHub returns the configuration of a client of a stand-in for the Hub,
// with the user "me" and the model me/m.
func standInHub() (hub.ClientConfig, func()) {
	h := sandbox.New(sandbox.Config{Seed: 1})
	err := errors.Join(h.AddUser("me"), h.AddRepo(hub.Repo{Type: hub.RepoTypeModel, Name: "me/m"}, false))
	token, tokenErr := h.AddToken("me", sandbox.Token{})
	endpoint, startErr := h.Start("127.0.0.1:0")
	if err := errors.Join(err, tokenErr, startErr); err != nil {
		log.Fatal(err)
	}
	return hub.ClientConfig{Endpoint: endpoint, Token: token}, h.Close
}

// The life of a webhook: create, list, update, disable, enable, delete.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	// For the Hub itself: hub.ClientConfig{Token: token.Value}, see FindToken.
	config, stop := standInHub()
	defer stop()
	client, err := hub.NewClient(config)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	created, err := client.CreateWebhook(ctx, hub.WebhookSpec{
		URL:     "https://example.com/webhooks/retrain",
		Watched: []hub.Watch{{Type: hub.WatchTypeModel, Name: "me/m"}, {Type: hub.WatchTypeUser, Name: "me"}},
		Domains: []hub.Domain{hub.DomainRepo},
		Secret:  "my-secret",
	})
	if err != nil {
		log.Fatal(err)
	}

	list, err := client.ListWebhooks(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range list {
		fmt.Println(w.URL, w.Watched, w.Domains, w.State)
	}

	// An update replaces all: the secret has to be sent again.
	updated, err := client.ModifyWebhook(ctx, created.ID, func(spec *hub.WebhookSpec) {
		spec.Domains = hub.Domains()
		spec.Secret = "my-secret"
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(updated.Domains, "secret:", updated.HasSecret)

	disabled, err := client.DisableWebhook(ctx, created.ID)
	if err != nil {
		log.Fatal(err)
	}
	enabled, err := client.EnableWebhook(ctx, created.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(disabled.State, enabled.State)

	if err := client.DeleteWebhook(ctx, created.ID); err != nil {
		log.Fatal(err)
	}
	_, err = client.GetWebhook(ctx, created.ID)
	fmt.Println("gone:", errors.Is(err, hub.ErrNotFound))

	// Output:
	// https://example.com/webhooks/retrain [model:me/m user:me] [repo] enabled
	// [repo discussion] secret: true
	// disabled enabled
	// gone: true
}

// The secret of a webhook is not in what the Hub returns. An update without it
// would clear it, so nothing is sent.
func ExampleClient_ModifyWebhook() {
	config, stop := standInHub()
	defer stop()
	client, err := hub.NewClient(config)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	w, err := client.CreateWebhook(context.Background(), hub.WebhookSpec{
		URL:     "https://example.com/old",
		Watched: []hub.Watch{hub.Repo{Type: hub.RepoTypeModel, Name: "me/m"}.Watch()},
		Domains: hub.Domains(),
		Secret:  "my-secret",
	})
	if err != nil {
		log.Fatal(err)
	}

	for _, secret := range []string{"", "my-secret"} {
		changed, err := client.ModifyWebhook(context.Background(), w.ID, func(spec *hub.WebhookSpec) {
			spec.URL = "https://example.com/new"
			spec.Secret = secret
		})
		switch {
		case errors.Is(err, hub.ErrSecretNeeded):
			fmt.Println("the secret is needed")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(changed.URL)
		}
	}
	// Output:
	// the secret is needed
	// https://example.com/new
}

// The token of HF_TOKEN, or the one that "hf auth login" stored, and the Hub of
// HF_ENDPOINT.
func ExampleFindToken() {
	env, err := hub.FromEnv(os.Getenv)
	if err != nil {
		log.Fatal(err)
	}
	token, err := hub.FindToken(hub.TokenEnv{Getenv: os.Getenv, Home: os.UserHomeDir}, "", nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := hub.NewClient(hub.ClientConfig{Endpoint: env.Endpoint, Offline: env.Offline, Token: token.Value})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

// Whose token it is, and whether it may manage webhooks.
func ExampleClient_WhoAmI() {
	config, stop := standInHub()
	defer stop()
	client, err := hub.NewClient(config)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	who, err := client.WhoAmI(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(who.Name, who.Auth.AccessToken.Role)
	if p := who.CanWriteWebhooks(); p.Refused() {
		log.Fatal("the token may not manage webhooks: ", p.Reason)
	}
	// Output: me write
}

// A webhook that was created although its answer got lost is in the list.
func ExampleOutcomeUnknown() {
	find := func(ctx context.Context, client *hub.Client, spec hub.WebhookSpec) (hub.Webhook, error) {
		w, err := client.CreateWebhook(ctx, spec)
		if !hub.OutcomeUnknown(err) {
			return w, err
		}
		list, listErr := client.ListWebhooks(ctx)
		for _, w := range list {
			if w.URL == spec.URL {
				return w, nil
			}
		}
		return w, errors.Join(err, listErr)
	}
	_ = find
}

func ExampleParsePayload() {
	body := `{"event":{"action":"create","scope":"discussion.comment"},
		"repo":{"type":"model","name":"me/m"}, "discussion":{"num":19,"title":"Typo"},
		"comment":{"content":"Fixed","aNewKey":1}, "webhook":{"id":"6390e855e30d9209411de93b","version":3}}`
	p, ok := hub.ParsePayload([]byte(body))
	if !ok {
		log.Fatal("the body is not a JSON object")
	}
	if p.Event.Scope == hub.ScopeDiscussionComment && p.Comment != nil && p.Comment.Content != nil {
		fmt.Printf("%s #%d: %s\n", p.Repo.Repo(), p.Discussion.Num, *p.Comment.Content)
	}
	// Output: model:me/m #19: Fixed
}

func ExampleParseWatch() {
	for _, text := range []string{"dataset:me/d", "org:us", "me/m", "https://huggingface.co/spaces/me/s", "gpt2"} {
		watch, err := hub.ParseWatch(text)
		fmt.Println(watch.Type, watch.Name, err)
	}
	// Output:
	// dataset me/d <nil>
	// org us <nil>
	// model me/m <nil>
	// space me/s <nil>
	//   watch "gpt2" has no type: want type:name, like model:me/m
}
