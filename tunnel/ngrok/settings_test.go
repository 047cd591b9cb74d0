package ngrok

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// home makes a folder with ngrok's file in it, and an environment that leads
// there on a platform.
func home(t testing.TB, goos, text string, env map[string]string) (string, func(string) string) {
	t.Helper()
	dir := t.TempDir()
	vars := map[string]string{"HOME": dir, "USERPROFILE": filepath.Join(dir, "other")}
	path := filepath.Join(dir, ".config", "ngrok", "ngrok.yml")
	switch goos {
	case "darwin":
		path = filepath.Join(dir, "Library", "Application Support", "ngrok", "ngrok.yml")
	case "windows":
		vars["LOCALAPPDATA"] = filepath.Join(dir, "Local")
		path = filepath.Join(dir, "Local", "ngrok", "ngrok.yml")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if text != "" {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range env {
		vars[k] = v
	}
	return path, func(k string) string { return vars[k] }
}

const form2 = `version: "2"
authtoken: two
region: eu
server_addr: tunnel.example:4443
root_cas: trusted
tunnels:
  web: {proto: http, addr: 80}
`

const form3 = `version: "3"
agent:
  authtoken: three
  connect_url: https://connect.example
  web_addr: false
  metadata: '{"a": 1}'
endpoints:
  - name: x
    upstream: {url: 80}
`

func TestTheTokenIsFoundInBothFormsAndAtAllPlaces(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows", "freebsd"} {
		for text, want := range map[string]Settings{
			form2: {Token: "two", Server: "tunnel.example:4443"},
			form3: {Token: "three", Server: "connect.example:443"},
		} {
			path, getenv := home(t, goos, text, nil)
			got, err := FindSettings(getenv, goos)
			want.TokenFrom, want.File = path, path
			if err != nil || got != want {
				t.Errorf("%s: %+v, %v", goos, got, err)
			}
		}
	}
}

func TestTheEnvironmentComesFirst(t *testing.T) {
	path, getenv := home(t, "linux", form3, map[string]string{"NGROK_AUTHTOKEN": " env\n"})
	got, err := FindSettings(getenv, "linux")
	if err != nil || got.Token != "env" || got.TokenFrom != "NGROK_AUTHTOKEN" || got.Server != "connect.example:443" || got.File != path {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAMissingFileIsNotAnError(t *testing.T) {
	_, getenv := home(t, "linux", "", nil)
	if got, err := FindSettings(getenv, "linux"); err != nil || got != (Settings{}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		if got, err := FindSettings(func(string) string { return "" }, goos); err != nil || got != (Settings{}) {
			t.Errorf("%s: %+v, %v", goos, got, err)
		}
	}
	_, getenv = home(t, "linux", "# nothing yet\n", nil)
	if got, err := FindSettings(getenv, "linux"); err != nil || got.Token != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestABrokenFileIsNamedAndTheTokenIsNotQuoted(t *testing.T) {
	for _, text := range []string{
		"agent:\n  authtoken: [secret]\n", "agent: {authtoken: secret", "\tauthtoken: secret", "agent: secret\n",
		"agent:\n  connect_url: 'https://'\n", "agent:\n  connect_url: 'a b:1'\n", "agent:\n  connect_cas: no.pem\n",
		"agent:\n  connect_cas: ngrok.yml\n",
	} {
		path, getenv := home(t, "linux", text, map[string]string{"NGROK_AUTHTOKEN": "env"})
		got, err := FindSettings(getenv, "linux")
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
		if got.Token != "env" {
			t.Errorf("%q: the environment's token is lost: %+v", text, got)
		}
	}
	path, getenv := home(t, "linux", "", nil)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := FindSettings(getenv, "linux"); !errors.Is(err, ErrConfig) {
		t.Errorf("a folder: %v", err)
	}
}

func TestAddressesAreReadInEachForm(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a.example": "a.example:443", "a.example:1": "a.example:1", "https://a.example": "a.example:443",
		"tls://a.example:5/": "a.example:5", "127.0.0.1:7": "127.0.0.1:7", "[::1]:7": "[::1]:7", "[::1]": "[::1]:443",
	} {
		if got, err := hostPort(in); err != nil || got != want {
			t.Errorf("hostPort(%q) = %q, %v", in, got, err)
		}
	}
}

func TestNgroksFileLeadsToAnEdge(t *testing.T) {
	e := startEdge(t)
	path, getenv := home(t, runtime.GOOS, "", nil)
	if err := e.WriteConfig(path, goodToken); err != nil {
		t.Fatal(err)
	}
	s, err := FindSettings(getenv, runtime.GOOS)
	if err != nil || s.Roots == nil || s.RootsFrom != filepath.Join(filepath.Dir(path), "edge-ca.pem") {
		t.Fatalf("%+v, %v", s, err)
	}
	cfg := Config{}
	s.Apply(&cfg)
	openEdge(t, cfg)
}

func TestTheHostsRootsAreTheMachines(t *testing.T) {
	_, getenv := home(t, "linux", "agent:\n  connect_cas: host\n", nil)
	if s, err := FindSettings(getenv, "linux"); err != nil || s.Roots == nil || s.RootsFrom != "this machine" {
		t.Errorf("%+v, %v", s, err)
	}
}

func FuzzNgrokFile(f *testing.F) {
	f.Add([]byte(form2))
	f.Add([]byte(form3))
	f.Add([]byte("agent: &a {authtoken: *a}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := Settings{File: filepath.Join(t.TempDir(), "ngrok.yml")}
		if err := s.read(text); err == nil && strings.ContainsAny(s.Server, "/ ") {
			t.Errorf("server %q", s.Server)
		}
	})
}
