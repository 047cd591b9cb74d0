package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// repo is a repo of this Hub. Payloads contain its hub.PayloadRepo.
type repo struct {
	hub.PayloadRepo
	owner       *account
	createdAt   time.Time
	sdk         string             // of a Space
	refs        map[string]string  // shas by ref; a bucket has none
	commits     map[string]*commit // by sha
	commitCount int
	stored      int                       // what the commits cost, in bytes
	discussions []*discussion             // number n stands at n-1
	noTalk      bool                      // discussions are disabled
	gated       any                       // false, "auto" or "manual"
	files       map[string]hub.FileUpdate // of a bucket
}

func repoKey(w hub.Repo) string { return string(w.Type) + ":" + strings.ToLower(w.Name) }

// repo finds a repo under its present name or a former one, nil if there is
// none. The caller holds mu.
func (h *Hub) repo(w hub.Repo) *repo { return h.repos[repoKey(w)] }

// mustRepo finds a repo, or says that there is none.
func (h *Hub) mustRepo(w hub.Repo) (*repo, error) {
	if r := h.repo(w); r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("no repo %q", w)
}

// gitRepo finds a repo that has refs and discussions, which buckets have not.
func (h *Hub) gitRepo(w hub.Repo) (*repo, error) {
	r, err := h.mustRepo(w)
	if err == nil && r.Type == "bucket" {
		err = fmt.Errorf("%q is a bucket: it has no refs and no discussions", w)
	}
	return r, err
}

// visibleTo reports whether an account may see a repo: everybody a public one,
// its owner and the owner's members a private one.
func (r *repo) visibleTo(a *account) bool {
	return !r.Private || r.owner.has(a)
}

// has reports whether an account acts for o: it is o, or a member of it. A nil
// account is somebody without a token.
func (o *account) has(a *account) bool {
	return a != nil && (o == a || slices.Contains(o.members, strings.ToLower(a.name)))
}

// AddRepo adds a repo without an event, as if it had always been there. Its owner is
// added as a user if it does not exist. Old canonical names, without a slash, belong to
// the organization "huggingface". An existing repo stays as it is, except for its
// visibility.
func (h *Hub) AddRepo(w hub.Repo, private bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, err := h.addRepo(w)
	if err == nil {
		r.Private = private
	}
	return err
}

// addRepo returns the repo of a name, and makes it if there is none. The
// caller holds mu.
func (h *Hub) addRepo(w hub.Repo) (*repo, error) {
	if r := h.repo(w); r != nil {
		return r, nil
	}
	return h.newRepo(w, "static", nil)
}

// newRepo makes a repo with an initial commit that holds some files. A former
// name of another repo leads to the new one from then on. The caller holds mu.
func (h *Hub) newRepo(w hub.Repo, sdk string, files tree) (*repo, error) {
	// A sample knows what is a repo and what is not.
	if _, err := event.Sample("repo.create", w, event.SampleOptions{}); err != nil {
		return nil, fmt.Errorf("adding the repo %q: %w", w, err)
	}
	owner, err := h.addOwner(w.Name)
	if err != nil {
		return nil, fmt.Errorf("adding the repo %q: %w", w, err)
	}
	r := &repo{PayloadRepo: h.parts.Repo(w), owner: owner, createdAt: h.now(), gated: false}
	if n := h.born[repoKey(w)] + 1; n > 1 {
		r.ID = h.parts.ID("repo", string(w.Type), w.Name, itoa(n)) // another repo than the one that had the name
	}
	if w.Type == "bucket" {
		r.files = map[string]hub.FileUpdate{}
	} else {
		r.refs, r.commits = map[string]string{}, map[string]*commit{}
	}
	if w.Type == "space" {
		r.sdk = sdk
	}
	if r.refs != nil {
		first, err := r.addCommit(h, r.firstCommit(files))
		if err != nil {
			return nil, fmt.Errorf("adding the repo %q: %w", w, err)
		}
		r.setRef(mainRef, first.sha)
	}
	h.born[repoKey(w)]++
	h.repos[repoKey(w)] = r
	return r, nil
}

// taken reports whether a repo has a name now; a former name is free.
func (h *Hub) taken(w hub.Repo) bool {
	r := h.repo(w)
	return r != nil && strings.EqualFold(r.Name, w.Name)
}

const mainRef = "refs/heads/main"

// CreateRepo makes a repo, as AddRepo does, and sends repo.create. An existing repo is
// an error.
func (h *Hub) CreateRepo(w hub.Repo, private bool) error {
	return h.change(func(a *hubChange) error {
		if h.taken(w) {
			return fmt.Errorf("creating the repo %q: it exists", w)
		}
		r, err := h.newRepo(w, "static", nil)
		if err != nil {
			return err
		}
		r.Private = private
		return a.send("repo.create", r, nil)
	})
}

