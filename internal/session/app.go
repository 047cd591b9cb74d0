package session

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// AppError means that the app under development ended before the session did.
type AppError struct {
	Name   string // the program
	Code   int    // its exit status; 128 and the signal's number if a signal ended it
	Signal string // the signal's name, empty if none
	Err    error  // why the status is not known, nil if it is
}

// Error says how the app ended.
func (e *AppError) Error() string { return fmt.Sprintf("the app %q %s", e.Name, e.Outcome()) }

// Outcome is Error without the app: "ended with status 1".
func (e *AppError) Outcome() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("ended: %v", e.Err)
	case e.Signal != "":
		return "was ended by " + e.Signal
	}
	return fmt.Sprintf("ended with status %d", e.Code)
}

// The environment variables that apps read the secret and their port from. Of 40 public
// handlers, 29 read the secret from one of these; Gradio, uvicorn and Flask have port
// variables of their own.
var (
	secretVariables = []string{"WEBHOOK_SECRET", "HF_WEBHOOK_SECRET", "HUGGINGFACE_WEBHOOK_SECRET"}
	portVariables   = []string{"PORT", "GRADIO_SERVER_PORT", "UVICORN_PORT", "FLASK_RUN_PORT"}
)

// AppEnv returns the environment variables of the app. It replaces what the user has
// exported: with another secret or port, no event would arrive.
func AppEnv(secret, port string) []string {
	var env []string
	for _, name := range secretVariables {
		env = append(env, name+"="+secret)
	}
	for _, name := range portVariables {
		if port != "" {
			env = append(env, name+"="+port)
		}
	}
	return env
}

// startApp starts the app under development. AppEnd says what happens when it ends.
func (r *run) startApp(ctx context.Context) error {
	if len(r.App.Args) == 0 {
		return nil
	}
	if err := r.host.start(); err != nil {
		return err
	}
	r.spawn(&r.background, func() { r.watchAppPort(ctx) })
	r.spawn(&r.background, func() { r.host.watch(ctx, r.AppEnd, r.Times.Restart, r.Tell, r.cancel) })
	return nil
}

// watchAppPort checks, while the app's target is down, whether the app listens on
// another port, and reports that once. A port counts if it is open at two checks in a
// row: an app that boots may open others for a moment.
func (r *run) watchAppPort(ctx context.Context) {
	look := time.NewTicker(r.Times.Look)
	defer look.Stop()
	var down, told bool
	var target *url.URL
	var before []int
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-r.targets:
			if u, err := url.Parse(s.Name); err == nil && u.Port() == r.AppPort && (s.State == "down" || s.State == "up") {
				target, down, told = u, s.State == "down", told && s.State == "down"
			}
		case <-look.C:
			if !down || told {
				continue
			}
			current := r.host.current()
			if current == nil {
				continue
			}
			ports, known := current.Ports()
			same := slices.Equal(ports, before)
			before = ports
			if port, err := strconv.Atoi(r.AppPort); !known || !same || len(ports) == 0 || err != nil || slices.Contains(ports, port) {
				continue
			}
			told = true
			r.report(event.State{Subject: event.SubjectTarget, Name: target.String(), State: "down", Detail: elsewhere(ports, r.AppPort, target.Path)})
		}
	}
}

// elsewhere returns the line about an app that listens on other ports than its own,
// with the command to type.
func elsewhere(ports []int, own, path string) string {
	var words []string
	for _, port := range ports {
		words = append(words, strconv.Itoa(port))
	}
	noun := "port"
	if len(ports) > 1 {
		noun = "ports"
	}
	return fmt.Sprintf("the app listens on %s %s, and events go to %s: --forward %d%s", noun, strings.Join(words, ", "), own, ports[0], path)
}

// stopApp ends the app and all that it started.
func (r *run) stopApp(ctx context.Context) error {
	if r.host == nil {
		return nil
	}
	return r.host.close(ctx)
}
