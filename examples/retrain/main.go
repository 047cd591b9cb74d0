// Retrain trains a model again when its dataset changes. It runs a command for
// each push to main of a dataset, and writes what came of it into the model's
// repository.
//
//	HF_TOKEN=hf_… WEBHOOK_SECRET=… retrain -model me/my-model python train.py
//
// The command gets the variables that a Job of the Hub has, WEBHOOK_REPO_ID and
// WEBHOOK_REPO_TYPE, and the commit to train on in DATASET_COMMIT.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"github.com/hf-tap/hf-tap/examples/hubapi"
	"github.com/hf-tap/hf-tap/webhooks"
)

func main() {
	model := flag.String("model", "", "the model's repository, owner/name")
	flag.Parse()
	if err := run(*model, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(model string, command []string) error {
	if model == "" || len(command) == 0 {
		return errors.New("usage: retrain -model owner/name command [args]")
	}
	if os.Getenv("WEBHOOK_SECRET") == "" {
		return errors.New("WEBHOOK_SECRET is not set: without it everybody could start the training")
	}
	hub, err := hubapi.FromEnv()
	if err != nil {
		return err
	}
	t := trainer{hub: hub, model: hubapi.Repo{Type: "model", Name: model}, command: command}
	// The answer comes first, because training takes longer than the Hub waits.
	// One at a time: the machine has one GPU.
	webhooks.Handle("retrain", t.retrain,
		webhooks.Match("repo.content.update,dataset:*"), webhooks.AnswerFirst(1), webhooks.DropRepeats())
	return webhooks.Run(context.Background())
}

// trainer trains a model with a command.
type trainer struct {
	hub     *hubapi.Client
	model   hubapi.Repo
	command []string
}

// maxOutput is how many bytes of the command's output are published: the last.
const maxOutput = 10_000

// retrain is the handler. An error is logged, and a replay of the delivery from
// the webhook's page tries again.
func (t trainer) retrain(ctx context.Context, d *webhooks.Delivery) (any, error) {
	commit, pushed := d.PushedTo("main")
	if !pushed {
		return nil, nil // a tag, another branch, a pull request, or main was deleted
	}
	dataset := hubapi.Repo{Type: string(d.Repo.Type), Name: d.Repo.Name}
	// Deliveries come in no order, and more pushes may have come while an
	// earlier one was trained on: only the newest commit counts.
	head, err := t.hub.Revision(ctx, dataset, "main")
	if err != nil {
		return nil, err
	}
	if head.SHA != commit {
		slog.Info("skipped", "dataset", dataset.Name, "commit", commit, "newest", head.SHA)
		return nil, nil
	}
	cmd := exec.CommandContext(ctx, t.command[0], t.command[1:]...)
	cmd.Env = append(os.Environ(), "WEBHOOK_REPO_ID="+dataset.Name, "WEBHOOK_REPO_TYPE="+dataset.Type, "DATASET_COMMIT="+commit)
	cmd.WaitDelay = time.Second // for children that hold the output when the server stops
	output, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("train on %s at %s: %w\n%s", dataset.Name, commit, err, last(output))
	}
	report := fmt.Sprintf("# Trained on %s at %s\n\n```text\n%s\n```\n", dataset.Name, commit, last(output))
	address, err := t.hub.Commit(ctx, t.model, hubapi.Commit{
		Summary: "Train on " + dataset.Name + " at " + commit[:min(len(commit), 7)], Path: "training.md", Content: []byte(report),
	})
	if err != nil {
		return nil, err
	}
	slog.Info("trained", "dataset", dataset.Name, "commit", commit, "report", address)
	return nil, nil
}

// last returns the end of an output.
func last(output []byte) []byte { return output[max(0, len(output)-maxOutput):] }
