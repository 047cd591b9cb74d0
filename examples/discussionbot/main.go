// Discussionbot answers comments that mention it, in all repositories that its
// webhook watches. It acts for the account of its token and never answers
// itself.
//
//	HF_TOKEN=hf_… WEBHOOK_SECRET=… discussionbot
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"regexp"
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
	b := bot{hub: hub, me: me, mention: regexp.MustCompile(`(?i)(?:^|[^\w@/.-])@` + regexp.QuoteMeta(me.Name) + `(?:[^\w-]|$)`)}
	// The opening text of a discussion is a comment, too. The answer to the Hub
	// comes first, as the bot's own may take a while.
	webhooks.Handle("answer", b.answer,
		webhooks.Match("discussion.create,discussion.comment.create"), webhooks.AnswerFirst(4), webhooks.DropRepeats())
	return webhooks.Run(ctx)
}

// bot answers for an account.
type bot struct {
	hub     *hubapi.Client
	me      hubapi.User
	mention *regexp.Regexp
}

// answer is the handler.
func (b bot) answer(ctx context.Context, d *webhooks.Delivery) (any, error) {
	if d.Discussion == nil || d.Comment == nil || d.Comment.Content == nil {
		return nil, nil // a hidden comment has no content
	}
	// The bot's answers are comments as well, and come back as deliveries. By its
	// id and not by its name: payloads have only ids.
	if d.Comment.Author.ID == b.me.ID {
		return nil, nil
	}
	question := withoutQuotes(*d.Comment.Content)
	if !b.mention.MatchString(question) {
		return nil, nil
	}
	repo := hubapi.Repo{Type: string(d.Repo.Type), Name: d.Repo.Name}
	reply, err := b.reply(ctx, d, question)
	if err != nil {
		return nil, err
	}
	if err := b.hub.Comment(ctx, repo, d.Discussion.Num, reply); err != nil {
		return nil, err
	}
	slog.Info("answered", "repo", repo.Name, "discussion", d.Discussion.Num, "comment", d.Comment.ID)
	return nil, nil
}

// reply is what the bot says: which files there are. A language model would
// be called here.
func (b bot) reply(ctx context.Context, d *webhooks.Delivery, question string) (string, error) {
	if !strings.Contains(strings.ToLower(question), "files") {
		return "I can list the files of this repository: mention me and write *files*.", nil
	}
	revision := "main"
	if d.Discussion.IsPullRequest {
		revision = fmt.Sprintf("refs/pr/%d", d.Discussion.Num)
	}
	found, err := b.hub.Revision(ctx, hubapi.Repo{Type: string(d.Repo.Type), Name: d.Repo.Name}, revision)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Files at %s:\n\n", revision)
	for _, f := range found.Files {
		fmt.Fprintf(&text, "- `%s`\n", f.Path)
	}
	return text.String(), nil
}

// withoutQuotes returns a comment without the lines that quote others: to quote
// somebody who mentioned the bot is not to mention it.
func withoutQuotes(comment string) string {
	var own strings.Builder
	for line := range strings.Lines(comment) {
		if !strings.HasPrefix(strings.TrimSpace(line), ">") {
			own.WriteString(line)
		}
	}
	return own.String()
}
