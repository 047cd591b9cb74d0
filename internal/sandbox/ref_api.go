package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// listRefs answers GET …/refs: branches, converts and tags, and with
// include_prs=1 the refs of pull requests.
func listRefs(a *hubChange, c *repoCall) (any, error) {
	list := func(prefix string) []object {
		refs := []object{}
		for _, ref := range slices.Sorted(maps.Keys(c.repo.refs)) {
			if name, ok := strings.CutPrefix(ref, prefix); ok {
				refs = append(refs, object{{"name", name}, {"ref", ref}, {"targetCommit", c.repo.refs[ref]}})
			}
		}
		return refs
	}
	answer := object{{"tags", list("refs/tags/")}, {"branches", list("refs/heads/")}, {"converts", list("refs/convert/")}}
	if isTrue(c.r.URL.Query().Get("include_prs")) {
		answer = answer.set("pullRequests", list("refs/pr/"))
	}
	return answer, nil
}

// isTrue reads a flag of a query.
func isTrue(word string) bool { return word == "1" || strings.EqualFold(word, "true") }

// optionalBody reads the body of a call, which may be left out.
func optionalBody(c *repoCall, into any) error {
	if len(c.body) == 0 {
		return nil
	}
	return jsonBody(c.r, into)
}

// createBranch answers POST …/branch/NAME: at the head of main, at another
// revision, or without files.
func createBranch(a *hubChange, c *repoCall) (any, error) {
	var body struct {
		StartingPoint string `json:"startingPoint"`
		EmptyBranch   bool   `json:"emptyBranch"`
		Overwrite     bool   `json:"overwrite"`
	}
	if err := optionalBody(c, &body); err != nil {
		return nil, err
	}
	r, ref := c.repo, "refs/heads/"+strings.Join(c.vars, "/")
	exists := r.refs[ref] != ""
	if exists && body.Overwrite && body.StartingPoint == "" && !body.EmptyBranch {
		return nil, nil // as documented by the JavaScript client
	}
	if err := r.freeRef(ref, body.Overwrite); err != nil {
		return nil, err
	}
	start, err := r.revision(body.StartingPoint)
	if err == nil && body.EmptyBranch {
		start, err = r.addCommit(a.h, commit{title: "initial commit", author: c.token.user.name, files: tree{}})
	}
	if err != nil {
		return nil, err
	}
	return nil, a.sendRefs(r, r.setRef(ref, start.sha))
}

// deleteBranch answers DELETE …/branch/NAME.
func deleteBranch(a *hubChange, c *repoCall) (any, error) { return nil, a.deleteRef(c, "refs/heads/") }

// createTag answers POST …/tag/REV, whose body names the tag.
func createTag(a *hubChange, c *repoCall) (any, error) {
	var body struct {
		Tag     string `json:"tag"`
		Message string `json:"message"` // of the tag; nothing shows it
	}
	if err := jsonBody(c.r, &body); err != nil {
		return nil, err
	}
	at, err := c.repo.revision(strings.Join(c.vars, "/"))
	if err != nil {
		return nil, err
	}
	update, err := c.repo.newRef("refs/tags/"+body.Tag, at.sha)
	if err != nil {
		return nil, err
	}
	return nil, a.sendRefs(c.repo, update)
}

// deleteTag answers DELETE …/tag/NAME.
func deleteTag(a *hubChange, c *repoCall) (any, error) { return nil, a.deleteRef(c, "refs/tags/") }

func (a *hubChange) deleteRef(c *repoCall, prefix string) error {
	update, err := c.repo.deleteRef(prefix + strings.Join(c.vars, "/"))
	if err != nil {
		return err
	}
	return a.sendRefs(c.repo, []hub.RefUpdate{update}...)
}

const (
	usualCommits = 50 // commits on a page when the call does not say
	mostCommits  = 1000
)

// listCommits answers GET …/commits/REV: a page of the history, with a link to
// the next one.
func listCommits(a *hubChange, c *repoCall) (any, error) {
	at, err := c.repo.revision(strings.Join(c.vars, "/"))
	if err != nil {
		return nil, err
	}
	query := c.r.URL.Query()
	limit, err := pageNumber(query, "limit", usualCommits, 1, mostCommits)
	if err != nil {
		return nil, err
	}
	page, err := pageNumber(query, "p", 0, 0, 1<<30)
	if err != nil {
		return nil, err
	}
	all := at.history()
	c.header.Set("X-Total-Count", itoa(len(all)))
	if (page+1)*limit < len(all) {
		query.Set("p", itoa(page+1))
		// The address that the call went to, and not that of payloads: the client
		// sends its token along.
		next := fmt.Sprintf("http://%s%s?%s", c.r.Host, c.r.URL.EscapedPath(), query.Encode())
		c.header.Set("Link", "<"+next+`>; rel="next"`)
	}
	list := []object{}
	for _, one := range all[min(page*limit, len(all)):min((page+1)*limit, len(all))] {
		list = append(list, one.shown(a.h))
	}
	return list, nil
}

// pageNumber reads a number of a query.
func pageNumber(query url.Values, key string, usual, least, most int) (int, error) {
	text := query.Get(key)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, refuse(http.StatusBadRequest, "", "Invalid %q: want a number from %d to %d", key, least, most)
	}
	return n, nil
}

// shown is what the API shows of a commit.
func (c *commit) shown(h *Hub) object {
	authors := []object{}
	if c.author != "" {
		authors = append(authors, object{{"user", c.author}, {"avatar", h.avatarOf(c.author)}})
	}
	return object{{"id", c.sha}, {"title", c.title}, {"message", c.message}, {"authors", authors}, {"date", isoTime(c.date)}}
}
