package webhooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// Config configures a [Server]. The zero value is a good one: every field has a
// default.
type Config struct {
	// Secret is the webhook's secret, as in its settings on the Hub. The default
	// is the environment variable WEBHOOK_SECRET. If that is empty too, the
	// endpoints are open to everyone.
	Secret string
	// Page answers all requests outside [Prefix]. The default is a page at "/"
	// that shows the endpoints and explains how to configure a webhook, and a
	// description of the endpoints at "/openapi.json".
	Page http.Handler
	// Log gets the errors and panics of handlers, with their text, and why
	// deliveries were refused. The default is slog.Default.
	Log *slog.Logger

	// MaxBody is the largest body that is read, in bytes; 32 MiB by default. A
	// payload with 10,000 files of a bucket has some 2 MB.
	MaxBody int64

	// Addr is where Run listens. The default is 127.0.0.1:7860, in a Space
	// 0.0.0.0:7860; the environment variable PORT replaces the port of the
	// default.
	Addr string
	// URL is the public address of the server, if it has one that it cannot know,
	// for example that of a proxy: "https://hooks.example.com". It is what the
	// start message and the page show. In a Space the default is its SPACE_HOST.
	URL string
	// Output gets the message at the start. The default is os.Stdout.
	Output io.Writer
	// StopTimeout is how long Run waits for handlers when it stops, until their
	// contexts end; 8 seconds by default, as containers are usually killed after 10.
	StopTimeout time.Duration
}

// Server serves handlers under [Prefix], and a page that lists them. It is an
// [http.Handler] and can be part of a larger server: give it [Prefix] of a mux,
// and "/" as well for the page. [New] makes one.
type Server struct {
	config      Config
	secret      event.Secret
	crossOrigin *http.CrossOriginProtection
	work        context.Context // that of the handlers of AnswerFirst
	cancelWork  context.CancelFunc
	cut         atomic.Int64 // deliveries whose handlers failed after work ended

	mu        sync.RWMutex
	endpoints []*endpoint // in the order of their registration
	stopping  bool
}

// New makes a Server. It returns an error if the secret is one that no webhook
// can have, or if the public address is not one.
func New(config Config) (*Server, error) {
	config.Secret = cmp.Or(config.Secret, os.Getenv("WEBHOOK_SECRET"))
	secret, err := event.ParseSecret(config.Secret)
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	if err := checkURL(config.URL); err != nil {
		return nil, fmt.Errorf("webhooks: Config.URL: %w", err)
	}
	if err := checkURL(spaceURL()); err != nil {
		return nil, fmt.Errorf("webhooks: SPACE_HOST: %w", err)
	}
	config.MaxBody = cmp.Or(config.MaxBody, 32<<20)
	config.StopTimeout = cmp.Or(config.StopTimeout, 8*time.Second)
	config.URL = strings.TrimRight(cmp.Or(config.URL, spaceURL()), "/")
	if config.Log == nil {
		config.Log = slog.Default()
	}
	if config.Output == nil {
		config.Output = os.Stdout
	}
	s := &Server{config: config, secret: secret, crossOrigin: http.NewCrossOriginProtection()}
	s.work, s.cancelWork = context.WithCancel(context.Background())
	if config.Page == nil {
		s.config.Page = http.HandlerFunc(s.servePage)
	}
	return s, nil
}

// checkURL returns why a text is not the address of a server. Empty is allowed.
func checkURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return err
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q is not an address like https://hooks.example.com", text)
	}
	return nil
}

// Handle serves POST requests to /webhooks/name with a handler. A name has
// letters, digits and -_.~, and slashes between its parts; slashes around it are
// ignored. Handle returns an error if the name exists already or is not allowed,
// or if an option is invalid.
func (s *Server) Handle(name string, handler Handler, options ...Option) error {
	name = strings.Trim(name, "/")
	if err := checkName(name); err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	if handler == nil {
		return fmt.Errorf("webhooks: endpoint %q has no handler", name)
	}
	e := &endpoint{Endpoint: Endpoint{Name: name, Path: Prefix + name}, handler: handler}
	for _, option := range options {
		if err := option(e); err != nil {
			return fmt.Errorf("webhooks: endpoint %q: %w", name, err)
		}
	}
	if e.queue != nil {
		e.queue.run = func(d *Delivery) { s.handleQueued(e, d) }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.findLocked(name) != nil {
		return fmt.Errorf("webhooks: endpoint %q exists already: give one of the two another name", name)
	}
	s.endpoints = append(s.endpoints, e)
	return nil
}

// HandleFunc is Handle with the function's own name in snake case:
// /webhooks/trigger_training for triggerTraining. An anonymous function is an
// error, as it has no name.
func (s *Server) HandleFunc(handler Handler, options ...Option) error {
	if handler == nil {
		return errors.New("webhooks: an endpoint has no handler")
	}
	name, err := functionName(handler)
	if err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	return s.Handle(name, handler, options...)
}

// Secret returns the secret that deliveries have to carry, "" if they need none.
func (s *Server) Secret() string { return s.config.Secret }

// Endpoints returns the registered endpoints in the order of their registration.
func (s *Server) Endpoints() []Endpoint {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]Endpoint, 0, len(s.endpoints))
	for _, e := range s.endpoints {
		public := e.Endpoint
		public.Matches = slices.Clone(public.Matches)
		all = append(all, public)
	}
	return all
}

// findLocked returns the endpoint with a name, or nil. A server has a handful.
func (s *Server) findLocked(name string) *endpoint {
	for _, e := range s.endpoints {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// find returns the endpoint that a path under Prefix belongs to, or nil, and
// whether the server still accepts deliveries. A slash at the end is ignored,
// because people paste addresses with one.
func (s *Server) find(path string) (e *endpoint, stopping bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.findLocked(strings.TrimSuffix(path, "/")), s.stopping
}
