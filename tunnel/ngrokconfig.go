package tunnel

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

// NgrokSettings are the user's settings for ngrok, and where they were found.
type NgrokSettings struct {
	Token     string
	TokenFrom string // "NGROK_AUTHTOKEN", or the configuration file's path; empty without a token
	Server    string // host:port of an ingress of one's own; empty: ngrok's
	Roots     *x509.CertPool
	RootsFrom string // where Roots come from: a file, or "this machine"; empty without any
	File      string // ngrok's configuration file, if there is one
}

// NgrokFromEnv finds the token for ngrok: in NGROK_AUTHTOKEN, else in ngrok's
// own configuration file, in its second or third form. An ingress of one's own
// and the authority of its certificate are read from there, too. goos is
// runtime.GOOS. A file that is there and cannot be used is an ErrNgrokConfig; what
// the environment says is returned with it.
func NgrokFromEnv(getenv func(string) string, goos string) (NgrokSettings, error) {
	var s NgrokSettings
	if s.Token = strings.TrimSpace(getenv("NGROK_AUTHTOKEN")); s.Token != "" {
		s.TokenFrom = "NGROK_AUTHTOKEN"
	}
	path := ngrokFile(getenv, goos)
	if path == "" {
		return s, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrNgrokConfig, err)
	}
	s.File = path
	if err := s.read(text); err != nil {
		return s, fmt.Errorf("%w: %s: %w", ErrNgrokConfig, path, err)
	}
	return s, nil
}

// ngrokFile is where ngrok documents that it looks for its configuration:
// https://ngrok.com/docs/agent/config.
func ngrokFile(getenv func(string) string, goos string) string {
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

// ngrokYAML holds what is read of both forms; other keys are ngrok's.
type ngrokYAML struct {
	Authtoken  string `yaml:"authtoken"`   // second form
	ServerAddr string `yaml:"server_addr"` // second form
	RootCAs    string `yaml:"root_cas"`    // second form
	Agent      struct {
		Authtoken  string `yaml:"authtoken"`
		ConnectURL string `yaml:"connect_url"`
		ConnectCAs string `yaml:"connect_cas"`
	} `yaml:"agent"`
}

func (s *NgrokSettings) read(text []byte) error {
	var y ngrokYAML
	if err := yaml.Unmarshal(text, &y); err != nil {
		// The library quotes the values that it cannot use: one may be the token.
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

// readRoots takes what ngrok calls connect_cas: "trusted" for its own, "host"
// for the machine's, or a file.
func (s *NgrokSettings) readRoots(cas string) (err error) {
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

// hostPort takes an address as host, host:port or URL.
func hostPort(address string) (string, error) {
	address = strings.TrimSpace(address)
	if address == "" {
		return "", nil
	}
	host := address
	if _, _, found := strings.Cut(address, "://"); found {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return "", fmt.Errorf("connect_url: %q is no address", address)
		}
		host = u.Host
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "443")
	}
	if name, port, err := net.SplitHostPort(host); err != nil || name == "" || port == "" || strings.ContainsAny(host, "/ ") {
		return "", fmt.Errorf("connect_url: %q is no address", address)
	}
	return host, nil
}

// Apply puts the settings into a Config where it has none of its own. Roots
// are added to those that it has.
func (s NgrokSettings) Apply(cfg *Config) {
	cfg.NgrokToken = cmp.Or(cfg.NgrokToken, s.Token)
	cfg.NgrokServer = cmp.Or(cfg.NgrokServer, s.Server)
	if s.Roots != nil {
		cfg.NgrokRoots = append(cfg.NgrokRoots, s.Roots)
	}
}