// UpdateRepo sets a repo's tags and sends repo.update.
func (h *Hub) UpdateRepo(w hub.Repo, tags ...string) error {
	return h.change(func(a *hubChange) error {
		r, err := h.mustRepo(w)
		if err != nil {
			return err
		}
		r.Tags = slices.Clone(tags)
		return a.send("repo.update", r, nil)
	})
}

// DeleteRepo sends repo.delete and deletes the repo. Webhooks go on watching its name.
func (h *Hub) DeleteRepo(w hub.Repo) error {
	return h.change(func(a *hubChange) error {
		r, err := h.mustRepo(w)
		if err != nil {
			return err
		}
		return a.deleteRepo(r)
	})
}

func (a *hubChange) deleteRepo(r *repo) error {
	a.h.stored -= r.stored
	for key, other := range a.h.repos { // former names too
		if other == r {
			delete(a.h.repos, key)
		}
	}
	return a.send("repo.delete", r, nil)
}

// MoveRepo gives a repo a new name, and perhaps a new owner, who is added as a user if
// necessary. repo.move, which still has the old name, goes to those who watch the repo
// or either owner. Webhooks that watch the repo follow it, and the old name leads to it
// until another repo takes that.
func (h *Hub) MoveRepo(w hub.Repo, newName string) error {
	return h.change(func(a *hubChange) error {
		r, err := h.mustRepo(w)
		if err != nil {
			return err
		}
		return a.moveRepo(r, newName)
	})
}

func (a *hubChange) moveRepo(r *repo, newName string) error {
	h := a.h
	to := hub.Repo{Type: r.Type, Name: newName}
	if h.taken(to) && h.repo(to) != r {
		return refuse(http.StatusConflict, "", "moving the repo %+q to %+q: the name is taken", r.Repo(), newName)
	}
	if _, err := event.Sample("repo.create", to, event.SampleOptions{}); err != nil {
		return fmt.Errorf("moving the repo %q: %w", r.Repo(), err)
	}
	owner, err := h.addOwner(newName)
	if err != nil {
		return fmt.Errorf("moving the repo %q: %w", r.Repo(), err)
	}
	moved := &hub.MovedTo{Name: newName, Owner: hub.Account{ID: owner.id}}
	if err := a.sendAlsoTo(owner, "repo.move", r, func(p *hub.Payload) { p.MovedTo = moved }); err != nil {
		return err
	}
	old := r.Repo()
	for _, hook := range h.webhooks {
		hook.Watched = slices.Clone(hook.Watched)
		for i, watched := range hook.Watched {
			if watched.Type == hub.WatchType(old.Type) && strings.EqualFold(watched.Name, old.Name) {
				hook.Watched[i].Name, hook.Watched[i].AvatarURL = newName, h.avatar(owner)
			}
		}
	}
	fresh := h.parts.Repo(to)
	r.Name, r.URL, r.Subdomain, r.Owner, r.owner = fresh.Name, fresh.URL, fresh.Subdomain, hub.Account{ID: owner.id}, owner
	h.repos[repoKey(to)] = r
	return nil
}

// addOwner returns the account that a repo of this name belongs to, and makes it
// where there is none. The caller holds mu.
func (h *Hub) addOwner(repoName string) (*account, error) {
	name := event.OwnerOf(repoName)
	if a := h.account(name); a != nil {
		return a, nil
	}
	return h.addAccount(name, !strings.Contains(repoName, "/"))
}

// ChangeVisibility makes a repo public or private and sends repo.config.update with
// that. Webhooks get it if their owner could see the repo before or can see it now.
func (h *Hub) ChangeVisibility(w hub.Repo, private bool) error {
	return h.change(func(a *hubChange) error {
		r, err := h.mustRepo(w)
		if err != nil {
			return err
		}
		return a.configure(r, true, private)
	})
}

// ChangeConfig sends the repo.config.update of a setting that the Hub does not show:
// updatedConfig is {}.
func (h *Hub) ChangeConfig(w hub.Repo) error {
	return h.change(func(a *hubChange) error {
		r, err := h.mustRepo(w)
		if err != nil {
			return err
		}
		return a.configure(r, false, r.Private)
	})
}

func (a *hubChange) configure(r *repo, visibility, private bool) error {
	fill := func(p *hub.Payload) {
		p.Repo.Private = private
		p.UpdatedConfig = event.UpdatedConfig(visibility, private)
	}
	if private {
		err := a.send("repo.config.update", r, fill) // to those who can still see it
		r.Private = true
		return err
	}
	r.Private = false
	return a.send("repo.config.update", r, fill)
}
