package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// Webhooks lists a user's webhooks as the API would.
func (h *Hub) Webhooks(user string) []hub.Webhook {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []hub.Webhook
	for _, hook := range h.webhooks {
		if strings.EqualFold(hook.owner.name, user) {
			list = append(list, hook.Webhook)
		}
	}
	return list
}

// Secret returns a webhook's secret, which the API never returns. ok is false if the
// webhook does not exist.
func (h *Hub) Secret(webhookID string) (secret string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	hook := h.webhook(webhookID)
	if hook == nil {
		return "", false
	}
	return hook.secret, true
}

// Deliveries lists what was and is delivered, oldest first, with every attempt
// so far. Of those that are over, the newest 10,000 are kept, or fewer when
// they are large.
func (h *Hub) Deliveries() []Delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]Delivery, 0, len(h.deliveries))
	for _, d := range h.deliveries {
		c := d.Delivery
		c.Attempts = slices.Clone(c.Attempts)
		list = append(list, c)
	}
	return list
}

func (h *Hub) count(r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[r.Method+" "+r.URL.Path]++
}

// Calls returns how often each method and path, "GET /api/whoami-v2", was
// called, also when it went wrong.
func (h *Hub) Calls() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.calls)
}

// CallCount returns how often calls were made that fit a pattern, which is
// Fault's.
func (h *Hub) CallCount(pattern string) int {
	method, glob := splitPattern(pattern)
	n := 0
	for key, times := range h.Calls() {
		m, p, _ := strings.Cut(key, " ")
		r := &http.Request{Method: m, URL: &url.URL{Path: p}}
		if fits(r, method, glob) {
			n += times
		}
	}
	return n
}

// SuspendWebhook suspends a webhook as the Hub does after failures.
func (h *Hub) SuspendWebhook(id string) error {
	return h.operate(id, func(hook *webhook) { hook.State = hub.StateSuspended })
}

// DisableWebhook disables a webhook as its owner can on the web page.
func (h *Hub) DisableWebhook(id string) error {
	return h.operate(id, func(hook *webhook) { hook.State = hub.StateDisabled })
}

// RemoveWebhook deletes a webhook as its owner can on the web page.
func (h *Hub) RemoveWebhook(id string) error { return h.operate(id, h.remove) }

func (h *Hub) operate(id string, do func(*webhook)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	hook := h.webhook(id)
	if hook == nil {
		return fmt.Errorf("no webhook %q", id)
	}
	do(hook)
	return nil
}
