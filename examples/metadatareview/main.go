// Metadatareview looks at a model's card after each push to main. It opens a
// pull request with the metadata that follows from the files, or a discussion
// about what only the author knows.
//
//	HF_TOKEN=hf_… WEBHOOK_SECRET=… metadatareview
package main

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"os"
	"strings"

	"github.com/hf-tap/hf-tap/examples/hubapi"
	"github.com/hf-tap/hf-tap/webhooks"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	if os.Getenv("WEBHOOK_SECRET") == "" {
		return errors.New("WEBHOOK_SECRET is not set: without it everybody could make the bot write")
	}
	hub, err := hubapi.FromEnv()
	if err != nil {
		return err
	}
	me, err := hub.WhoAmI(ctx)
	if err != nil {
		return err
	}
	// One at a time, so that two pushes in a row do not lead to two pull requests.
	webhooks.Handle("review", reviewer{hub, me}.review,
		webhooks.Match("repo.content.update,model:*"), webhooks.AnswerFirst(1), webhooks.DropRepeats())
	return webhooks.Run(ctx)
}

// reviewer reviews model cards for an account.
type reviewer struct {
	hub *hubapi.Client
	me  hubapi.User
}

// review is the handler. The bot's own pull requests are pushes to refs/pr/N,
// which it ignores. When one is merged it looks again, and finds less to do.
func (r reviewer) review(ctx context.Context, d *webhooks.Delivery) (any, error) {
	commit, pushed := d.PushedTo("main")
	if !pushed {
		return nil, nil
	}
	repo := hubapi.Repo{Type: string(d.Repo.Type), Name: d.Repo.Name}
	files, err := r.hub.Revision(ctx, repo, commit)
	if err != nil {
		return nil, err
	}
	var text []byte
	if files.Has("README.md") {
		if text, err = r.hub.File(ctx, repo, commit, "README.md"); err != nil {
			return nil, err
		}
	}
	found, err := parseCard(text)
	if err != nil {
		return nil, r.discuss(ctx, repo, "The metadata of the model card is not valid YAML", "The Hub ignores it: "+err.Error())
	}
	add, ask := found.missing(files)
	if len(add) > 0 {
		return nil, r.propose(ctx, repo, commit, found, add, ask)
	}
	if len(ask) > 0 {
		return nil, r.discuss(ctx, repo, "The model card lacks "+strings.Join(ask, " and "), "People find models by these. Please add them to the metadata of `README.md`.")
	}
	slog.Info("complete", "model", repo.Name, "commit", commit)
	return nil, nil
}

// propose opens a pull request with some metadata, unless the bot did so before.
func (r reviewer) propose(ctx context.Context, repo hubapi.Repo, parent string, found card, add []pair, ask []string) error {
	var keys []string
	for _, p := range add {
		keys = append(keys, p.key)
	}
	title := "Add " + strings.Join(keys, " and ") + " to the model card"
	if done, err := r.hub.HasDiscussion(ctx, repo, r.me.Name, title); done || err != nil {
		return err
	}
	description := "This follows from the files of the model."
	if len(ask) > 0 {
		description += " Only you know the rest: " + strings.Join(ask, ", ") + "."
	}
	address, err := r.hub.Commit(ctx, repo, hubapi.Commit{
		Summary: title, Description: description, Parent: parent, PullRequest: true, Path: "README.md", Content: found.with(add),
	})
	if err == nil {
		slog.Info("proposed", "model", repo.Name, "title", title, "pull_request", address)
	}
	return err
}

// discuss opens a discussion, unless the bot did so before: an author who closed
// it has said no.
func (r reviewer) discuss(ctx context.Context, repo hubapi.Repo, title, text string) error {
	if done, err := r.hub.HasDiscussion(ctx, repo, r.me.Name, title); done || err != nil {
		return err
	}
	num, err := r.hub.OpenDiscussion(ctx, repo, title, text)
	if err == nil {
		slog.Info("asked", "model", repo.Name, "title", title, "discussion", num)
	}
	return err
}
