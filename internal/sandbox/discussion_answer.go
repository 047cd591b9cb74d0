package sandbox

import (
	"html"
	"slices"
)

// author is a user in the form of the API, nil for an invented user: the Hub leaves out
// the authors of deleted accounts.
func (h *Hub) author(name string) object {
	if name == "" {
		return nil
	}
	id := h.parts.Account(name).ID
	return object{
		{"_id", id}, {"avatarUrl", h.avatarOf(name)}, {"fullname", name}, {"name", name}, {"type", "user"},
		{"isPro", false}, {"isHf", false}, {"isHfAdmin", false}, {"isMod", false},
	}
}

// withAuthor adds an author to an answer, if there is one to show.
func (h *Hub) withAuthor(o object, name string) object {
	if author := h.author(name); author != nil {
		return o.set("author", author)
	}
	return o
}

// summary is what the API shows of a discussion in a list.
func (h *Hub) summary(r *repo, d *discussion) object {
	o := h.withAuthor(object{{"num", d.Num}}, d.author)
	return append(o, object{
		{"repo", object{{"name", r.Name}, {"type", r.Type}}}, {"title", d.Title}, {"status", d.Status},
		{"createdAt", isoTime(d.createdAt)}, {"isPullRequest", d.IsPullRequest}, {"numComments", len(d.comments)},
		{"topReactions", []object{}}, {"numReactionUsers", 0}, {"pinned", d.pinned()},
		{"repoOwner", object{{"name", r.owner.name}, {"type", r.owner.kind()}}},
	}...)
}

func (d *discussion) pinned() bool { return d.Pinned != nil && *d.Pinned }

// kind is what the API calls an account.
func (o *account) kind() string {
	if o.org {
		return "org"
	}
	return "user"
}

// details is what the API shows of one discussion. The diff of a pull request
// is not computed.
func (h *Hub) details(r *repo, d *discussion) object {
	events := []object{}
	for _, e := range d.timeline {
		events = append(events, h.entry(r, d, e))
	}
	o := h.withAuthor(object{{"_id", d.ID}, {"collection", "discussions"}, {"num", d.Num}}, d.author)
	o = append(o, object{
		{"repo", object{{"name", r.Name}, {"type", r.Type}}}, {"title", d.Title}, {"status", d.Status},
		{"createdAt", isoTime(d.createdAt)}, {"isPullRequest", d.IsPullRequest}, {"pinned", d.pinned()}, {"locked", false},
		{"events", events},
	}...)
	if d.IsPullRequest {
		o = append(o, property{"changes", *d.Changes}, property{"filesWithConflicts", r.conflicts(d)})
	}
	return o
}

// conflicts lists the files that keep a pull request from being merged.
func (r *repo) conflicts(d *discussion) []string {
	head, target := r.commits[r.refs[pullRef(d.Num)]], r.commits[r.refs[d.Changes.Base]]
	if d.over() || target == nil {
		return []string{}
	}
	_, conflicts := head.mergeInto(target)
	return orEmpty(conflicts)
}

// entry is what the API shows of a line of the timeline.
func (h *Hub) entry(r *repo, d *discussion, e entry) object {
	o := object{{"id", e.id}}
	if author := h.author(e.author); author != nil {
		user := h.account(e.author)
		o = o.set("author", append(author, property{"isOwner", r.owner == user}, property{"isOrgMember", r.owner.org && r.owner.has(user)}))
	}
	o = o.set("createdAt", isoTime(e.at))
	typ, data := "", object{}
	switch x := e.data.(type) {
	case *comment:
		typ, data = "comment", h.commentData(x)
	case statusEntry:
		typ, data = "status-change", object{{"status", x.status}}
	case titleEntry:
		typ, data = "title-change", object{{"from", x.from}, {"to", x.to}}
	case pinEntry:
		typ, data = "pinning-change", object{{"pinned", x.pinned}}
	case commitEntry:
		typ, data = "commit", object{{"subject", x.title}, {"oid", x.sha}}
	}
	return append(o, property{"type", typ}, property{"data", data})
}

// commentData is what the API shows of a comment. Markdown is not rendered: the
// HTML shows it as it is written.
func (h *Hub) commentData(c *comment) object {
	raw := "This comment has been hidden"
	if c.Content != nil {
		raw = *c.Content
	}
	latest := object{{"raw", raw}, {"html", "<p>" + html.EscapeString(raw) + "</p>\n"}, {"updatedAt", isoTime(c.updatedAt)}}
	o := object{
		{"edited", c.edits > 0}, {"hidden", c.Hidden}, {"latest", h.withAuthor(latest, c.editor)}, {"numEdits", c.edits},
		{"editors", []string{}}, {"editorAvatarUrls", []string{}}, {"reactions", []object{}},
	}
	if c.editor != "" {
		o = o.set("editors", []string{c.editor}).set("editorAvatarUrls", []string{h.avatarOf(c.editor)})
	}
	if c.hiddenBy != "" {
		o = o.set("hiddenBy", c.hiddenBy)
	}
	return o
}

// lastEntry is the newest line of a timeline.
func (h *Hub) lastEntry(r *repo, d *discussion) object {
	return h.entry(r, d, d.timeline[len(d.timeline)-1])
}

// entryOf is the line of a comment.
func (h *Hub) entryOf(r *repo, d *discussion, c *comment) object {
	i := slices.IndexFunc(d.timeline, func(e entry) bool { return e.data == any(c) })
	return h.entry(r, d, d.timeline[i])
}
