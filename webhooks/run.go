package webhooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Addresses of the Hub's site that people need.
const (
	settingsURL = "https://huggingface.co/settings/webhooks"
	guideURL    = "https://huggingface.co/docs/hub/webhooks"
)

// graceTime is how long handlers have to return after their contexts ended.
const graceTime = time.Second

// inSpace reports whether the program runs in a Space on the Hub.
func inSpace() bool { return os.Getenv("SPACE_ID") != "" }

// spaceURL is a Space's public address, "" elsewhere. SPACE_HOST lists several
// names if the Space has a domain of its own, that one first.
func spaceURL() string {
	host, _, _ := strings.Cut(os.Getenv("SPACE_HOST"), ",")
	if !inSpace() || host == "" {
		return ""
	}
	return "https://" + host
}

// address returns where Run listens.
func (s *Server) address() (string, error) {
	if s.config.Addr != "" {
		return s.config.Addr, nil
	}
	port := cmp.Or(os.Getenv("PORT"), "7860")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", fmt.Errorf("PORT is %q: a port is a number from 0 to 65535", port)
	}
	host := "127.0.0.1"
	if inSpace() {
		host = "0.0.0.0"
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// Run listens on Config.Addr, prints where the endpoints are, and serves them
// until the context ends. Then it stops as [Server.Serve] does.
func (s *Server) Run(ctx context.Context) error {
	addr, err := s.address()
	if err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	return s.Serve(ctx, l)
}

// Serve is Run on a listener that exists already, which it closes. When the
// context ends it accepts no more deliveries, and waits for the handlers that
// work and for the queues of AnswerFirst. After Config.StopTimeout the handlers'
// contexts end. The error is nil if all accepted deliveries were handled. A Server
// serves once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if len(s.Endpoints()) == 0 {
		_ = l.Close()
		return errors.New("webhooks: no endpoint is registered: use Handle or HandleFunc")
	}
	if s.isStopping() {
		_ = l.Close()
		return errors.New("webhooks: the server was stopped: make another one with New")
	}
	if _, err := fmt.Fprint(s.config.Output, s.startMessage(l.Addr())); err != nil {
		_ = l.Close()
		return fmt.Errorf("webhooks: print where the endpoints are: %w", err)
	}
	requests, cancelRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelRequests()
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return requests },
		ErrorLog:    slog.NewLogLogger(s.config.Log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served: // the listener is broken
		return errors.Join(fmt.Errorf("webhooks: %w", err), s.stop(server, cancelRequests))
	case <-ctx.Done():
		err := s.stop(server, cancelRequests)
		<-served
		return err
	}
}

func (s *Server) isStopping() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.stopping
}

// stop ends what Serve started.
func (s *Server) stop(server *http.Server, cancelRequests context.CancelFunc) error {
	limit, cancel := context.WithTimeout(context.Background(), s.config.StopTimeout)
	defer cancel()
	failed := server.Shutdown(limit)
	lost := s.Shutdown(limit)
	if failed != nil {
		cancelRequests()
		grace, cancel := context.WithTimeout(context.Background(), graceTime)
		defer cancel()
		if failed = server.Shutdown(grace); failed != nil {
			failed = errors.New("webhooks: a handler was still working when the time to stop was over")
		}
	}
	return errors.Join(failed, lost, server.Close())
}

// Shutdown stops a Server that is part of a larger one. Call it after the
// Shutdown of the http.Server, which waits for the handlers that work before the
// answer. It answers further deliveries with 503, and waits until the queues of
// AnswerFirst are empty. If its context ends earlier, the contexts of the
// handlers end, too. The deliveries that are lost then are logged with their ids,
// and the error has their number.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	endpoints := s.endpoints
	s.mu.Unlock()
	defer s.cancelWork()
	for _, e := range endpoints {
		if e.queue == nil {
			continue
		}
		select {
		case <-e.queue.drained():
		case <-ctx.Done():
			return s.abandon(endpoints)
		}
	}
	return nil
}

// abandon ends the contexts of the handlers of AnswerFirst and reports the
// deliveries that were answered and are not handled.
func (s *Server) abandon(endpoints []*endpoint) error {
	lost := map[*endpoint][]*Delivery{}
	for _, e := range endpoints {
		if e.queue != nil {
			lost[e] = e.queue.abandon()
		}
	}
	s.cancelWork()
	grace := time.NewTimer(graceTime)
	defer grace.Stop()
	for e := range lost {
		select {
		case <-e.queue.drained():
		case <-grace.C:
			grace.Reset(0) // the time is over for all
		}
		lost[e] = append(lost[e], e.queue.unfinished()...)
	}
	n := int(s.cut.Load())
	for e, deliveries := range lost {
		for _, d := range deliveries {
			s.config.Log.Error("webhook delivery lost: the server stopped before it was handled", about(e, d)...)
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("webhooks: deliveries that were accepted and not handled: %d (the log has their ids)", n)
}

// startMessage is what Run prints: the state of the secret, the address of each
// endpoint, and where to configure webhooks.
func (s *Server) startMessage(addr net.Addr) string {
	var b strings.Builder
	if s.secret.IsSet() {
		b.WriteString("Webhook secret is set.\n")
	} else {
		b.WriteString("Webhook secret is not set: the endpoints are open to everyone who reaches them.\n" +
			"To add one, set WEBHOOK_SECRET in the environment or webhooks.Config.Secret, and the same secret in the webhook's settings:\n" +
			guideURL + "#webhook-secret\n")
	}
	endpoints := s.Endpoints()
	local, onlyHere := localURL(addr)
	url := cmp.Or(s.config.URL, local)
	if url != local {
		fmt.Fprintf(&b, "Running on local URL:  %s\n", local)
	}
	b.WriteString("\nWebhooks are ready:\n")
	for _, e := range endpoints {
		fmt.Fprintf(&b, "  - POST %s%s\n", url, e.Path)
	}
	if url == local && onlyHere {
		_, port, _ := net.SplitHostPort(addr.String())
		fmt.Fprintf(&b, "Only this machine reaches that address. For deliveries of the Hub: hf-tap listen --forward %s%s\n", port, endpoints[0].Path)
	}
	fmt.Fprintf(&b, "Configure webhooks at %s\n", settingsURL)
	return b.String()
}

// localURL is the address of a listener, and whether it is for this machine only.
func localURL(addr net.Addr) (url string, onlyHere bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return "http://" + addr.String(), false // a tunnel's: Config.URL says what it is
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(tcp.Port)), tcp.IP.IsLoopback()
}
