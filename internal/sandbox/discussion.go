package sandbox

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// Post is a text that a user writes: a title, a comment. Empty fields get invented
// values, as in a sample.
type Post struct {
	Author string // a user's name; need not have been added
	Title  string // of discussions and pull requests
	Text   string
}

// OpenDiscussion opens a discussion and sends discussion.create. Numbers count
// up from 1, together with those of pull requests.
func (h *Hub) OpenDiscussion(w hub.Repo, post Post) (num int, err error) {
	return h.open(w, false, post)
}

// OpenPullRequest opens a pull request and sends discussion.create, and
// repo.content.update for its new ref, refs/pr/N.
func (h *Hub) OpenPullRequest(w hub.Repo, post Post) (num int, err error) {
	return h.open(w, true, post)
}

func (h *Hub) open(w hub.Repo, pull bool, post Post) (num int, err error) {
	err = h.change(func(a *hubChange) error {
		r, err := h.gitRepo(w)
		if err != nil {
			return err
		}
		d, err := a.open(r, pull, post)
		if err != nil {
			return err
		}
		num = d.Num
		return a.sendOpened(r, d)
	})
	return num, err
}

// open adds a discussion with its first comment, without an event. A pull
// request gets a ref with a commit.
func (a *hubChange) open(r *repo, pull bool, post Post) (*discussion, error) {
	if !pull {
		return a.h.newDiscussion(r, false, post), nil
	}
	c, err := r.updateReadme(a.h, mainRef)
	if err != nil {
		return nil, err
	}
	d := a.h.newDiscussion(r, true, post)
	a.h.moveRef(r, pullRef(d.Num), c)
	return d, nil
}

// sendOpened sends the events of a discussion that was opened.
func (a *hubChange) sendOpened(r *repo, d *discussion) error {
	if err := a.sendDiscussion("discussion.create", r, d, d.comments[0]); err != nil || !d.IsPullRequest {
		return err
	}
	sha := r.refs[pullRef(d.Num)]
	return a.sendRefs(r, hub.RefUpdate{Ref: pullRef(d.Num), NewSHA: &sha})
}

// sendDiscussion sends an event of a discussion, and of a comment unless c is
// nil. URLs are those of the repo's present name, which may be another than
// when the discussion was opened.
func (a *hubChange) sendDiscussion(kind event.Kind, r *repo, d *discussion, c *comment) error {
	d.URL = hub.DiscussionURLs(r.URL, d.Num)
	return a.send(kind, r, func(p *hub.Payload) {
		sent := d.Discussion
		p.Discussion = &sent
		if c != nil {
			comment := c.Comment
			comment.URL.Web = hub.CommentURL(sent.URL, c.ID)
			p.Comment = &comment
		}
	})
}

// discussion finds a discussion by its number.
func (r *repo) discussion(num int) (*discussion, error) {
	if num < 1 || num > len(r.discussions) || r.discussions[num-1].deleted {
		return nil, refuse(http.StatusNotFound, "", "Discussion not found: no discussion %d in %s", num, r.Repo())
	}
	return r.discussions[num-1], nil
}

// on does something with a discussion.
func (h *Hub) on(w hub.Repo, num int, do func(*hubChange, *repo, *discussion) error) error {
	return h.change(func(a *hubChange) error {
		r, err := h.gitRepo(w)
		if err != nil {
			return err
		}
		d, err := r.discussion(num)
		if err != nil {
			return err
		}
		return do(a, r, d)
	})
}

// ChangeStatus makes a discussion open, closed or, for pull requests, draft,
// and sends discussion.update. Merge is the way to merged.
func (h *Hub) ChangeStatus(w hub.Repo, num int, status hub.DiscussionStatus) error {
	return h.on(w, num, func(a *hubChange, r *repo, d *discussion) error {
		return a.changeStatus(r, d, status, "")
	})
}

// changeStatus changes a discussion's status for the user whose name is by.
func (a *hubChange) changeStatus(r *repo, d *discussion, status hub.DiscussionStatus, by string) error {
	if err := d.canBecome(status); err != nil {
		return err
	}
	d.Status = status
	d.record(a.h, by, statusEntry{string(status)})
	return a.sendDiscussion("discussion.update", r, d, nil)
}

// canBecome checks a new status.
func (d *discussion) canBecome(status hub.DiscussionStatus) error {
	switch {
	case status != hub.DiscussionOpen && status != hub.DiscussionClosed && (status != hub.DiscussionDraft || !d.IsPullRequest):
		return refuse(http.StatusBadRequest, "", "The status of discussion %d cannot be %+q", d.Num, status)
	case d.Status == hub.DiscussionMerged:
		return refuse(http.StatusBadRequest, "", "Pull request %d is merged: its status cannot change", d.Num)
	}
	return nil
}

// RenameDiscussion gives a discussion another title and sends
// discussion.update.
func (h *Hub) RenameDiscussion(w hub.Repo, num int, title string) error {
	return h.on(w, num, func(a *hubChange, r *repo, d *discussion) error { return a.rename(r, d, title, "") })
}

