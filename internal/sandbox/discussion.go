package sandbox

import (
	"fmt"
	"slices"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// discussion is a discussion or a pull request; a deleted one keeps its number.
type discussion struct {
	hub.Discussion
	comments []*hub.Comment
	deleted  bool
}

// Post is what somebody writes. Empty fields are made up, as a sample's are.
type Post struct {
	Author string // a user's name; need not have been added
	Title  string // of discussions and pull requests
	Text   string
}

// OpenDiscussion opens a discussion and sends discussion.create. Numbers count
// up from 1, together with those of pull requests.
func (h *Hub) OpenDiscussion(w hub.Watch, post Post) (num int, err error) {
	return h.open(w, false, post)
}

// OpenPullRequest opens a pull request and sends discussion.create, and
// repo.content.update for its new ref, refs/pr/N.
func (h *Hub) OpenPullRequest(w hub.Watch, post Post) (num int, err error) {
	return h.open(w, true, post)
}

func (h *Hub) open(w hub.Watch, pull bool, post Post) (num int, err error) {
	err = h.act(func(a *act) error {
		r, err := h.gitRepo(w)
		if err != nil {
			return err
		}
		d := r.open(h, pull, post)
		num = d.Num
		return a.opened(r, d)
	})
	return num, err
}

// open adds a discussion with its first comment, without an event.
func (r *repo) open(h *Hub, pull bool, post Post) *discussion {
	d := &discussion{Discussion: h.parts.Discussion(r.Repo, len(r.discussions)+1, pull)}
	if post.Author != "" {
		d.Author = h.parts.Account(post.Author)
	}
	if post.Title != "" {
		d.Title = post.Title
	}
	r.discussions = append(r.discussions, d)
	d.comment(h, post)
	return d
}

func (a *act) opened(r *repo, d *discussion) error {
	if err := a.tell("discussion.create", r, d, d.comments[0]); err != nil || !d.IsPullRequest {
		return err
	}
	return a.sendRefs(r, []hub.RefUpdate{r.setRef(pullRef(d.Num), r.nextSHA(a.h))})
}

// comment adds a comment, without an event.
func (d *discussion) comment(h *Hub, post Post) *hub.Comment {
	c := h.parts.Comment(d.Discussion, len(d.comments))
	if post.Author != "" {
		c.Author = h.parts.Account(post.Author)
	}
	if post.Text != "" {
		c.Content = &post.Text
	}
	d.comments = append(d.comments, &c)
	return &c
}

// tell sends an event of a discussion. URLs are those of the repo's present
// name, which may be another than when the discussion was opened.
func (a *act) tell(kind event.Kind, r *repo, d *discussion, c *hub.Comment) error {
	d.URL = hub.DiscussionURLs(r.URL, d.Num)
	return a.send(kind, r, func(p *hub.Payload) {
		told := d.Discussion
		p.Discussion = &told
		if c != nil {
			comment := *c
			comment.URL.Web = hub.CommentURL(told.URL, c.ID)
			p.Comment = &comment
		}
	})
}

// on does something with a discussion that is there.
func (h *Hub) on(w hub.Watch, num int, do func(*act, *repo, *discussion) error) error {
	return h.act(func(a *act) error {
		r, err := h.gitRepo(w)
		if err != nil {
			return err
		}
		if num < 1 || num > len(r.discussions) || r.discussions[num-1].deleted {
			return fmt.Errorf("no discussion %d in %q", num, w)
		}
		return do(a, r, r.discussions[num-1])
	})
}

// ChangeStatus makes a discussion open, closed or, for pull requests, draft,
// and sends discussion.update. Merge is the way to merged.
func (h *Hub) ChangeStatus(w hub.Watch, num int, status string) error {
	return h.on(w, num, func(a *act, r *repo, d *discussion) error {
		if status != "open" && status != "closed" && (status != "draft" || !d.IsPullRequest) {
			return fmt.Errorf("changing the status of %q discussion %d: it cannot be %q", w, num, status)
		}
		if d.Status == "merged" {
			return fmt.Errorf("changing the status of %q discussion %d: it is merged", w, num)
		}
		d.Status = status
		return a.tell("discussion.update", r, d, nil)
	})
}

// RenameDiscussion gives a discussion another title and sends
// discussion.update.
func (h *Hub) RenameDiscussion(w hub.Watch, num int, title string) error {
	return h.on(w, num, func(a *act, r *repo, d *discussion) error {
		d.Title = title
		return a.tell("discussion.update", r, d, nil)
	})
}

// PinDiscussion pins or unpins a discussion and sends discussion.update.
func (h *Hub) PinDiscussion(w hub.Watch, num int, pinned bool) error {
	return h.on(w, num, func(a *act, r *repo, d *discussion) error {
		d.Pinned = &pinned
		return a.tell("discussion.update", r, d, nil)
	})
}

// Merge merges a pull request that is not closed: it sends discussion.update
// and repo.content.update for main. It gives the sha of the merge commit.
func (h *Hub) Merge(w hub.Watch, num int) (sha string, err error) {
	err = h.on(w, num, func(a *act, r *repo, d *discussion) error {
		sha, err = a.merge(r, d)
		return err
	})
	return sha, err
}

func (a *act) merge(r *repo, d *discussion) (sha string, err error) {
	if !d.IsPullRequest || d.Status == "merged" || d.Status == "closed" {
		return "", fmt.Errorf("merging %q discussion %d: it is no open pull request", r.watch(), d.Num)
	}
	sha = r.nextSHA(a.h)
	d.Status = "merged"
	changes := *d.Changes // earlier payloads may still hold the old one
	changes.MergeCommitID = sha
	d.Changes = &changes
	if err := a.tell("discussion.update", r, d, nil); err != nil {
		return "", err
	}
	return sha, a.sendRefs(r, []hub.RefUpdate{r.setRef(mainRef, sha)})
}

// DeleteDiscussion deletes a discussion and sends discussion.delete. Its
// number is not used again.
func (h *Hub) DeleteDiscussion(w hub.Watch, num int) error {
	return h.on(w, num, func(a *act, r *repo, d *discussion) error {
		d.deleted = true
		return a.tell("discussion.delete", r, d, nil)
	})
}

// Comment adds a comment to a discussion, sends discussion.comment.create, and
// gives the comment's id.
func (h *Hub) Comment(w hub.Watch, num int, post Post) (id string, err error) {
	err = h.on(w, num, func(a *act, r *repo, d *discussion) error {
		c := d.comment(h, post)
		id = c.ID
		return a.tell("discussion.comment.create", r, d, c)
	})
	return id, err
}

// EditComment changes a comment's text and sends discussion.comment.update.
func (h *Hub) EditComment(w hub.Watch, num int, id, text string) error {
	return h.onComment(w, num, id, func(c *hub.Comment) { c.Content = &text })
}

// HideComment hides a comment, whose content is not told any more, and sends
// discussion.comment.update.
func (h *Hub) HideComment(w hub.Watch, num int, id string) error {
	return h.onComment(w, num, id, func(c *hub.Comment) { c.Hidden, c.Content = true, nil })
}

func (h *Hub) onComment(w hub.Watch, num int, id string, change func(*hub.Comment)) error {
	return h.on(w, num, func(a *act, r *repo, d *discussion) error {
		i := slices.IndexFunc(d.comments, func(c *hub.Comment) bool { return c.ID == id })
		if i < 0 || d.comments[i].Hidden {
			return fmt.Errorf("no comment %q in %q discussion %d, or it is hidden", id, w, num)
		}
		change(d.comments[i])
		return a.tell("discussion.comment.update", r, d, d.comments[i])
	})
}
