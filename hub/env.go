package hub

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// DefaultEndpoint is the address of the Hub itself.
const DefaultEndpoint = "https://huggingface.co"

// Env is what the Hub's own environment variables say about how to reach it.
// Tokens are found by FindToken.
type Env struct {
	Endpoint string // HF_ENDPOINT without a trailing slash, DefaultEndpoint when it is not set
	Offline  bool   // HF_HUB_OFFLINE: the network is not to be touched
	Origin   string // HF_HUB_USER_AGENT_ORIGIN: goes to the end of the User-Agent
}

// FromEnv reads the environment through getenv, which os.Getenv fits. The
// error is about HF_ENDPOINT and leaves the other fields filled.
func FromEnv(getenv func(string) string) (Env, error) {
	env := Env{Offline: truthy(getenv("HF_HUB_OFFLINE")), Origin: strings.TrimSpace(getenv("HF_HUB_USER_AGENT_ORIGIN"))}
	endpoint, err := ParseEndpoint(getenv("HF_ENDPOINT"))
	if err != nil {
		return env, fmt.Errorf("HF_ENDPOINT: %w", err)
	}
	env.Endpoint = endpoint
	return env, nil
}

// Loopback reports whether the endpoint is on this machine: a stand-in, never
// the Hub itself.
func (e Env) Loopback() bool {
	u, err := url.Parse(e.Endpoint)
	return err == nil && loopback(u.Hostname())
}

// truthy reads a switch as huggingface_hub does.
func truthy(s string) bool {
	switch strings.ToUpper(strings.TrimSpace(s)) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// ParseEndpoint checks the address of a Hub and takes off trailing slashes:
// http or https, a host, perhaps a path that is not that of the API, no user, no
// query. Blank means DefaultEndpoint.
func ParseEndpoint(s string) (string, error) {
	s = strings.TrimRight(strings.TrimSpace(s), "/")
	if s == "" {
		return DefaultEndpoint, nil
	}
	u, err := url.Parse(s)
	switch {
	case strings.Contains(s, "@"):
		// Not quoted: what stands before the @ is a password.
		return "", errors.New("an endpoint has no user or password in it; a token goes into HF_TOKEN")
	case strings.Trim(s, "\"'`") != s:
		return "", fmt.Errorf("endpoint %q stands in quotes: want a URL like %s", s, DefaultEndpoint)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", fmt.Errorf("%q is no endpoint: want a URL like %s", s, DefaultEndpoint)
	case strings.Contains(u.Path+"/", "/api/"):
		return "", fmt.Errorf("endpoint %q has the path of the API, which is added to it: want a URL like %s", s, DefaultEndpoint)
	case u.Path != "" && onHub(u.Hostname()):
		return "", fmt.Errorf("endpoint %q has the path of a page: want %s", s, DefaultEndpoint)
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "", fmt.Errorf("endpoint %q has a query or a fragment: want a URL like %s", s, DefaultEndpoint)
	}
	return s, nil
}

// loopback reports whether a host, without its port, is this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
