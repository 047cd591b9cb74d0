package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// Surveyed is a webhook of an account, and the session that made it, if one did.
type Surveyed struct {
	hub.Webhook
	Origin string // for people; empty if no hf-tap made or muted it
	// Live is the id of the live session that made the webhook or muted it. Such a
	// session undoes changes of its own webhook, and enables a muted one at its end.
	Live  string
	Muted bool // a session of this machine disabled it, and has not enabled it yet
	// Stray is set when it leads to an hf-tap and this machine has no record of
	// it: it is another machine's, which may be in use, or it was made by hand for
	// a session without a webhook.
	Stray bool
}

// Survey is a comparison of an account's webhooks with the records of this machine.
type Survey struct {
	Webhooks []Surveyed
	Damaged  []*RecordError // one of the strays may be theirs
	Err      error          // why the records could not be read: where a webhook comes from is unknown then
}

// Look lists the webhooks of an account, with the sessions that made them. It changes
// nothing, neither there nor here.
func Look(ctx context.Context, dir Dir, client *hub.Client) (Survey, error) {
	// Sessions begin and end while the list is read. A session that ends removes its
	// webhook before its record. A session that begins writes its record before it
	// makes the webhook. So every listed webhook of a session is in the records before
	// or after.
	before, _, errBefore := dir.records()
	list, err := client.ListWebhooks(ctx)
	if err != nil {
		return Survey{}, err
	}
	after, damaged, errAfter := dir.records()
	s := Survey{Damaged: damaged, Err: errAfter}
	if s.Err == nil {
		s.Err = errBefore
	}
	known := append(before, after...)
	for _, w := range list {
		s.Webhooks = append(s.Webhooks, s.place(dir, client.Endpoint(), w, known))
	}
	return s, nil
}

// LookAt is Look for one webhook of an endpoint. It asks no Hub.
func LookAt(dir Dir, endpoint string, w hub.Webhook) Survey {
	known, damaged, err := dir.records()
	s := Survey{Damaged: damaged, Err: err}
	s.Webhooks = []Surveyed{s.place(dir, endpoint, w, known)}
	return s
}

func (s *Survey) place(dir Dir, endpoint string, w hub.Webhook, known []*Record) Surveyed {
	is := Surveyed{Webhook: w}
	for _, r := range known {
		// One that is enabled by now was enabled by somebody else.
		muted := slices.Contains(r.Muted, w.ID) && r.Endpoint == endpoint && w.State != hub.StateEnabled
		if !r.owns(w) && !muted {
			continue
		}
		is.Origin, is.Muted = "hf-tap session "+r.ID, muted
		if muted {
			is.Origin = "muted by " + is.Origin
		}
		switch live, err := dir.lives(r.ID); {
		case err != nil:
			is.Origin += ", unknown whether it lives"
		case live:
			is.Origin, is.Live = is.Origin+", live", r.ID
		case r.Machine != machineHash():
			is.Origin += ", of another machine"
		case !muted && tokenOf(w.URL) != r.Token:
			is.Origin += ", which leads elsewhere now"
		default:
			is.Origin += ", left behind"
		}
		return is
	}
	switch {
	case tokenOf(w.URL) == "":
	case s.Err != nil:
		is.Origin = "hf-tap, unknown whether it is on record"
	default:
		is.Origin, is.Stray = "hf-tap, no record here", true
	}
	return is
}

// LeftBehind returns the records of dead sessions that may have left a webhook on an
// account, and the files that are not valid records. It changes nothing and asks no
// Hub.
func (d Dir) LeftBehind() (left []*Record, damaged []*RecordError, err error) {
	records, damaged, err := d.records()
	for _, r := range records {
		if r.needsUndo() && !d.alive(r.ID) {
			left = append(left, r)
		}
	}
	return left, damaged, err
}

// LocalAccess is the address and the key with which programs on this machine reach a
// session.
type LocalAccess struct {
	URL string // to post deliveries to
	Key string // for the header Hf-Tap-Key
}

// Running is a session that lives and takes deliveries from callers on this machine.
type Running struct {
	ID       string
	Endpoint string      // of its Hub
	Webhook  string      // the id of its webhook, "" without one
	Watches  []hub.Watch // what the webhook watches; none without a webhook
	URL      string      // its public address
	Local    LocalAccess
}

// Watched reports whether the session's webhook watches a repo. A session without a
// webhook may get events of any.
func (r Running) Watched(repo hub.Repo) bool {
	owner := event.OwnerOf(repo.Name)
	return len(r.Watches) == 0 || slices.ContainsFunc(r.Watches, func(w hub.Watch) bool {
		if w.IsRepo() {
			return w.Type == hub.WatchType(repo.Type) && strings.EqualFold(w.Name, repo.Name)
		}
		return strings.EqualFold(w.Name, owner)
	})
}

// RunningAt returns the sessions that live now and take deliveries from callers on
// this machine, the newest first.
func RunningAt(dir Dir) (running []Running, err error) {
	records, _, err := dir.records()
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Backward(records) {
		if r.Local != "" && r.Machine == machineHash() && dir.alive(r.ID) {
			running = append(running, Running{
				ID: r.ID, Endpoint: r.Endpoint, Webhook: r.Webhook, Watches: r.Watches, URL: r.URL(),
				Local: LocalAccess{URL: "http://" + r.Local + r.Path(), Key: r.LocalKey},
			})
		}
	}
	return running, nil
}

// LiveAt returns the sessions that live now and take deliveries from callers on
// this machine, by session id.
func LiveAt(dir Dir) (map[string]LocalAccess, error) {
	running, err := RunningAt(dir)
	if err != nil {
		return nil, err
	}
	live := map[string]LocalAccess{}
	for _, r := range running {
		live[r.ID] = r.Local
	}
	return live, nil
}

// For returns the address to post an event again. The path of a single target, below
// the session's path, is kept.
func (l LocalAccess) For(e *event.Event) string {
	path, query, asked := strings.Cut(e.Path, "?")
	url := l.URL
	if parts := strings.SplitN(path, "/", 4); len(parts) == 4 && strings.HasPrefix(path, pathPrefix) {
		url += "/" + parts[3]
	}
	if asked {
		url += "?" + query
	}
	return url
}

// Forget removes the record of a dead session, by the id of the session or of its
// webhook, and returns the record; nil if it could not be read. The webhooks in the
// record stay as they are.
func Forget(dir Dir, id string) (*Record, error) {
	records, damaged, err := dir.records()
	if err != nil {
		return nil, err
	}
	var found *Record
	session := ""
	for _, r := range records {
		if r.ID == id || r.Webhook != "" && r.Webhook == id {
			found, session = r, r.ID
		}
	}
	for _, d := range damaged {
		if d.ID == id {
			session = id
		}
	}
	if session == "" {
		return nil, fmt.Errorf("forget %q: %w", id, errNoRecord)
	}
	l, err := dir.lock(session)
	if err != nil {
		return nil, fmt.Errorf("forget the session %s: %w", session, err)
	}
	return found, dir.remove(session, l)
}

// errNoRecord says that no session has a record of that id.
var errNoRecord = errors.New("no session and no webhook of that id is on record here")
