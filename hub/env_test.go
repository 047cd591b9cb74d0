package hub

import (
	"strings"
	"testing"
)

// vars stands in for the environment.
func vars(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestTheEnvironmentIsTheHubsOwn(t *testing.T) {
	env, err := FromEnv(vars())
	if want := (Env{Endpoint: "https://huggingface.co"}); err != nil || env != want {
		t.Errorf("nothing set: %+v, %v", env, err)
	}
	env, err = FromEnv(vars("HF_ENDPOINT", " https://hub.example:8443/hf// ", "HF_HUB_OFFLINE", "yes", "HF_HUB_USER_AGENT_ORIGIN", " partner "))
	if want := (Env{Endpoint: "https://hub.example:8443/hf", Offline: true, Origin: "partner"}); err != nil || env != want {
		t.Errorf("all set: %+v, %v", env, err)
	}
	for value, want := range map[string]bool{"1": true, "true": true, "On": true, "YES": true, "0": false, "false": false, "no": false, "": false, "2": false} {
		if env, _ := FromEnv(vars("HF_HUB_OFFLINE", value)); env.Offline != want {
			t.Errorf("HF_HUB_OFFLINE=%q: offline %v", value, env.Offline)
		}
	}
}

func TestAnEndpointIsAnHTTPURLWithAHost(t *testing.T) {
	for _, s := range []string{"huggingface.co", "ftp://x", "https://", "https:///path", "https://:443", "://", "http://[::1", "https://x?y=1", "https://x/#z", "https://x?", "file:///etc/passwd",
		"https://huggingface.co/api", "https://hub.example/api/", "https://hub.example/hf/api", "https://huggingface.co/api/models", "https://huggingface.co/me/m", "'https://huggingface.co'"} {
		env, err := FromEnv(vars("HF_ENDPOINT", s, "HF_HUB_OFFLINE", "1"))
		if err == nil || !strings.HasPrefix(err.Error(), "HF_ENDPOINT: ") || !strings.Contains(err.Error(), `"`+strings.TrimRight(s, "/")) {
			t.Errorf("%q: %v", s, err)
		}
		if env.Endpoint != "" || !env.Offline {
			t.Errorf("%q: %+v", s, env)
		}
	}
	for _, s := range []string{"https://user:s3cret@hub.example", "https://s3cret@hub.example", "https://s3cret@\x7f"} {
		if _, err := ParseEndpoint(s); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"https://hub.example/hf", "https://api.example/apis", "https://hub-ci.huggingface.co"} {
		if got, err := ParseEndpoint(s); got != s || err != nil {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	if c, err := NewClient(ClientConfig{Endpoint: "http://127.0.0.1:7000/"}); err != nil || c.Endpoint() != "http://127.0.0.1:7000" {
		t.Errorf("a client's endpoint: %v, %v", c, err)
	}
}
