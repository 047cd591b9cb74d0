package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// fields is a JSON object as it was sent, keys as they are spelled.
type fields map[string]json.RawMessage

// get reads a value of the type that the OpenAPI document wants. A missing value is
// allowed, and leaves v; null is an error, as in the document.
func get[T any](f fields, key, want string, v *T) (given bool, err error) {
	raw, given := f[key]
	if !given {
		return false, nil
	}
	if string(raw) == "null" || json.Unmarshal(raw, v) != nil {
		return true, fmt.Errorf("%+q: must be %s", key, want)
	}
	return true, nil
}

// webhookSpec is the webhook that a valid body describes.
type webhookSpec struct {
	webhook     hub.Webhook
	secret      string
	secretGiven bool
}

// validate checks the body of create and update against the OpenAPI document and the
// Hub's data. The caller holds mu.
//
// Except for "watched", null counts as absent, and for "domains" as both: the
// Python library sends null for what its caller left out, and documents that no
// domain means all.
func (h *Hub) validate(body fields, user *account) (s webhookSpec, err error) {
	body = maps.Clone(body)
	for _, key := range []string{"url", "job", "jobSourceId", "secret"} {
		if string(body[key]) == "null" {
			delete(body, key)
		}
	}
	if s.webhook.Watched, err = h.validWatched(body, user); err != nil {
		return s, err
	}
	if s.webhook.Domains, err = validDomains(body); err != nil {
		return s, err
	}
	s.secretGiven, err = get(body, "secret", "a string", &s.secret)
	if err != nil {
		return s, err
	}
	if strings.ContainsFunc(s.secret, func(r rune) bool { return r < 0x20 || r > 0x7f }) {
		return s, fmt.Errorf(`"secret": must match ^[\x20-\x7F]*$`)
	}
	return s, h.validAim(body, &s.webhook)
}

func (h *Hub) validWatched(body fields, user *account) ([]hub.Watch, error) {
	var items []fields
	given, err := get(body, "watched", "an array of objects", &items)
	switch {
	case err != nil:
		return nil, err
	case !given:
		return nil, fmt.Errorf(`"watched": is required`)
	case len(items) == 0:
		return nil, fmt.Errorf(`"watched": must have at least 1 item`)
	}
	watched := make([]hub.Watch, 0, len(items))
	for i, item := range items {
		w, err := h.validWatch(item, user)
		if err != nil {
			return nil, fmt.Errorf("watched.%d: %w", i, err)
		}
		watched = append(watched, w)
	}
	return watched, nil
}

func (h *Hub) validWatch(item fields, user *account) (w hub.Watch, err error) {
	typed, err := get(item, "type", "a string", &w.Type)
	if err != nil {
		return w, err
	}
	named, err := get(item, "name", "a string", &w.Name)
	if err != nil {
		return w, err
	}
	switch {
	case !typed || !slices.Contains(hub.WatchTypes(), w.Type):
		return w, fmt.Errorf(`"type": must be one of %s`, joined(hub.WatchTypes()))
	case !named:
		return w, fmt.Errorf(`"name": is required`)
	}
	owner := h.account(w.Name)
	if name, isRepo := w.Repo(); isRepo {
		r := h.repo(name)
		if r == nil || !r.visibleTo(user) {
			return w, fmt.Errorf("%s %+q does not exist", w.Type, w.Name)
		}
		w.Name, owner = r.Name, r.owner
	} else if owner == nil || owner.org != (w.Type == "org") {
		return w, fmt.Errorf("%s %+q does not exist", w.Type, w.Name)
	} else {
		w.Name = owner.name
	}
	w.AvatarURL = h.avatar(owner)
	return w, nil
}

func validDomains(body fields) ([]hub.Domain, error) {
	if string(body["domains"]) == "null" {
		return hub.Domains(), nil
	}
	var domains []hub.Domain
	given, err := get(body, "domains", "an array of strings", &domains)
	switch {
	case err != nil:
		return nil, err
	case !given:
		return nil, fmt.Errorf(`"domains": is required`)
	case len(domains) == 0:
		return nil, fmt.Errorf(`"domains": must have at least 1 item`)
	}
	for i, d := range domains {
		if d != "repo" && d != "discussion" {
			return nil, fmt.Errorf("domains.%d: must be one of repo, discussion", i)
		}
	}
	return domains, nil
}

// validAim reads where a webhook aims: exactly one of a URL, a job and a job
// to copy.
func (h *Hub) validAim(body fields, w *hub.Webhook) error {
	hasURL, err := get(body, "url", "a string", &w.URL)
	if err != nil {
		return err
	}
	var job fields
	hasJob, err := get(body, "job", "an object", &job)
	if err != nil {
		return err
	}
	hasSource, err := get(body, "jobSourceId", "a string", &w.JobSourceID)
	if err != nil {
		return err
	}
	aims := 0
	for _, given := range []bool{hasURL, hasJob, hasSource} {
		if given {
			aims++
		}
	}
	switch {
	case aims != 1:
		return fmt.Errorf(`exactly one of "url", "job" and "jobSourceId" must be given`)
	case hasURL:
		return h.validURL(w.URL)
	case hasJob:
		w.Job, err = validJob(job)
		return err
	case w.JobSourceID == "":
		return fmt.Errorf(`"jobSourceId": no such job`)
	}
	return nil
}

func (h *Hub) validURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf(`"url": must be a valid http or https URL`)
	case u.Scheme == "http" && h.cfg.Modes.RefuseHTTP:
		return fmt.Errorf(`"url": must be an https URL`)
	}
	return nil
}

// joined lists texts for people.
func joined[S ~string](all []S) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}
