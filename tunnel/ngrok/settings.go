package ngrok

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Settings are the user's settings for ngrok, and where they were found.
type Settings struct {
	Token     string
	TokenFrom string // "NGROK_AUTHTOKEN", or the configuration file's path; empty without a token
	Server    string // host:port of the user's own ingress; empty: ngrok's
	Roots     *x509.CertPool
	RootsFrom string // where Roots come from: a file, or "this machine"; empty without any
	File      string // ngrok's configuration file, if there is one
}

// FindSettings finds the token for ngrok: in NGROK_AUTHTOKEN, else in ngrok's own
// configuration file, in version 2 or 3. The file may also have the address of an
// ingress and the authority of its certificate. goos is runtime.GOOS. If the file
// exists and cannot be used, the error is an ErrConfig, and the settings are those of
// the environment.
func FindSettings(getenv func(string) string, goos string) (Settings, error) {
	var s Settings
	if s.Token = strings.TrimSpace(getenv("NGROK_AUTHTOKEN")); s.Token != "" {
		s.TokenFrom = "NGROK_AUTHTOKEN"
	}
	path := fileOf(getenv, goos)
	if path == "" {
		return s, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	s.File = path
	if err := s.read(text); err != nil {
		return s, fmt.Errorf("%w: %s: %w", ErrConfig, path, err)
	}
	return s, nil
}

// fileOf returns the path of ngrok's configuration file, as documented at
// https://ngrok.com/docs/agent/config.
func fileOf(getenv func(string) string, goos string) string {
	under := func(base string, parts ...string) string {
		if base == "" {
			return ""
		}
		return filepath.Join(append([]string{base}, parts...)...)
	}
	switch goos {
	case "windows":
		if local := getenv("LOCALAPPDATA"); local != "" {
			return under(local, "ngrok", "ngrok.yml")
		}
		return under(getenv("USERPROFILE"), "AppData", "Local", "ngrok", "ngrok.yml")
	case "darwin":
		return under(getenv("HOME"), "Library", "Application Support", "ngrok", "ngrok.yml")
	default:
		return under(getenv("HOME"), ".config", "ngrok", "ngrok.yml")
	}
}

// configFile is the keys of both versions that matter here.
type configFile struct {
	Authtoken  string `yaml:"authtoken"`   // version 2
	ServerAddr string `yaml:"server_addr"` // version 2
	RootCAs    string `yaml:"root_cas"`    // version 2
	Agent      struct {
		Authtoken  string `yaml:"authtoken"`
		ConnectURL string `yaml:"connect_url"`
		ConnectCAs string `yaml:"connect_cas"`
	} `yaml:"agent"`
}

func (s *Settings) read(text []byte) error {
	var y configFile
	if err := yaml.Unmarshal(text, &y); err != nil {
		// The library quotes invalid values, and one may be the token.
		var typed *yaml.TypeError
		if errors.As(err, &typed) {
			return errors.New("a key has a value of another type than ngrok's")
		}
		return err
	}
	if token := strings.TrimSpace(cmp.Or(y.Agent.Authtoken, y.Authtoken)); s.Token == "" && token != "" {
		s.Token, s.TokenFrom = token, s.File
	}
	var err error
	if s.Server, err = hostPort(cmp.Or(y.Agent.ConnectURL, y.ServerAddr)); err != nil {
		return err
	}
	return s.readRoots(cmp.Or(y.Agent.ConnectCAs, y.RootCAs))
}

// readRoots reads the certificates of connect_cas: "trusted" for ngrok's own, "host"
// for the machine's, or a file.
func (s *Settings) readRoots(cas string) (err error) {
	switch cas {
	case "", "trusted":
		return nil
	case "host":
		s.RootsFrom = "this machine"
		s.Roots, err = x509.SystemCertPool()
		return err
	}
	if !filepath.IsAbs(cas) {
		cas = filepath.Join(filepath.Dir(s.File), cas)
	}
	pem, err := os.ReadFile(cas)
	if err != nil {
		return fmt.Errorf("read the certificates of connect_cas: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("connect_cas: %s holds no certificate", cas)
	}
	s.Roots, s.RootsFrom = pool, cas
	return nil
}

// hostPort returns the host:port of a host, a host:port or a URL.
func hostPort(address string) (string, error) {
	address = strings.TrimSpace(address)
	if address == "" {
		return "", nil
	}
	host := address
	if _, _, found := strings.Cut(address, "://"); found {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return "", fmt.Errorf("connect_url: %q is not a valid address", address)
		}
		host = u.Host
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "443")
	}
	if name, port, err := net.SplitHostPort(host); err != nil || name == "" || port == "" || strings.ContainsAny(host, "/ ") {
		return "", fmt.Errorf("connect_url: %q is not a valid address", address)
	}
	return host, nil
}

// Apply fills the fields of a Config that are empty, and adds Roots to those that
// it has.
func (s Settings) Apply(cfg *Config) {
	cfg.Token = cmp.Or(cfg.Token, s.Token)
	cfg.Server = cmp.Or(cfg.Server, s.Server)
	if s.Roots != nil {
		cfg.Roots = append(cfg.Roots, s.Roots)
	}
}
