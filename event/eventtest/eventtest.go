// Package eventtest makes deliveries for tests of handlers.
//
// A server in one line, and a delivery as the Hub sends it:
//
//	hook := eventtest.NewServer(handler)
//	defer hook.Close()
//	answer, err := hook.Send(ctx, eventtest.Delivery{Kind: event.KindDiscussionCommentCreate})
//
// The handler has to expect the secret [Secret]. [All] has every form of every kind,
// for a test that goes through them. Nothing here needs the Hub or a network but
// loopback.
package eventtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// Secret is the webhook's secret in the deliveries of this package.
const Secret = "the-secret-of-eventtest"

// Delivery is a delivery to make. The zero value is a repo.update of model:me/my-model.
type Delivery struct {
	Kind    event.Kind    // event.KindRepoUpdate by default
	Repo    hub.Repo      // model:me/my-model by default
	Variant event.Variant // the first of event.Variants by default
	Seed    uint64        // another seed gives other ids and texts

	// ID is the Webhook-Id; each request has one of its own by default. Two deliveries
	// with the same ID are what the Hub sends when it tries again.
	ID string
	// Header replaces headers of the request. A nil value leaves one out:
	//
	//	Header: http.Header{"X-Webhook-Secret": nil}       // no secret
	//	Header: http.Header{"X-Webhook-Secret": {"wrong"}} // a wrong one
	Header http.Header
	// Change changes the payload before it is encoded.
	Change func(*hub.Payload)
	// Body is sent instead of a payload, if it is not nil.
	Body []byte
}

// All returns every variant of every kind, for a repo of each type that can have it.
func All() (all []Delivery) {
	for _, typ := range hub.RepoTypes() {
		repo := hub.Repo{Type: typ, Name: "me/my-" + string(typ)}
		for _, kind := range event.KindsOf(typ) {
			for _, variant := range event.Variants(kind, typ) {
				all = append(all, Delivery{Kind: kind, Repo: repo, Variant: variant})
			}
		}
	}
	return all
}

// String names the delivery, for example as the name of a subtest:
// "discussion.create pull-request of model:me/my-model".
func (d Delivery) String() string {
	d = d.withDefaults()
	variant := string(d.Variant)
	if variant != "" {
		variant = " " + variant
	}
	return fmt.Sprintf("%s%s of %s", d.Kind, variant, d.Repo)
}

func (d Delivery) withDefaults() Delivery {
	if d.Kind == "" {
		d.Kind = event.KindRepoUpdate
	}
	if d.Repo == (hub.Repo{}) {
		d.Repo = hub.Repo{Type: hub.RepoTypeModel, Name: "me/my-model"}
	}
	return d
}

// Payload returns the body that is sent. The error says why the Hub sends no such
// event, for example because buckets have no discussions.
func (d Delivery) Payload() ([]byte, error) {
	if d.Body != nil {
		return d.Body, nil
	}
	d = d.withDefaults()
	p, err := event.Sample(d.Kind, d.Repo, event.SampleOptions{Seed: d.Seed, Variant: d.Variant})
	if err != nil {
		return nil, err
	}
	if d.Change != nil {
		d.Change(&p)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the Hub does not either
	if err := enc.Encode(p); err != nil {
		return nil, fmt.Errorf("encode the payload: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// Request returns the request by which the delivery comes to a URL. It serves as the
// request of a client, and for a call of a handler's ServeHTTP.
func (d Delivery) Request(ctx context.Context, url string) (*http.Request, error) {
	body, err := d.Payload()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	id := d.ID
	if id == "" {
		id = rand.Text()
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set(event.SecretHeader, Secret)
	for name, values := range d.Header {
		req.Header.Del(name)
		for _, value := range values {
			req.Header.Add(name, value)
		}
	}
	return req, nil
}

// Server is a handler that is served on loopback.
type Server struct {
	URL    string // the address that deliveries are sent to; a test may add a path
	server *httptest.Server
}

// NewServer serves a handler on a free port of loopback. Call [Server.Close] in the
// end.
func NewServer(handler http.Handler) *Server {
	s := httptest.NewServer(handler)
	return &Server{URL: s.URL, server: s}
}

// Close ends the server, when it has answered what it was sent.
func (s *Server) Close() {
	s.server.Client().CloseIdleConnections()
	s.server.Close()
}

// Answer is what a handler answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// OK reports whether the Hub takes the answer for a success: its status is 2xx.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Send sends a delivery and reads the answer. Redirects are not followed. The error
// is about a delivery that cannot be made, or a handler that does not answer.
func (s *Server) Send(ctx context.Context, d Delivery) (Answer, error) {
	req, err := d.Request(ctx, s.URL)
	if err != nil {
		return Answer{}, err
	}
	client := *s.server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("send %s: %w", d, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("read the answer to %s: %w", d, err)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}
