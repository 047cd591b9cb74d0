package config

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/exectarget"
	"github.com/hf-tap/hf-tap/internal/nearest"
	"github.com/hf-tap/hf-tap/internal/network"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tunnel"
)

// Key is a setting that a file can have.
type Key struct {
	Name      string   // as in a file; "history.max_age" is max_age in the table [history]
	Own       bool     // only the user's own file may have it
	List      bool     // its value is a list of texts; a single text is a list of one
	Number    bool     // its value is a number; else it is text
	Variables []string // the environment variables that go before the files

	example string // a line of a file
	path    bool   // its value is a path, which begins at the folder of the file
	secret  bool   // the variables have a secret, and not its name
	check   func(text string) error
}

// Keys are all keys, in the order in which they are shown.
func Keys() []Key {
	return []Key{
		{Name: "watch", List: true, example: `watch = ["model:me/my-model"]`, check: checkOf(hub.ParseWatch)},
		{Name: "domain", List: true, example: `domain = ["discussion"]`, check: checkOf(hub.ParseDomain)},
		{Name: "forward", List: true, example: `forward = ["7860/webhooks/train"]`, check: checkForward},
		{Name: "exec", List: true, example: `exec = ["repo.content.update=python train.py"]`, check: checkExec},
		{Name: "until", example: `until = "discussion.* status:>=500"`, check: checkOf(filter.Parse)},
		{Name: "wait", example: `wait = "30s"`, check: checkDuration},
		{Name: "respond", example: `respond = "relay"`, check: oneOf("ack", "relay")},
		{Name: "concurrency", Number: true, example: `concurrency = 1`, check: between(1, 10000)},
		{Name: "retry", Number: true, example: `retry = 3`, check: between(0, 1000000)},
		{Name: "timeout", example: `timeout = "30s"`, check: checkDuration},
		{Name: "wait_target", example: `wait_target = "1m"`, check: checkDuration},

		{Name: "endpoint", Own: true, Variables: []string{"HF_ENDPOINT"}, example: `endpoint = "` + hub.DefaultEndpoint + `"`, check: checkEndpoint},
		{Name: "token", Own: true, Variables: []string{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}, secret: true, example: `token = "my-token", a name that "hf auth list" shows`, check: checkToken},
		{Name: "secret_file", Own: true, Variables: []string{"WEBHOOK_SECRET"}, secret: true, path: true, example: `secret_file = "~/.config/hf-tap/secret"`, check: anyText},
		{Name: "ca", Own: true, path: true, example: `ca = "~/company.pem"`, check: anyText},
		{Name: "proxy", Own: true, Variables: network.ProxyVariables(), example: `proxy = "http://proxy:3128"`, check: network.CheckProxy},
		{Name: "no_proxy", Own: true, List: true, Variables: []string{"no_proxy", "NO_PROXY"}, example: `no_proxy = ["example.com"]`, check: anyText},
		{Name: "tunnel", Own: true, example: `tunnel = "ngrok"`, check: checkTunnel},
		{Name: "public_url", Own: true, example: `public_url = "https://tunnel.example.com"`, check: checkOf(tunnel.PublicURL)},
		{Name: "port", Own: true, Number: true, example: `port = 4567`, check: between(1, 65535)},
		{Name: "ngrok_domain", Own: true, example: `ngrok_domain = "name.ngrok.app"`, check: anyText},
		{Name: "gradio_server", Own: true, example: `gradio_server = "share.example.com:7000"`, check: checkHostPort},
		{Name: "ssh_domain", Own: true, List: true, example: `ssh_domain = ["example.com"]`, check: anyText},
		{Name: "bell", Own: true, example: `bell = "failure"`, check: oneOf("failure", "never")},
		{Name: "history.max_age", Own: true, example: `max_age = "30d"`, check: named(ParseAge, "not an age in hours, days or weeks")},
		{Name: "history.max_size", Own: true, example: `max_size = "500MB"`, check: named(parseSize, "not a size in KB, MB or GB")},
	}
}

