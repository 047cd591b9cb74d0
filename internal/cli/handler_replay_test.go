package cli_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/webhooks"
	"github.com/hf-tap/hf-tap/webhooks/dev"
)

func TestAnEventOfAHandlerIsSentAgainOnlyWhileItsProgramRuns(t *testing.T) {
	w := newWorld(t)
	for _, variable := range append(w.env, "WEBHOOK_SECRET=", "SPACE_ID=") {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	server, err := webhooks.New(webhooks.Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = server.Handle("bot/answer", func(context.Context, *webhooks.Delivery) (any, error) {
		cancel()
		return nil, errors.New("no model")
	}, webhooks.Match("model:me/m"))
	if err != nil {
		t.Fatal(err)
	}
	up := happens(func() { w.happen("discussion.create") })
	if err := dev.Run(ctx, server, dev.Options{Output: &up}); err != nil {
		t.Fatal(err)
	}
	w.run(1, "events", "replay", "1").says(`event 1 went to the handler "bot/answer" of a program, which does not run`,
		"start that program, then: hf-tap events replay 1; or send it elsewhere: hf-tap events replay 1 --forward 7860")
	w.run(1, "events", "replay", "--failed").says(`.* of a program, which does not run`, "start that program, then: hf-tap events replay --failed; or .*")
	w.nothingLeft()
}

// happens calls a function once, at the first line of a session.
type happens func()

func (h *happens) Write(line []byte) (int, error) {
	if *h != nil {
		(*h)()
		*h = nil
	}
	return io.Discard.Write(line)
}
