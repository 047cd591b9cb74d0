package receiver

import (
	"net/http"
	"net/url"
)

// URL returns a copy of the address of the target, with its secrets: for requests
// that are not an event's. Name is the one to show.
func (t *HTTPTarget) URL() *url.URL {
	own := *t.url
	return &own
}

// Transport returns what Try sends with: the same proxies, roots and addresses. It
// follows no redirect.
func (t *HTTPTarget) Transport() (http.RoundTripper, error) {
	c, err := t.connector()
	if err != nil {
		return nil, err
	}
	return c.transport, nil
}
