package sandbox

import (
	"fmt"
	"net/http"

	"github.com/hf-tap/hf-tap/hub"
)

// PushCommit puts a commit that changes README.md onto a ref,
// "refs/heads/main" when it is empty, and sends repo.content.update. It gives
// the commit's sha. A ref that is missing is an error.
func (h *Hub) PushCommit(w hub.Repo, ref string) (sha string, err error) {
	if ref == "" {
		ref = mainRef
	}
	err = h.onRefs(w, func(a *hubChange, r *repo) (hub.RefUpdate, error) {
		if r.refs[ref] == "" {
			return hub.RefUpdate{}, fmt.Errorf("pushing to %q: no ref %q", w, ref)
		}
		c, err := r.updateReadme(h, ref)
		if err != nil {
			return hub.RefUpdate{}, fmt.Errorf("pushing to %q: %w", w, err)
		}
		sha = c.sha
		return a.h.moveRef(r, ref, c), nil
	})
	return sha, err
}

// PushTag puts a tag onto the head of main and sends repo.content.update.
func (h *Hub) PushTag(w hub.Repo, tag string) error {
	return h.onRefs(w, func(a *hubChange, r *repo) (hub.RefUpdate, error) {
		return r.newRef("refs/tags/"+tag, r.HeadSHA)
	})
}

// CreateBranch starts a branch at the head of main and sends
// repo.content.update.
func (h *Hub) CreateBranch(w hub.Repo, branch string) error {
	return h.onRefs(w, func(a *hubChange, r *repo) (hub.RefUpdate, error) {
		return r.newRef("refs/heads/"+branch, r.HeadSHA)
	})
}

// DeleteBranch deletes a branch, not main, and sends repo.content.update.
func (h *Hub) DeleteBranch(w hub.Repo, branch string) error {
	return h.onRefs(w, func(a *hubChange, r *repo) (hub.RefUpdate, error) {
		return r.deleteRef("refs/heads/" + branch)
	})
}

// onRefs changes a ref of a repo and sends the event.
func (h *Hub) onRefs(w hub.Repo, change func(*hubChange, *repo) (hub.RefUpdate, error)) error {
	return h.change(func(a *hubChange) error {
		r, err := h.gitRepo(w)
		if err != nil {
			return err
		}
		update, err := change(a, r)
		if err != nil {
			return err
		}
		return a.sendRefs(r, update)
	})
}

func (a *hubChange) sendRefs(r *repo, updates ...hub.RefUpdate) error {
	return a.send("repo.content.update", r, func(p *hub.Payload) { p.UpdatedRefs = updates })
}

// newRef makes a branch or tag.
func (r *repo) newRef(ref, sha string) (hub.RefUpdate, error) {
	if err := r.freeRef(ref, false); err != nil {
		return hub.RefUpdate{}, err
	}
	return r.setRef(ref, sha), nil
}

// freeRef checks that a branch or tag can be created, or replaced if it exists.
func (r *repo) freeRef(ref string, overwrite bool) error {
	if err := validRef(ref); err != nil {
		return err
	}
	if r.refs[ref] != "" && !overwrite {
		return refuse(http.StatusConflict, "", "Reference already exists: %+q", ref)
	}
	return nil
}

// deleteRef deletes a branch or tag; main stays.
func (r *repo) deleteRef(ref string) (hub.RefUpdate, error) {
	switch {
	case ref == mainRef:
		return hub.RefUpdate{}, refuse(http.StatusForbidden, "", "Cannot delete %s", ref)
	case r.refs[ref] == "":
		return hub.RefUpdate{}, refuse(http.StatusNotFound, "RevisionNotFound", "Reference does not exist: %+q", ref)
	}
	return r.setRef(ref, ""), nil
}

// setRef moves a ref, makes it, or deletes it when sha is empty.
func (r *repo) setRef(ref, sha string) hub.RefUpdate {
	u := hub.RefUpdate{Ref: ref}
	if old := r.refs[ref]; old != "" {
		u.OldSHA = &old
	}
	if sha == "" {
		delete(r.refs, ref)
		return u
	}
	u.NewSHA = &sha
	r.refs[ref] = sha
	if ref == mainRef {
		r.HeadSHA = sha
	}
	return u
}

// moveRef moves a ref to a new commit. A pull request whose ref it is shows the
// commit in its timeline.
func (h *Hub) moveRef(r *repo, ref string, c *commit) hub.RefUpdate {
	for _, d := range r.discussions {
		if d.IsPullRequest && !d.deleted && pullRef(d.Num) == ref {
			d.record(h, c.author, commitEntry{c.title, c.sha})
		}
	}
	return r.setRef(ref, c.sha)
}

// pushCommit is the plain push to main, or an upload to a bucket.
func (a *hubChange) pushCommit(r *repo) error {
	if r.Type == "bucket" {
		f := a.h.parts.File(fmt.Sprintf("data/part-%05d.parquet", len(r.files)))
		r.files[f.Path] = f
		return a.sendFiles(r, []hub.FileUpdate{f})
	}
	c, err := r.updateReadme(a.h, mainRef)
	if err != nil {
		return err
	}
	return a.sendRefs(r, a.h.moveRef(r, mainRef, c))
}

// HeadSHA returns the head of a repo's main branch; a bucket has none.
func (h *Hub) HeadSHA(w hub.Repo) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, err := h.gitRepo(w)
	if err != nil {
		return "", err
	}
	return r.HeadSHA, nil
}

func pullRef(num int) string { return "refs/pr/" + itoa(num) }
