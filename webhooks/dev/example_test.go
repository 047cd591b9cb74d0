package dev_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/webhooks"
	"github.com/hf-tap/hf-tap/webhooks/dev"
)

// On the Hub, the lines with the stand-in are not needed: HF_TOKEN is.
func ExampleRun() {
	standIn, err := newStandIn()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer standIn.close()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server, err := webhooks.New(webhooks.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = server.Handle("train", func(_ context.Context, d *webhooks.Delivery) (any, error) {
		fmt.Println("train on", d.Repo.Name)
		cancel() // as Ctrl+C does
		return nil, nil
	}, webhooks.Match("repo.content.update,dataset:me/d"))
	if err == nil {
		err = dev.Run(ctx, server, dev.Options{Output: standIn})
	}
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(len(standIn.Webhooks("me")), "webhooks are left")
	// Output:
	// train on me/d
	// 0 webhooks are left
}

// standIn is a stand-in Hub in which a dataset is updated as soon as a session has
// something to say, and the environment of a program that uses it.
type standIn struct {
	*sandbox.Hub
	state  string
	was    map[string]string
	update sync.Once
}

func newStandIn() (*standIn, error) {
	s := &standIn{Hub: sandbox.New(sandbox.Config{}), was: map[string]string{}}
	endpoint, err := s.Start("127.0.0.1:0")
	if err == nil {
		s.state, err = os.MkdirTemp("", "hf-tap")
	}
	if err == nil {
		err = errors.Join(s.AddUser("me"), s.AddRepo(hub.Repo{Type: "dataset", Name: "me/d"}, false))
	}
	token := ""
	if err == nil {
		token, err = s.AddToken("me", sandbox.Token{})
	}
	for name, value := range map[string]string{"HF_ENDPOINT": endpoint, "HF_TOKEN": token, "HF_TAP_STATE": s.state, "WEBHOOK_SECRET": "", "SPACE_ID": ""} {
		s.was[name] = os.Getenv(name)
		err = errors.Join(err, os.Setenv(name, value))
	}
	return s, err
}

// Write gets the lines of the session, the first of them when its webhook exists.
func (s *standIn) Write(line []byte) (int, error) {
	var err error
	s.update.Do(func() { _, err = s.Happen("repo.content.update", hub.Repo{Type: "dataset", Name: "me/d"}, nil) })
	return len(line), err
}

func (s *standIn) close() {
	for name, value := range s.was {
		_ = os.Setenv(name, value)
	}
	s.Close()
	_ = os.RemoveAll(s.state)
}
