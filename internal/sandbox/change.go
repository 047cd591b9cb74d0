package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// Sent identifies one delivery that a change has caused.
type Sent struct {
	ID        string     `json:"id"`      // the Webhook-Id header
	LogID     string     `json:"logId"`   // what a replay names
	WebhookID string     `json:"webhook"` // whose delivery it is
	Kind      event.Kind `json:"kind"`
}

// hubChange is one change of the Hub's data, with the events that it causes.
type hubChange struct {
	h         *Hub
	sent      []Sent
	dropped   []Entry        // events that webhooks had too many of
	started   []Entry        // Jobs
	of        event.Kind     // the kind that the overrides are for
	told      event.Kind     // the kind that such an event says it is, when it is another
	overrides map[string]any // values by their dotted path
}

// change makes one change while no other is made. It logs the Jobs that were started
// and the events that were dropped.
func (h *Hub) change(do func(*hubChange) error) error { return h.perform(&hubChange{h: h}, do) }

func (h *Hub) perform(a *hubChange, do func(*hubChange) error) error {
	err := h.alone(func() error { return do(a) })
	for _, e := range append(a.started, a.dropped...) {
		h.log(e)
	}
	return err
}

// alone runs a function under the lock, and always releases the lock: a panic in one
// call must not stop all others.
func (h *Hub) alone(do func() error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosed
	}
	return do()
}

// send delivers an event to every webhook that watches the repo, takes its domain, is
// enabled, and whose owner may see the repo. fill adds what the kind contains beyond
// the repo; nil adds nothing.
func (a *hubChange) send(kind event.Kind, r *repo, fill func(*hub.Payload)) error {
	return a.sendAlsoTo(nil, kind, r, fill)
}

// sendAlsoTo is send, with those who watch one more account.
func (a *hubChange) sendAlsoTo(also *account, kind event.Kind, r *repo, fill func(*hub.Payload)) error {
	for _, hook := range a.h.webhooks {
		told := hook.watches(r) && r.visibleTo(hook.owner) ||
			also != nil && hook.watchesAccount(also) && (!r.Private || also.has(hook.owner))
		if !told || hook.State != hub.StateEnabled || !slices.Contains(hook.Domains, kind.Domain()) {
			continue
		}
		p := event.NewPayload(kind, r.PayloadRepo, hook.ID)
		if fill != nil {
			fill(&p)
		}
		body, err := a.render(kind, p)
		if err != nil {
			return err
		}
		a.trigger(hook, kind, r, body)
	}
	return nil
}

// render writes a payload, with the overrides if they are for this kind.
func (a *hubChange) render(kind event.Kind, p hub.Payload) ([]byte, error) {
	if kind != a.of || len(a.overrides) == 0 && a.told == "" {
		return marshal(p)
	}
	if a.told != "" {
		p.Event = hub.PayloadEvent{Action: a.told.Action(), Scope: a.told.Scope()}
	}
	return override(p, a.overrides)
}

// trigger puts an event into a webhook's queue, unless the webhook had too
// many in the last 24 hours.
func (a *hubChange) trigger(hook *webhook, kind event.Kind, r *repo, body []byte) {
	h := a.h
	now := h.cfg.Now()
	for len(hook.triggers) > 0 && now.Sub(hook.triggers[0]) >= 24*time.Hour {
		hook.triggers = hook.triggers[1:]
	}
	if len(hook.triggers) >= h.cfg.MaxTriggers {
		a.dropped = append(a.dropped, Entry{
			Type: EntryDrop, Kind: kind, WebhookID: hook.ID, URL: hook.URL,
			Err: fmt.Sprintf("the webhook had its %d triggers of 24 hours", h.cfg.MaxTriggers),
		})
		return
	}
	hook.triggers = append(hook.triggers, now)
	hook.LastTrigger = now.UTC().Truncate(time.Millisecond)
	if kind == a.of && a.told != "" {
		kind = a.told
	}
	d := &delivery{hook: hook, firstURL: hook.URL, secret: hook.secret, Delivery: Delivery{
		ID: h.nextID("delivery"), LogID: h.nextID("log"), WebhookID: hook.ID,
		Kind: kind, Repo: r.Repo(), Body: body,
	}}
	a.sent = append(a.sent, Sent{ID: d.ID, LogID: d.LogID, WebhookID: hook.ID, Kind: kind})
	h.enqueue(d)
	if d.job != nil {
		a.started = append(a.started, d.jobEntry())
	}
}

// override sets values of a payload by their dotted paths, shorter paths
// first, so that "discussion" may be replaced and "discussion.title" set in it.
// The other keys keep their order.
func override(p hub.Payload, values map[string]any) ([]byte, error) {
	plain, err := marshal(p)
	if err != nil {
		return nil, err
	}
	var payload orderedJSON
	if err := json.Unmarshal(plain, &payload); err != nil {
		return nil, fmt.Errorf("reading a payload back: %w", err)
	}
	paths := slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		if n := strings.Count(a, ".") - strings.Count(b, "."); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	top := payload.value
	for _, path := range paths {
		if top, err = setPath(top, strings.Split(path, "."), ordered(values[path])); err != nil {
			return nil, fmt.Errorf("setting %q: %w", path, err)
		}
	}
	return marshal(top)
}

// setPath sets a value below v and returns v, or what replaces it. Missing
// objects on the way are made; array items must exist.
func setPath(v any, path []string, value any) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	key := path[0]
	if key == "" {
		return nil, fmt.Errorf("a part of the path is empty")
	}
	switch v := v.(type) {
	case nil:
		inner, err := setPath(nil, path[1:], value)
		return object{{key, inner}}, err
	case object:
		var old any
		if i := v.index(key); i >= 0 {
			old = v[i].value
		}
		inner, err := setPath(old, path[1:], value)
		return v.set(key, inner), err
	case []any:
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(v) {
			return nil, fmt.Errorf("%q is not an item of the list, which has %d", key, len(v))
		}
		v[i], err = setPath(v[i], path[1:], value)
		return v, err
	}
	return nil, fmt.Errorf("%q cannot stand in a plain value", key)
}
