package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/hub"
)

func itoa(n int) string { return strconv.Itoa(n) }

// webhook is a webhook with what the Hub never returns of it.
type webhook struct {
	hub.Webhook
	owner    *account
	secret   string
	removed  bool
	failures int         // deliveries in a row that failed
	triggers []time.Time // of the last 24 h
	queue    []*delivery
	workers  int // goroutines that empty the queue
}

func (h *Hub) listWebhooks(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := []hub.Webhook{}
	for _, hook := range h.webhooks {
		if hook.owner == callOf(r).token.user {
			list = append(list, hook.Webhook)
		}
	}
	answerJSON(w, http.StatusOK, list)
}

func (h *Hub) getWebhook(w http.ResponseWriter, r *http.Request) {
	h.withWebhook(w, r, func(hook *webhook) {})
}

func (h *Hub) enableWebhook(w http.ResponseWriter, r *http.Request) {
	h.withWebhook(w, r, func(hook *webhook) {
		hook.State, hook.failures = hub.StateEnabled, 0
	})
}

func (h *Hub) disableWebhook(w http.ResponseWriter, r *http.Request) {
	h.withWebhook(w, r, func(hook *webhook) { hook.State = hub.StateDisabled })
}

// withWebhook calls a function with the webhook that a call names, and answers with the
// webhook afterwards.
func (h *Hub) withWebhook(w http.ResponseWriter, r *http.Request, do func(*webhook)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	hook := h.webhookOf(r)
	if hook == nil {
		h.noWebhook(w)
		return
	}
	do(hook)
	answerWebhook(w, hook)
}

func answerWebhook(w http.ResponseWriter, hook *webhook) {
	answerJSON(w, http.StatusOK, map[string]any{"webhook": hook.Webhook})
}

// noWebhook answers for a webhook that does not exist or is another account's: the
// Hub's answer is the same.
func (h *Hub) noWebhook(w http.ResponseWriter) {
	h.fail(w, http.StatusNotFound, "", "Webhook not found")
}

// webhookOf finds the webhook that a call names among its account's. The
// caller holds mu.
func (h *Hub) webhookOf(r *http.Request) *webhook {
	hook := h.webhook(r.PathValue("id"))
	if hook == nil || hook.owner != callOf(r).token.user {
		return nil
	}
	return hook
}

func (h *Hub) webhook(id string) *webhook {
	i := slices.IndexFunc(h.webhooks, func(w *webhook) bool { return w.ID == id })
	if i < 0 {
		return nil
	}
	return h.webhooks[i]
}

func (h *Hub) createWebhook(w http.ResponseWriter, r *http.Request) {
	var body fields
	if !h.readJSON(w, r, &body) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	user := callOf(r).token.user
	spec, err := h.validate(body, user)
	if err != nil {
		h.invalid(w, err)
		return
	}
	hook := &webhook{owner: user, secret: spec.secret, Webhook: spec.webhook}
	hook.ID, hook.HasSecret = h.nextID("webhook"), spec.secret != ""
	h.webhooks = append(h.webhooks, hook)
	answerWebhook(w, hook)
}

// updateWebhook replaces all that a webhook's owner can set.
func (h *Hub) updateWebhook(w http.ResponseWriter, r *http.Request) {
	var body fields
	if !h.readJSON(w, r, &body) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	hook := h.webhookOf(r)
	if hook == nil {
		h.noWebhook(w)
		return
	}
	spec, err := h.validate(body, hook.owner)
	if err != nil {
		h.invalid(w, err)
		return
	}
	if spec.secretGiven || !h.cfg.Modes.UpdateKeepsSecret {
		hook.secret = spec.secret
	}
	old := hook.Webhook
	hook.Webhook = spec.webhook
	hook.ID, hook.State, hook.LastTrigger, hook.HasSecret = old.ID, old.State, old.LastTrigger, hook.secret != ""
	answerWebhook(w, hook)
}

func (h *Hub) deleteWebhook(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	hook := h.webhookOf(r)
	switch {
	case hook == nil && h.cfg.Modes.DeleteUnknownIs400:
		h.fail(w, http.StatusBadRequest, "", "Invalid webhook id")
	case hook == nil:
		h.noWebhook(w)
	default:
		h.remove(hook)
		answerJSON(w, http.StatusOK, map[string]any{})
	}
}

// remove takes a webhook away; its waiting deliveries end at their next turn.
func (h *Hub) remove(hook *webhook) {
	hook.removed = true
	h.webhooks = slices.DeleteFunc(h.webhooks, func(w *webhook) bool { return w == hook })
}

// watches reports whether a webhook watches a repo, by its name or its owner.
func (hook *webhook) watches(r *repo) bool {
	byName := slices.ContainsFunc(hook.Watched, func(w hub.Watch) bool {
		return w.Type == hub.WatchType(r.Type) && strings.EqualFold(w.Name, r.Name)
	})
	return byName || hook.watchesAccount(r.owner)
}

func (hook *webhook) watchesAccount(a *account) bool {
	return slices.ContainsFunc(hook.Watched, func(w hub.Watch) bool {
		return !w.IsRepo() && strings.EqualFold(w.Name, a.name) // users and orgs share one space of names
	})
}
