package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// Happening is the result of Happen: the events that it caused.
type Happening struct {
	Kind       event.Kind `json:"kind"`
	Repo       hub.Repo   `json:"repo"`       // under its name afterwards
	Webhooks   int        `json:"webhooks"`   // how many were triggered
	Dropped    int        `json:"dropped"`    // events that webhooks had too many of
	Deliveries []Sent     `json:"deliveries"` // those of the implied second event too
}

// Happen causes an event in a repo. Its kind is a documented one, or a narrower one like
// "repo.config.dois.update". If the event needs a repo or a discussion that does not
// exist, Happen creates it without an event. A new pull request also causes the
// repo.content.update of its ref, and a merge that of main.
//
// set overrides values of the payload by dotted path, for example "discussion.title" or
// "updatedRefs.0.ref". These paths also change the sandbox's data: repo.private,
// repo.tags, movedTo.name, updatedConfig.private, discussion.title, discussion.status,
// discussion.isPullRequest, comment.content and comment.hidden.
//
// The error says that the Hub never sends the kind for such a repo, or that a path does
// not exist in the payload. Nothing was sent then.
func (h *Hub) Happen(kind event.Kind, repo hub.Repo, set map[string]any) (Happening, error) {
	documented := kind.Documented()
	// A sample fails for what is impossible, before anything changes.
	sample, err := event.Sample(documented, repo, event.SampleOptions{Variant: sampleVariant(documented, repo, set)})
	if err != nil {
		return Happening{}, fmt.Errorf("making %q happen: %w", kind, err)
	}
	if _, err := override(sample, set); err != nil {
		return Happening{}, fmt.Errorf("making %q happen: %w", kind, err)
	}
	a := &hubChange{h: h, of: documented, overrides: set}
	if kind != documented {
		a.told = kind
	}
	out := Happening{Kind: kind}
	err = h.perform(a, func(a *hubChange) error {
		r, err := h.addRepo(repo)
		if err != nil {
			return err
		}
		if err := a.happen(r, wishes(set)); err != nil {
			return fmt.Errorf("making %q happen: %w", kind, err)
		}
		out.Repo = r.Repo()
		return nil
	})
	if err != nil {
		return Happening{}, err
	}
	hooks := map[string]bool{}
	for _, s := range a.sent {
		hooks[s.WebhookID] = true
	}
	out.Webhooks, out.Deliveries, out.Dropped = len(hooks), append([]Sent{}, a.sent...), len(a.dropped)
	return out, nil
}

// sampleVariant is the variant whose payload has the parts that set speaks of.
func sampleVariant(kind event.Kind, repo hub.Repo, set map[string]any) event.Variant {
	variants := event.Variants(kind, repo.Type)
	if wishes(set).flag("comment.hidden") && slices.Contains(variants, event.VariantHidden) {
		return event.VariantHidden
	}
	return ""
}

// wishes are the overrides in the form of changes of the Hub's data.
type wishes map[string]any

func (w wishes) text(path string) string {
	s, _ := w[path].(string)
	return s
}

func (w wishes) flag(path string) bool {
	b, _ := w[path].(bool)
	return b
}

// happen makes the change that causes an event of the act's kind.
func (a *hubChange) happen(r *repo, w wishes) error {
	if private, given := w["repo.private"].(bool); given {
		r.Private = private
	}
	if tags, given := w["repo.tags"].([]any); given {
		r.Tags = nil
		for _, tag := range tags {
			r.Tags = append(r.Tags, fmt.Sprint(tag))
		}
	}
	switch a.of {
	case "repo.delete":
		return a.deleteRepo(r)
	case "repo.move":
		newName := w.text("movedTo.name")
		if newName == "" {
			newName = a.freeName(r)
		}
		return a.moveRepo(r, newName)
	case "repo.content.update":
		return a.pushCommit(r)
	case "repo.config.update":
		return a.reconfigure(r, w)
	}
	if a.of.Domain() == "discussion" {
		return a.discuss(r, w)
	}
	return a.send(a.of, r, nil) // repo.create and repo.update, whose payload is the repo alone
}

// reconfigure changes the settings of a repo as the overrides demand. By default it
// makes the repo public, because then no webhook loses access to it. A wish for a whole
// updatedConfig is about the payload alone.
func (a *hubChange) reconfigure(r *repo, w wishes) error {
	_, whole := w["updatedConfig"]
	if private, given := w["updatedConfig.private"].(bool); given {
		return a.configure(r, true, private)
	}
	_, given := w["repo.private"]
	return a.configure(r, !whole, r.Private && (given || whole))
}

