package sandbox

import (
	"fmt"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// PushCommit puts a commit onto a ref, "refs/heads/main" when it is empty,
// which has to be there, and sends repo.content.update. It gives the commit's
// sha.
func (h *Hub) PushCommit(w hub.Watch, ref string) (sha string, err error) {
	if ref == "" {
		ref = mainRef
	}
	err = h.onRefs(w, func(a *act, r *repo) ([]hub.RefUpdate, error) {
		if r.refs[ref] == "" {
			return nil, fmt.Errorf("pushing to %q: no ref %q", w, ref)
		}
		sha = r.nextSHA(h)
		return []hub.RefUpdate{r.setRef(ref, sha)}, nil
	})
	return sha, err
}

// PushTag puts a tag onto the head of main and sends repo.content.update.
func (h *Hub) PushTag(w hub.Watch, tag string) error {
	return h.onRefs(w, func(a *act, r *repo) ([]hub.RefUpdate, error) {
		return r.newRef("refs/tags/"+tag, r.HeadSHA)
	})
}

// CreateBranch starts a branch at the head of main and sends
// repo.content.update.
func (h *Hub) CreateBranch(w hub.Watch, branch string) error {
	return h.onRefs(w, func(a *act, r *repo) ([]hub.RefUpdate, error) {
		return r.newRef("refs/heads/"+branch, r.HeadSHA)
	})
}

// DeleteBranch takes a branch away, not main, and sends repo.content.update.
func (h *Hub) DeleteBranch(w hub.Watch, branch string) error {
	return h.onRefs(w, func(a *act, r *repo) ([]hub.RefUpdate, error) {
		ref := "refs/heads/" + branch
		if ref == mainRef || r.refs[ref] == "" {
			return nil, fmt.Errorf("deleting the branch %q of %q: there is none, or it is main", branch, w)
		}
		return []hub.RefUpdate{r.setRef(ref, "")}, nil
	})
}

// onRefs changes refs of a repo and sends what changed as one event.
func (h *Hub) onRefs(w hub.Watch, change func(*act, *repo) ([]hub.RefUpdate, error)) error {
	return h.act(func(a *act) error {
		r, err := h.gitRepo(w)
		if err != nil {
			return err
		}
		refs, err := change(a, r)
		if err != nil {
			return err
		}
		return a.sendRefs(r, refs)
	})
}

func (a *act) sendRefs(r *repo, refs []hub.RefUpdate) error {
	return a.send("repo.content.update", r, func(p *hub.Payload) { p.UpdatedRefs = refs })
}

func (r *repo) newRef(ref, sha string) ([]hub.RefUpdate, error) {
	if r.refs[ref] != "" || strings.HasSuffix(ref, "/") {
		return nil, fmt.Errorf("creating %q in %q: it exists, or has no name", ref, r.watch())
	}
	return []hub.RefUpdate{r.setRef(ref, sha)}, nil
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

// pushCommit is the plain push to main, or an upload to a bucket.
func (a *act) pushCommit(r *repo) error {
	if r.Type == "bucket" {
		f := a.h.parts.File(fmt.Sprintf("data/part-%05d.parquet", len(r.files)))
		r.files[f.Path] = f
		return a.sendFiles(r, []hub.FileUpdate{f})
	}
	return a.sendRefs(r, []hub.RefUpdate{r.setRef(mainRef, r.nextSHA(a.h))})
}

// HeadSHA gives the head of a repo's main branch; a bucket has none.
func (h *Hub) HeadSHA(w hub.Watch) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, err := h.gitRepo(w)
	if err != nil {
		return "", err
	}
	return r.HeadSHA, nil
}

func pullRef(num int) string { return "refs/pr/" + itoa(num) }