func (a *hubChange) rename(r *repo, d *discussion, title, by string) error {
	old := d.Title
	d.Title = title
	d.record(a.h, by, titleEntry{old, title})
	return a.sendDiscussion("discussion.update", r, d, nil)
}

// PinDiscussion pins or unpins a discussion and sends discussion.update.
func (h *Hub) PinDiscussion(w hub.Repo, num int, pinned bool) error {
	return h.on(w, num, func(a *hubChange, r *repo, d *discussion) error { return a.pin(r, d, pinned, "") })
}

func (a *hubChange) pin(r *repo, d *discussion, pinned bool, by string) error {
	d.Pinned = &pinned
	d.record(a.h, by, pinEntry{pinned})
	return a.sendDiscussion("discussion.update", r, d, nil)
}

// Merge merges a pull request that is not closed: it sends discussion.update
// and repo.content.update for its base, mostly main. It gives the sha of the
// merge commit.
func (h *Hub) Merge(w hub.Repo, num int) (sha string, err error) {
	err = h.on(w, num, func(a *hubChange, r *repo, d *discussion) error {
		sha, err = a.merge(r, d, "")
		return err
	})
	return sha, err
}

func (a *hubChange) merge(r *repo, d *discussion, by string) (sha string, err error) {
	if !d.IsPullRequest || d.Status == hub.DiscussionMerged || d.Status == hub.DiscussionClosed {
		return "", refuse(http.StatusBadRequest, "", "Discussion %d is not an open pull request", d.Num)
	}
	head, target := r.commits[r.refs[pullRef(d.Num)]], r.commits[r.refs[d.Changes.Base]]
	if target == nil {
		return "", refuse(http.StatusBadRequest, "", "The branch %+q, which pull request %d is for, does not exist any more", d.Changes.Base, d.Num)
	}
	files, conflicts := head.mergeInto(target)
	if len(conflicts) > 0 {
		return "", refuse(http.StatusConflict, "", "Pull request %d has conflicts with %s in %+q", d.Num, d.Changes.Base, conflicts)
	}
	var list strings.Builder
	for _, c := range head.since(target) {
		fmt.Fprintf(&list, "- %s (%s)\n", c.title, c.sha)
	}
	// As on the Hub the base gets one commit, named for the pull request.
	c, err := r.addCommit(a.h, commit{
		title: fmt.Sprintf("%s (#%d)", d.Title, d.Num), message: strings.TrimSuffix(list.String(), "\n"),
		author: by, parent: target, files: files,
	})
	if err != nil {
		return "", err
	}
	d.Status = hub.DiscussionMerged
	changes := *d.Changes // earlier payloads may still hold the old one
	changes.MergeCommitID = c.sha
	d.Changes = &changes
	d.record(a.h, by, statusEntry{"merged"})
	if err := a.sendDiscussion("discussion.update", r, d, nil); err != nil {
		return "", err
	}
	return c.sha, a.sendRefs(r, r.setRef(d.Changes.Base, c.sha))
}

// DeleteDiscussion deletes a discussion and sends discussion.delete. Its
// number is not used again.
func (h *Hub) DeleteDiscussion(w hub.Repo, num int) error {
	return h.on(w, num, func(a *hubChange, r *repo, d *discussion) error { return a.deleteDiscussion(r, d) })
}

func (a *hubChange) deleteDiscussion(r *repo, d *discussion) error {
	d.deleted = true
	return a.sendDiscussion("discussion.delete", r, d, nil)
}

// Comment adds a comment to a discussion, sends discussion.comment.create, and
// gives the comment's id.
func (h *Hub) Comment(w hub.Repo, num int, post Post) (id string, err error) {
	err = h.on(w, num, func(a *hubChange, r *repo, d *discussion) error {
		c := d.comment(h, post)
		id = c.ID
		return a.sendDiscussion("discussion.comment.create", r, d, c)
	})
	return id, err
}

// EditComment changes a comment's text and sends discussion.comment.update. A
// hidden comment is an error.
func (h *Hub) EditComment(w hub.Repo, num int, id, text string) error {
	return h.on(w, num, func(a *hubChange, r *repo, d *discussion) error {
		c, err := d.shown(id)
		if err != nil {
			return err
		}
		return a.editComment(r, d, c, text, "")
	})
}

func (a *hubChange) editComment(r *repo, d *discussion, c *comment, text, by string) error {
	c.edit(a.h, text, by)
	return a.sendDiscussion("discussion.comment.update", r, d, c)
}

// HideComment hides a comment, whose content the Hub then leaves out, and
// sends discussion.comment.update. A hidden comment is an error.
func (h *Hub) HideComment(w hub.Repo, num int, id string) error {
	return h.on(w, num, func(a *hubChange, r *repo, d *discussion) error {
		c, err := d.shown(id)
		if err != nil {
			return err
		}
		return a.hideComment(r, d, c, "")
	})
}

func (a *hubChange) hideComment(r *repo, d *discussion, c *comment, by string) error {
	c.hide(by)
	return a.sendDiscussion("discussion.comment.update", r, d, c)
}
