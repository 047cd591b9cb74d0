package session

import (
	"context"
	"fmt"

	"github.com/hf-tap/hf-tap/internal/app"
)

// AppError says that the app under development ended before the session did.
type AppError struct {
	Name   string // the program
	Code   int    // its exit status; 128 and the signal's number if a signal ended it
	Signal string // the signal's name, empty if none
	Err    error  // why the status is not known, nil if it is
}

// Error says how the app ended.
func (e *AppError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("the app %q ended: %v", e.Name, e.Err)
	case e.Signal != "":
		return fmt.Sprintf("the app %q was ended by %s", e.Name, e.Signal)
	}
	return fmt.Sprintf("the app %q ended with status %d", e.Name, e.Code)
}

// What apps read the secret and their port from. Of 40 public handlers, 29 read
// the secret from one of these; Gradio, uvicorn and Flask read ports of their own.
var (
	secretVariables = []string{"WEBHOOK_SECRET", "HF_WEBHOOK_SECRET", "HUGGINGFACE_WEBHOOK_SECRET"}
	portVariables   = []string{"PORT", "GRADIO_SERVER_PORT", "UVICORN_PORT", "FLASK_RUN_PORT"}
)

// appEnv is what the app's environment has to say. It replaces what the user
// has exported: with another secret or port, no event would arrive.
func appEnv(secret, port string) []string {
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

// startApp starts the app under development, and ends the session when it ends.
func (r *run) startApp(ctx context.Context) (err error) {
	if len(r.App.Args) == 0 {
		return nil
	}
	cfg := r.App
	cfg.Env = append(cfg.Env[:len(cfg.Env):len(cfg.Env)], appEnv(r.Secret, r.AppPort)...)
	if r.app, err = app.Start(cfg); err != nil {
		return err
	}
	r.spawn(&r.background, func() {
		select {
		case <-ctx.Done():
		case <-r.app.Done():
			result := r.app.Result()
			r.cancel(&AppError{Name: cfg.Args[0], Code: result.Code, Signal: result.Signal, Err: result.Err})
		}
	})
	return nil
}

// stopApp ends the app and all that it started.
func (r *run) stopApp(ctx context.Context) error {
	if r.app == nil {
		return nil
	}
	return r.app.Stop(ctx)
}