// Flag is the name of the flag of commands that sets the same, without dashes. Not
// every key has one.
func (k Key) Flag() string { return strings.ReplaceAll(k.Name, "_", "-") }

// Check reports what is wrong with a value: one item of a list, or a number in
// decimals. No error has a password in it.
func (k Key) Check(text string) error { return k.check(text) }

// Shown is a value as it may be shown: without passwords, tokens and secrets.
func (k Key) Shown(text string) string {
	switch k.Name {
	case "forward":
		if route, err := receiver.ParseRoute(text); err == nil {
			return routeText(route, event.MaskURL(route.Target.Name()))
		}
	case "exec":
		if route, err := exectarget.ParseRoute(text, "", ""); err == nil {
			return routeText(route, strings.TrimPrefix(route.Target.Name(), event.CommandPrefix))
		}
	case "proxy":
		return network.MaskProxy(text)
	}
	return event.MaskURL(text)
}

// routeText is a route as it is written.
func routeText(r receiver.Route, target string) string {
	switch {
	case r.Default:
		return "default=" + target
	case r.Match.String() != "":
		return r.Match.String() + "=" + target
	}
	return target
}

// checkOf makes a check of a function that reads a value.
func checkOf[T any](parse func(string) (T, error)) func(string) error {
	return func(text string) error {
		_, err := parse(text)
		return err
	}
}

// named is checkOf with an error that says what the value is not.
func named[T any](parse func(string) (T, error), not string) func(string) error {
	return func(text string) error {
		if _, err := parse(text); err != nil {
			return fmt.Errorf("%q is %s", text, not)
		}
		return nil
	}
}

func anyText(string) error { return nil }

func checkForward(text string) error {
	route, err := receiver.ParseRoute(text)
	if err != nil {
		return err
	}
	_, err = filter.Parse(route.Match.String()) // it knows the kinds
	return err
}

func checkExec(text string) error {
	_, err := exectarget.ParseRoute(text, "", "")
	return err
}

func checkDuration(text string) error {
	if d, err := time.ParseDuration(text); err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration", text)
	}
	return nil
}

func oneOf(words ...string) func(string) error {
	return func(text string) error {
		if slices.Contains(words, text) {
			return nil
		}
		if near := nearest.Word(strings.ToLower(text), words); near != "" {
			return fmt.Errorf("%q is not valid: did you mean %q?", text, near)
		}
		return fmt.Errorf("%q is not valid: want %s", text, strings.Join(words, " or "))
	}
}

func between(least, most int) func(string) error {
	return func(text string) error {
		if n, err := strconv.Atoi(text); err != nil || n < least || n > most {
			return fmt.Errorf("%s is not a number from %d to %d", text, least, most)
		}
		return nil
	}
}

func checkEndpoint(text string) error {
	_, err := hub.ParseEndpoint(text)
	return err
}

// checkToken wants the name of a stored token. Its errors do not quote the text,
// which may be a token.
func checkToken(text string) error {
	switch {
	case strings.HasPrefix(text, "hf_"):
		return errors.New("it looks like a token: the file takes only the name of a stored one")
	case text == "-":
		return errors.New(`"-" reads standard input, which only a flag can ask for`)
	}
	return nil
}

func checkTunnel(text string) error {
	_, err := session.TunnelConfig{Provider: text}.Select()
	if !errors.Is(err, tunnel.ErrUnknownProvider) {
		return nil // what it lacks may be in the environment
	}
	names := append([]string{tunnel.Auto, "loopback", "public"}, session.TunnelProviders()...)
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if near := nearest.Word(strings.ToLower(name), names); near != "" && near != name && !strings.Contains(near, "://") {
			return fmt.Errorf("%w: did you mean %q?", err, near)
		}
	}
	return err
}

func checkHostPort(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || port == "" || strings.ContainsAny(text, "/?@ ") {
		return fmt.Errorf("%q is not of the form host:port", text)
	}
	return nil
}
