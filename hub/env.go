package hub

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

// DefaultEndpoint is the address of the Hub itself.
const DefaultEndpoint = "https://huggingface.co"

// Env is the settings of a client in the environment variables that
// huggingface_hub has, too. [FindToken] finds the token.
type Env struct {
	Endpoint string // HF_ENDPOINT without a trailing slash, else DefaultEndpoint
	Offline  bool   // HF_HUB_OFFLINE: nothing may be sent
	Origin   string // HF_HUB_USER_AGENT_ORIGIN: appended to the User-Agent
}

// FromEnv reads the environment with getenv, usually os.Getenv. The error is
// about HF_ENDPOINT; the other fields are set all the same.
func FromEnv(getenv func(string) string) (Env, error) {
	env := Env{Offline: truthy(getenv("HF_HUB_OFFLINE")), Origin: strings.TrimSpace(getenv("HF_HUB_USER_AGENT_ORIGIN"))}
	endpoint, err := ParseEndpoint(getenv("HF_ENDPOINT"))
	if err != nil {
		return env, fmt.Errorf("HF_ENDPOINT: %w", err)
	}
	env.Endpoint = endpoint
	return env, nil
}

// Loopback reports whether the endpoint is on this machine, as only a stand-in
// for the Hub is.
func (e Env) Loopback() bool {
	u, err := url.Parse(e.Endpoint)
	return err == nil && loopback.Is(u.Hostname())
}

// truthy reads a switch as huggingface_hub does.
func truthy(s string) bool {
	switch strings.ToUpper(strings.TrimSpace(s)) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// ParseEndpoint checks the address of a Hub, and removes trailing slashes. It is
// an http or https URL with a host and perhaps a path, without a user or a query.
// The path of the API is an error, as it is added to the endpoint. Empty means
// DefaultEndpoint.
func ParseEndpoint(s string) (string, error) {
	s = strings.TrimRight(strings.TrimSpace(s), "/")
	if s == "" {
		return DefaultEndpoint, nil
	}
	u, err := url.Parse(s)
	switch {
	case strings.Contains(s, "@"):
		// Not quoted: the text before the @ is a password.
		return "", errors.New("an endpoint has no user or password in it; a token goes into HF_TOKEN")
	case strings.Trim(s, "\"'`") != s:
		return "", fmt.Errorf("endpoint %q is in quotes: want a URL like %s", s, DefaultEndpoint)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", fmt.Errorf("%q is not an endpoint: want a URL like %s", s, DefaultEndpoint)
	case strings.Contains(u.Path+"/", "/api/"):
		return "", fmt.Errorf("endpoint %q has the path of the API, which is added to it: want a URL like %s", s, DefaultEndpoint)
	case u.Path != "" && onHub(u.Hostname()):
		return "", fmt.Errorf("endpoint %q has the path of a page: want %s", s, DefaultEndpoint)
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "", fmt.Errorf("endpoint %q has a query or a fragment: want a URL like %s", s, DefaultEndpoint)
	}
	return s, nil
}
