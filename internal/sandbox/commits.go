package sandbox

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/hub"
)

const (
	// maxFile is the largest file of a commit, in bytes. It is what the Hub takes
	// without Git LFS, which the sandbox does not have.
	maxFile = 10 << 20
	// entryCost is what one file name in one commit counts for in Config.MaxStored.
	entryCost = 100
)

// blob is the content of a file.
type blob struct {
	oid  string // as git computes it, so that clients can compare
	data []byte // read only
}

func newBlob(data []byte) *blob {
	sum := sha1.New()
	fmt.Fprintf(sum, "blob %d\x00", len(data))
	sum.Write(data)
	return &blob{oid: hex.EncodeToString(sum.Sum(nil)), data: data}
}

// tree is the files of a commit by their paths. Trees of commits are read only.
type tree map[string]*blob

// commit is one commit of a repo. It is read only once it has a sha.
type commit struct {
	sha            string
	title, message string
	author         string // a user's name, empty for an invented user
	date           time.Time
	parent         *commit // nil for the first one of a branch
	files          tree
	changed        []string // paths of files that the parent has not, or otherwise, in order
}

// compare fills in what a new commit changes.
func (c *commit) compare() {
	before := tree{}
	if c.parent != nil {
		before = c.parent.files
	}
	all := maps.Clone(before)
	maps.Copy(all, c.files)
	for path := range all {
		if before[path].id() != c.files[path].id() {
			c.changed = append(c.changed, path)
		}
	}
	slices.Sort(c.changed)
}

// cost is the number of bytes that a commit adds to its repo.
func (c *commit) cost() int {
	n := len(c.files) * entryCost
	for _, path := range c.changed {
		if b := c.files[path]; b != nil {
			n += len(b.data)
		}
	}
	return n
}

// addCommit adds a commit to the repo's store, without moving a ref to it. The
// error says that there is no room for it.
func (r *repo) addCommit(h *Hub, c commit) (*commit, error) {
	c.compare()
	cost := c.cost()
	if h.stored+cost > h.cfg.MaxStored {
		return nil, refuse(http.StatusInsufficientStorage, "", "the sandbox keeps at most %d bytes of files: delete a repo to make room", h.cfg.MaxStored)
	}
	r.stored += cost
	h.stored += cost
	r.commitCount++
	c.sha = h.parts.SHA("commit", r.ID, itoa(r.commitCount))
	c.date = h.now()
	r.commits[c.sha] = &c
	return &c, nil
}

// firstCommit is what a new repo begins with, besides the files that it was
// created with.
func (r *repo) firstCommit(files tree) commit {
	all := tree{".gitattributes": newBlob([]byte("*.safetensors filter=lfs diff=lfs merge=lfs -text\n"))}
	if r.Type == "space" {
		card := "---\ntitle: " + baseName(r.Name) + "\nsdk: " + r.sdk + "\n---\n"
		all["README.md"] = newBlob([]byte(card))
	}
	maps.Copy(all, files)
	return commit{title: "initial commit", author: r.owner.name, files: all}
}

// baseName is a repo's name without its owner.
func baseName(repoName string) string { return repoName[strings.LastIndexByte(repoName, '/')+1:] }

// updateReadme makes a commit on a ref that changes README.md: a push whose
// content nobody asked for.
func (r *repo) updateReadme(h *Hub, ref string) (*commit, error) {
	parent := r.commits[r.refs[ref]]
	files := maps.Clone(parent.files)
	files["README.md"] = newBlob(fmt.Appendf(nil, "# %s\n\nRevision %d.\n", baseName(r.Name), r.commitCount+1))
	return r.addCommit(h, commit{title: "Update README.md", parent: parent, files: files})
}

var shaPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)

// branchRef is the ref of a revision that one can commit to: a branch, by its
// name or its ref, or a pull request's ref. It is empty for any other.
func (r *repo) branchRef(rev string) string {
	if rev == "HEAD" || rev == "" {
		return mainRef
	}
	ref := rev
	if !strings.HasPrefix(rev, "refs/") {
		ref = "refs/heads/" + rev
	}
	if r.refs[ref] == "" || strings.HasPrefix(ref, "refs/tags/") {
		return ""
	}
	return ref
}

// revision finds the commit of a branch, a tag, a ref or a sha.
func (r *repo) revision(rev string) (*commit, error) {
	if ref := r.branchRef(rev); ref != "" {
		return r.commits[r.refs[ref]], nil
	}
	for _, ref := range []string{rev, "refs/tags/" + rev} {
		if sha := r.refs[ref]; sha != "" {
			return r.commits[sha], nil
		}
	}
	if c := r.commits[rev]; shaPattern.MatchString(rev) && c != nil {
		return c, nil
	}
	return nil, refuse(http.StatusNotFound, "RevisionNotFound", "Invalid rev id: %+q", rev)
}

// history lists a commit and the ones before it, the newest first.
func (c *commit) history() []*commit {
	var all []*commit
	for ; c != nil; c = c.parent {
		all = append(all, c)
	}
	return all
}

// lastChange is the newest commit of c's history that changed a file.
func (c *commit) lastChange(path string) *commit {
	for ; c.parent != nil; c = c.parent {
		if _, found := slices.BinarySearch(c.changed, path); found {
			break
		}
	}
	return c
}

