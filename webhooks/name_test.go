package webhooks_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/webhooks"
)

type bot struct{}

func (bot) OnPRMerged(context.Context, *webhooks.Delivery) (any, error)     { return nil, nil }
func (*bot) answerComment(context.Context, *webhooks.Delivery) (any, error) { return nil, nil }
func triggerTraining(context.Context, *webhooks.Delivery) (any, error)      { return nil, nil }
func HTTPHook2(context.Context, *webhooks.Delivery) (any, error)            { return nil, nil }
func already_snake(context.Context, *webhooks.Delivery) (any, error)        { return nil, nil }
func generic[T any](context.Context, *webhooks.Delivery) (any, error)       { return nil, nil }
func обучить(context.Context, *webhooks.Delivery) (any, error)              { return nil, nil }
func func1(context.Context, *webhooks.Delivery) (any, error)                { return nil, nil }
func makeHandler() webhooks.Handler {
	return func(context.Context, *webhooks.Delivery) (any, error) { return nil, nil }
}

var inAVariable = func(context.Context, *webhooks.Delivery) (any, error) { return nil, nil }

type handlers interface {
	OnPRMerged(context.Context, *webhooks.Delivery) (any, error)
}

func TestAFunctionsNameIsItsEndpoints(t *testing.T) {
	var behindAnInterface handlers = bot{}
	for want, f := range map[string]webhooks.Handler{
		"trigger_training": triggerTraining,
		"http_hook2":       HTTPHook2,
		"already_snake":    already_snake,
		"on_pr_merged":     bot{}.OnPRMerged,
		"answer_comment":   (&bot{}).answerComment,
		"generic":          generic[int],
		"func1":            func1,
	} {
		s := newServer(t, webhooks.Config{})
		if err := s.HandleFunc(f); err != nil {
			t.Errorf("%s: %v", want, err)
		} else if got := s.Endpoints()[0]; got.Name != want || got.Path != "/webhooks/"+want {
			t.Errorf("got %q at %q, want %q", got.Name, got.Path, want)
		}
	}
	s := newServer(t, webhooks.Config{})
	if err := s.HandleFunc(behindAnInterface.OnPRMerged); err != nil || s.Endpoints()[0].Name != "on_pr_merged" {
		t.Errorf("a method of an interface: %v", err)
	}
}

func TestAnAnonymousFunctionIsAnError(t *testing.T) {
	inMain := func(context.Context, *webhooks.Delivery) (any, error) { return nil, nil }
	for what, f := range map[string]webhooks.Handler{"in a variable of the package": inAVariable, "in a variable of a function": inMain, "returned by a function": makeHandler()} {
		err := newServer(t, webhooks.Config{}).HandleFunc(f)
		if err == nil || !strings.Contains(err.Error(), "is anonymous: give its endpoint a name with Handle") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := newServer(t, webhooks.Config{}).HandleFunc(обучить); err == nil {
		t.Error("a name that a URL cannot hold as it is was accepted")
	}
}

func TestAnEndpointsNameIsCheckedAtRegistration(t *testing.T) {
	for name, want := range map[string]string{
		"say_hello": "say_hello", "/say_hello": "say_hello", "//say_hello//": "say_hello", "a/b": "a/b", "v1.2/~x-y": "v1.2/~x-y", "webhooks2": "webhooks2", "a/webhooks": "a/webhooks",
	} {
		s := newServer(t, webhooks.Config{})
		if err := s.Handle(name, echo); err != nil || s.Endpoints()[0].Name != want {
			t.Errorf("%q: got %v %v, want %q", name, s.Endpoints(), err, want)
		}
	}
	for name, want := range map[string]string{
		"":                     "an endpoint needs a name",
		"/":                    "an endpoint needs a name",
		"a//b":                 "an empty part",
		".":                    `a part cannot be "."`,
		"..":                   `a part cannot be ".."`,
		"../etc/passwd":        `a part cannot be ".."`,
		"a/../b":               `a part cannot be ".."`,
		" ":                    `' ' is not allowed`,
		"say hello":            `' ' is not allowed`,
		"a\n":                  `'\n' is not allowed`,
		"schulung-für-modelle": `'ü' is not allowed`,
		"训练":                   `'训' is not allowed`,
		"a%2fb":                `'%' is not allowed`,
		"a?b":                  `'?' is not allowed`,
		"a\\b":                 `'\\' is not allowed`,
		"\xff":                 `is not allowed`,
		"/webhooks/train":      `the path begins with /webhooks/ already: use "train"`,
		"webhooks":             "the path begins with /webhooks/ already",
	} {
		err := newServer(t, webhooks.Config{}).Handle(name, echo)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", name, err, want)
		}
	}
}

func TestTheSameNameTwiceIsAnError(t *testing.T) {
	s := newServer(t, webhooks.Config{}).handle("trigger_training", echo)
	for _, err := range []error{s.Handle("/trigger_training/", echo), s.HandleFunc(triggerTraining)} {
		if err == nil || !strings.Contains(err.Error(), `endpoint "trigger_training" exists already`) {
			t.Errorf("got %v", err)
		}
	}
	want(t, "endpoints", len(s.Endpoints()), 1)
}

func TestAnInvalidRegistrationIsAnError(t *testing.T) {
	s := newServer(t, webhooks.Config{})
	for _, c := range []struct {
		err  error
		want string
	}{
		{s.Handle("a", nil), `endpoint "a" has no handler`},
		{s.HandleFunc(nil), "an endpoint has no handler"},
		{s.Handle("a", echo, webhooks.Match("discusion.*")), `endpoint "a": match "discusion.*": "discusion.*" fits no kind of event`},
		{s.Handle("a", echo, webhooks.AnswerFirst(0)), `endpoint "a": AnswerFirst(0): at least 1 worker`},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
	want(t, "endpoints", len(s.Endpoints()), 0)
}