// discuss makes the change that causes an event of a discussion. It uses the latest
// discussion that exists, or opens one.
func (a *hubChange) discuss(r *repo, w wishes) error {
	_, told := w["discussion.isPullRequest"]
	status := w.text("discussion.status")
	pull := w.flag("discussion.isPullRequest") || !told && (status == "merged" || status == "draft")
	post := Post{Title: w.text("discussion.title"), Text: w.text("comment.content")}
	if a.of == "discussion.create" {
		d, err := a.open(r, pull, post)
		if err != nil {
			return err
		}
		if w.flag("comment.hidden") {
			d.comments[0].hide("")
		}
		return a.sendOpened(r, d)
	}
	d := r.latest(func(d *discussion) bool {
		return d.IsPullRequest == pull || !told && !pull
	}, status)
	if d == nil {
		var err error
		if d, err = a.open(r, pull, Post{Title: post.Title}); err != nil {
			return err
		}
	}
	if post.Title != "" {
		d.Title = post.Title
	}
	switch a.of {
	case "discussion.delete":
		return a.deleteDiscussion(r, d)
	case "discussion.update":
		return a.updateDiscussion(r, d, status, post.Title)
	case "discussion.comment.create":
		c := d.comment(a.h, post)
		if w.flag("comment.hidden") {
			c.hide("")
		}
		return a.sendDiscussion(a.of, r, d, c)
	}
	return a.updateComment(r, d, w, post)
}

// latest is the newest discussion that fits and can still change. A merged one cannot,
// and a closed one can only be reopened.
func (r *repo) latest(fits func(*discussion) bool, status string) *discussion {
	for _, d := range slices.Backward(r.discussions) {
		over := d.Status == hub.DiscussionMerged || d.Status == hub.DiscussionClosed && status != "open"
		if fits(d) && !d.deleted && !over {
			return d
		}
	}
	return nil
}

func (a *hubChange) updateDiscussion(r *repo, d *discussion, status, title string) error {
	if status == "" && title == "" {
		status = "closed"
	}
	switch {
	case status == "merged" && d.IsPullRequest:
		_, err := a.merge(r, d, "")
		return err
	case status == "open" || status == "closed" || status == "draft" && d.IsPullRequest:
		return a.changeStatus(r, d, hub.DiscussionStatus(status), "")
	}
	return a.sendDiscussion(a.of, r, d, nil)
}

func (a *hubChange) updateComment(r *repo, d *discussion, w wishes, post Post) error {
	c := d.comments[len(d.comments)-1]
	if c.Hidden || len(d.comments) == 1 {
		c = d.comment(a.h, Post{})
	}
	switch {
	case w.flag("comment.hidden"):
		return a.hideComment(r, d, c, "")
	case post.Text != "":
		return a.editComment(r, d, c, post.Text, "")
	}
	return a.editComment(r, d, c, *c.Content+" (edited)", "")
}

// freeName is the first of name-2, name-3, … that no repo has.
func (a *hubChange) freeName(r *repo) string {
	name := r.Name
	if !strings.Contains(name, "/") {
		name = event.OwnerOf(name) + "/" + name
	}
	for n := 2; ; n++ {
		if free := name + "-" + itoa(n); a.h.repo(hub.Repo{Type: r.Type, Name: free}) == nil {
			return free
		}
	}
}

// maxCount is the most repetitions that one call asks for.
const maxCount = 10_000

// eventRequest is the body of POST /sandbox/events.
type eventRequest struct {
	Kind  event.Kind             `json:"kind"`
	Repo  string                 `json:"repo"` // type:name
	Set   map[string]orderedJSON `json:"set"`
	Count *int                   `json:"count"` // 1 when absent
}

// postEvent answers POST /sandbox/events, which is Happen over HTTP: the deliveries, or
// 400 and the reason. It is not part of the Hub's API.
func (h *Hub) postEvent(w http.ResponseWriter, r *http.Request) {
	// Any content type will do, for curl's sake: without a bearer token, which a
	// web page does not have, nothing gets here.
	var body eventRequest
	d := json.NewDecoder(bytes.NewReader(callOf(r).body))
	d.DisallowUnknownFields() // a misspelled "set" would be lost without a word
	err := d.Decode(&body)
	if err == nil && d.More() {
		err = errors.New("there is more after the object")
	}
	if err != nil {
		h.fail(w, http.StatusBadRequest, "", "Invalid event: %v", err)
		return
	}
	count := 1
	if body.Count != nil {
		count = *body.Count
	}
	repo, err := hub.ParseRepo(body.Repo)
	switch {
	case err != nil:
		h.fail(w, http.StatusBadRequest, "", "Invalid repo: %v", err)
		return
	case count < 1 || count > maxCount:
		h.fail(w, http.StatusBadRequest, "", "Invalid count: must be from 1 to %d", maxCount)
		return
	}
	set := map[string]any{}
	for path, v := range body.Set {
		set[path] = v.value
	}
	all := Happening{Deliveries: []Sent{}}
	for range count {
		one, err := h.Happen(body.Kind, repo, set)
		if err != nil {
			h.fail(w, http.StatusBadRequest, "", "%v", err)
			return
		}
		all.Kind, all.Repo, all.Webhooks = one.Kind, one.Repo, max(all.Webhooks, one.Webhooks)
		all.Dropped += one.Dropped
		all.Deliveries = append(all.Deliveries, one.Deliveries...)
	}
	answerJSON(w, http.StatusOK, all)
}