// lastChanges is, for each file and folder, the newest commit of c's history
// that changed it or anything in it.
func (c *commit) lastChanges() map[string]*commit {
	last := map[string]*commit{}
	for ; c != nil; c = c.parent {
		for _, path := range c.changed {
			for _, each := range append(parents(path), path) {
				if last[each] == nil {
					last[each] = c
				}
			}
		}
	}
	return last
}

// parents lists the folders that a path stands in, the outermost first.
func parents(path string) []string {
	var all []string
	for i, r := range path {
		if r == '/' {
			all = append(all, path[:i])
		}
	}
	return all
}

// folders lists the folders of a tree, with what identifies the files below.
func (t tree) folders() map[string]string {
	sums := map[string]hash.Hash{}
	for _, path := range t.paths() {
		for _, folder := range parents(path) {
			if sums[folder] == nil {
				sums[folder] = sha1.New()
			}
			fmt.Fprintf(sums[folder], "%s %s\x00", t[path].oid, path[len(folder):])
		}
	}
	ids := make(map[string]string, len(sums))
	for folder, sum := range sums {
		ids[folder] = hex.EncodeToString(sum.Sum(nil))
	}
	return ids
}

// base is the newest commit that two histories share, nil if there is none.
func (c *commit) base(other *commit) *commit {
	shared := map[*commit]bool{}
	for _, ancestor := range other.history() {
		shared[ancestor] = true
	}
	for ; c != nil && !shared[c]; c = c.parent {
	}
	return c
}

// since lists the commits of c's history that the other history has not, the
// oldest first.
func (c *commit) since(other *commit) []*commit {
	base := c.base(other)
	var all []*commit
	for ; c != base; c = c.parent {
		all = append(all, c)
	}
	slices.Reverse(all)
	return all
}

// mergeInto applies what c changed since it left the target's history to the
// target. Files that both changed, each in its own way, are conflicts, and so
// is a file of one that is a folder of the other.
func (c *commit) mergeInto(target *commit) (merged tree, conflicts []string) {
	before := tree{}
	if base := c.base(target); base != nil {
		before = base.files
	}
	merged = maps.Clone(target.files)
	paths := maps.Clone(before)
	maps.Copy(paths, c.files)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		was, mine, theirs := before[path].id(), c.files[path].id(), target.files[path].id()
		switch {
		case mine == was || mine == theirs:
		case theirs != was:
			conflicts = append(conflicts, path)
		case c.files[path] == nil:
			delete(merged, path)
		default:
			merged[path] = c.files[path]
		}
	}
	if path := merged.clash(); path != "" && len(conflicts) == 0 {
		conflicts = []string{path}
	}
	return merged, conflicts
}

// id is a blob's id, empty for a file that does not exist.
func (b *blob) id() string {
	if b == nil {
		return ""
	}
	return b.oid
}

// clash returns a path that is both a file and a folder, empty if there is none.
func (t tree) clash() string {
	for path := range t {
		for _, folder := range parents(path) {
			if t[folder] != nil {
				return folder
			}
		}
	}
	return ""
}

// valid checks the files of a commit.
func (t tree) valid() error {
	if path := t.clash(); path != "" {
		return refuse(http.StatusBadRequest, "", "Invalid paths: %+q would be a file and a folder", path)
	}
	return nil
}

// paths lists the files in the order of their names.
func (t tree) paths() []string { return slices.Sorted(maps.Keys(t)) }

// refPattern is what git takes as a name of a branch or tag, in ASCII.
var refPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+@-]*(/[A-Za-z0-9_][A-Za-z0-9._+@-]*)*$`)

// validRef checks the ref of a new branch or tag.
func validRef(ref string) error {
	what, name := "branch", strings.TrimPrefix(ref, "refs/heads/")
	if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		what, name = "tag", tag
	}
	if !refPattern.MatchString(name) || len(name) > 200 || strings.Contains(name, "..") || strings.HasSuffix(name, ".") ||
		strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "refs/") || name == "HEAD" || shaPattern.MatchString(name) {
		return refuse(http.StatusBadRequest, "", "Invalid reference for a %s: %+q", what, name)
	}
	return nil
}

// validPath reports whether a file of a repo can have a path. Like git it
// refuses paths that lead out of the repo or into a .git folder.
func validPath(path string) bool {
	if path == "" || len(path) > 1000 || !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git") || len(part) > 255 {
			return false
		}
	}
	return true
}

// validRepo checks the new name of a repo, as far as the Hub's rules are known.
func validRepo(w hub.Repo) error {
	owner, name, _ := strings.Cut(w.Name, "/")
	_, err := hub.ParseRepo(w.String())
	if err != nil || owner == "" || name == "" || len(name) > 96 || strings.Contains(name, "..") || strings.Contains(name, "--") ||
		strings.Trim(name, "-.") != name || strings.HasSuffix(name, ".git") || strings.HasSuffix(name, ".ipynb") {
		return refuse(http.StatusBadRequest, "", "Invalid repo name %+q: it has the form owner/name, with at most 96 letters, digits, '-', '_' and '.' in the name, "+
			"no '--' and '..', no '-' and '.' at its ends, and no .git and .ipynb behind it", w.Name)
	}
	return nil
}
