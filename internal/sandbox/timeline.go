package sandbox

import (
	"net/http"
	"slices"
	"time"

	"github.com/hf-tap/hf-tap/hub"
)

// discussion is a discussion or a pull request; a deleted one keeps its number.
type discussion struct {
	hub.Discussion
	author    string // a user's name, empty for an invented user
	createdAt time.Time
	comments  []*comment
	timeline  []entry // comments and all else that the API shows, oldest first
	deleted   bool
}

// comment is a comment with what the API shows of it beside what payloads do.
type comment struct {
	hub.Comment
	updatedAt time.Time
	editor    string // the author of the latest text, empty for an invented user
	edits     int
	hiddenBy  string
}

// entry is one line of a discussion's timeline.
type entry struct {
	id, author string // the author is a user's name, empty for an invented user
	at         time.Time
	data       any // a *comment or one of the entries below
}

type (
	statusEntry struct{ status string }
	titleEntry  struct{ from, to string }
	pinEntry    struct{ pinned bool }
	commitEntry struct{ title, sha string }
)

// newDiscussion adds a discussion with its first comment, without an event and
// without a ref.
func (h *Hub) newDiscussion(r *repo, pull bool, post Post) *discussion {
	d := &discussion{Discussion: h.parts.Discussion(r.PayloadRepo, len(r.discussions)+1, pull), author: post.Author, createdAt: h.now()}
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

// comment adds a comment, without an event.
func (d *discussion) comment(h *Hub, post Post) *comment {
	c := &comment{Comment: h.parts.Comment(d.Discussion, len(d.comments)), updatedAt: h.now(), editor: post.Author}
	if post.Author != "" {
		c.Author = h.parts.Account(post.Author)
	}
	if post.Text != "" {
		c.Content = &post.Text
	}
	d.comments = append(d.comments, c)
	d.timeline = append(d.timeline, entry{c.ID, post.Author, c.updatedAt, c})
	return c
}

// record adds to the timeline what somebody did.
func (d *discussion) record(h *Hub, by string, data any) {
	d.timeline = append(d.timeline, entry{h.nextID("entry"), by, h.now(), data})
}

// shown finds a comment that is not hidden.
func (d *discussion) shown(id string) (*comment, error) {
	i := slices.IndexFunc(d.comments, func(c *comment) bool { return c.ID == id })
	switch {
	case i < 0:
		return nil, refuse(http.StatusNotFound, "", "Comment not found: no comment %+q in discussion %d", id, d.Num)
	case d.comments[i].Hidden:
		return nil, refuse(http.StatusForbidden, "", "The comment %s is hidden", id)
	}
	return d.comments[i], nil
}

func (c *comment) edit(h *Hub, text, by string) {
	c.Content, c.editor, c.updatedAt = &text, by, h.now()
	c.edits++
}

func (c *comment) hide(by string) { c.Hidden, c.Content, c.hiddenBy = true, nil, by }

// now is the time in the precision that the Hub writes.
func (h *Hub) now() time.Time { return h.cfg.Now().UTC().Truncate(time.Millisecond) }
