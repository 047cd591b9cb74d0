package sandbox

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// mayTalk returns the refusal of a new comment or title in a repo without discussions.
func (c *repoCall) mayTalk() error {
	if c.repo.noTalk {
		return refuse(http.StatusForbidden, "", "Discussions are disabled for this repo")
	}
	return nil
}

// discussion finds the discussion that a path names.
func (c *repoCall) discussion() (*discussion, error) {
	num, err := strconv.Atoi(c.vars[0])
	if err != nil {
		num = 0
	}
	return c.repo.discussion(num)
}

// by reports whether a user opened a discussion.
func (d *discussion) by(user *account) bool { return user != nil && d.Author.ID == user.id }

// own returns a refusal unless the caller is the author, or may change the repo. do
// names the refused action.
func (c *repoCall) own(author string, do string) error {
	if c.token.user.id == author || c.repo.owner.has(c.token.user) {
		return nil
	}
	return refuse(http.StatusForbidden, "", "You don't have the rights to %s", do)
}

// required checks the text of a body.
func required(key, text string) error {
	if strings.TrimSpace(text) == "" {
		return refuse(http.StatusBadRequest, "", "%q is required", key)
	}
	return nil
}

// createDiscussion answers POST …/discussions. A pull request that is opened
// this way is a draft without commits, as the Python library documents it.
func createDiscussion(a *hubChange, c *repoCall) (any, error) {
	var body struct {
		Title       string `json:"title"`
		Description string `json:"description"`
		PullRequest bool   `json:"pullRequest"`
	}
	if err := jsonBody(c.r, &body); err != nil {
		return nil, err
	}
	if err := c.mayTalk(); err != nil {
		return nil, err
	}
	if err := required("title", body.Title); err != nil {
		return nil, err
	}
	r := c.repo
	d := a.h.newDiscussion(r, body.PullRequest, Post{Author: c.token.user.name, Title: strings.TrimSpace(body.Title)})
	d.comments[0].Content = &body.Description
	if body.PullRequest {
		d.Status = hub.DiscussionDraft
		r.setRef(pullRef(d.Num), r.refs[mainRef])
	}
	if err := a.sendOpened(r, d); err != nil {
		return nil, err
	}
	return object{{"num", d.Num}, {"pullRequest", d.IsPullRequest}, {"url", d.URL.Web}}, nil
}

// discussionDetails answers GET …/discussions/NUM.
func discussionDetails(a *hubChange, c *repoCall) (any, error) {
	d, err := c.discussion()
	if err != nil {
		return nil, err
	}
	return a.h.details(c.repo, d), nil
}

// deleteDiscussion answers DELETE …/discussions/NUM.
func deleteDiscussion(a *hubChange, c *repoCall) (any, error) {
	d, err := c.discussion()
	if err != nil {
		return nil, err
	}
	return nil, a.deleteDiscussion(c.repo, d)
}

// createComment answers POST …/discussions/NUM/comment.
func createComment(a *hubChange, c *repoCall) (any, error) {
	var body struct {
		Comment string `json:"comment"`
	}
	d, err := c.change(&body)
	if err == nil {
		err = required("comment", body.Comment)
	}
	if err != nil {
		return nil, err
	}
	event, err := a.comment(c, d, body.Comment)
	return object{{"newMessage", event}}, err
}

// comment adds a comment of the caller.
func (a *hubChange) comment(c *repoCall, d *discussion, text string) (object, error) {
	made := d.comment(a.h, Post{Author: c.token.user.name, Text: text})
	return a.h.lastEntry(c.repo, d), a.sendDiscussion("discussion.comment.create", c.repo, d, made)
}

// change reads the body of a change to a discussion.
func (c *repoCall) change(body any) (*discussion, error) {
	d, err := c.discussion()
	if err == nil {
		err = optionalBody(c, body)
	}
	if err == nil {
		err = c.mayTalk()
	}
	return d, err
}

// editComment answers POST …/comment/ID/edit, for the comment's author.
func editComment(a *hubChange, c *repoCall) (any, error) {
	var body struct {
		Content string `json:"content"`
	}
	return a.changeComment(c, &body, func(d *discussion, one *comment) error {
		if one.Author.ID != c.token.user.id {
			return refuse(http.StatusForbidden, "", "You don't have the rights to edit this comment")
		}
		if err := required("content", body.Content); err != nil {
			return err
		}
		return a.editComment(c.repo, d, one, body.Content, c.token.user.name)
	})
}

// hideComment answers POST …/comment/ID/hide.
func hideComment(a *hubChange, c *repoCall) (any, error) {
	var body struct{}
	return a.changeComment(c, &body, func(d *discussion, one *comment) error {
		if err := c.own(one.Author.ID, "hide this comment"); err != nil {
			return err
		}
		return a.hideComment(c.repo, d, one, c.token.user.name)
	})
}

// changeComment changes the comment that a path names and answers with it.
func (a *hubChange) changeComment(c *repoCall, body any, do func(*discussion, *comment) error) (any, error) {
	d, err := c.change(body)
	if err != nil {
		return nil, err
	}
	one, err := d.shown(c.vars[1])
	if err == nil {
		err = do(d, one)
	}
	if err != nil {
		return nil, err
	}
	return object{{"updatedComment", a.h.entryOf(c.repo, d, one)}}, nil
}

// renameDiscussion answers POST …/discussions/NUM/title.
func renameDiscussion(a *hubChange, c *repoCall) (any, error) {
	var body struct {
		Title string `json:"title"`
	}
	d, err := c.change(&body)
	if err == nil {
		err = required("title", body.Title)
	}
	if err == nil {
		err = c.own(d.Author.ID, "rename this discussion")
	}
	if err == nil {
		err = a.rename(c.repo, d, strings.TrimSpace(body.Title), c.token.user.name)
	}
	if err != nil {
		return nil, err
	}
	return object{{"newTitle", a.h.lastEntry(c.repo, d)}}, nil
}

// changeDiscussionStatus answers POST …/discussions/NUM/status. A comment that
// comes with it is written first.
func changeDiscussionStatus(a *hubChange, c *repoCall) (any, error) {
	var body struct {
		Status  hub.DiscussionStatus `json:"status"`
		Comment string               `json:"comment"`
	}
	d, err := c.change(&body)
	if err == nil {
		err = c.own(d.Author.ID, "change the status of this discussion")
	}
	if err == nil {
		err = d.canBecome(body.Status)
	}
	if err == nil && d.Status == body.Status {
		err = refuse(http.StatusBadRequest, "", "Discussion %d is %s already", d.Num, d.Status)
	}
	if err == nil && body.Comment != "" {
		_, err = a.comment(c, d, body.Comment)
	}
	if err == nil {
		err = a.changeStatus(c.repo, d, body.Status, c.token.user.name)
	}
	if err != nil {
		return nil, err
	}
	return object{{"newStatus", a.h.lastEntry(c.repo, d)}}, nil
}

// pinDiscussion answers POST …/discussions/NUM/pin.
func pinDiscussion(a *hubChange, c *repoCall) (any, error) {
	var body struct {
		Pinned *bool `json:"pinned"`
	}
	d, err := c.change(&body)
	switch {
	case err != nil:
		return nil, err
	case body.Pinned == nil:
		return nil, refuse(http.StatusBadRequest, "", `"pinned" is required`)
	}
	return nil, a.pin(c.repo, d, *body.Pinned, c.token.user.name)
}

// mergePullRequest answers POST …/discussions/NUM/merge.
func mergePullRequest(a *hubChange, c *repoCall) (any, error) {
	var body struct {
		Comment string `json:"comment"`
	}
	d, err := c.change(&body)
	if err != nil {
		return nil, err
	}
	if d.Status == hub.DiscussionDraft {
		return nil, refuse(http.StatusBadRequest, "", "Pull request %d is a draft: change its status to open first", d.Num)
	}
	_, err = a.merge(c.repo, d, c.token.user.name)
	if err == nil && body.Comment != "" {
		_, err = a.comment(c, d, body.Comment)
	}
	return nil, err
}

// discussionsPage is how many discussions one page lists.
const discussionsPage = 50

// listDiscussions answers GET …/discussions, the newest first.
func listDiscussions(a *hubChange, c *repoCall) (any, error) {
	query := c.r.URL.Query()
	page, err := pageNumber(query, "p", 0, 0, 1<<20)
	if err != nil {
		return nil, err
	}
	for key, words := range map[string]string{"type": " all discussion pull_request ", "status": " all open closed "} {
		if !strings.Contains(words, " "+query.Get(key)+" ") && query.Get(key) != "" {
			return nil, refuse(http.StatusBadRequest, "", "Invalid %q: want one of%s", key, strings.TrimSuffix(words, " "))
		}
	}
	all := []object{}
	closed := 0
	for i := len(c.repo.discussions) - 1; i >= 0; i-- {
		d := c.repo.discussions[i]
		if d.deleted {
			continue
		}
		if d.over() {
			closed++
		}
		if d.matches(query) {
			all = append(all, a.h.summary(c.repo, d))
		}
	}
	start := min(page*discussionsPage, len(all))
	return object{
		{"discussions", all[start:min(start+discussionsPage, len(all))]},
		{"count", len(all)}, {"start", page * discussionsPage}, {"numClosedDiscussions", closed},
	}, nil
}

// over reports whether a discussion is closed or merged.
func (d *discussion) over() bool {
	return d.Status == hub.DiscussionClosed || d.Status == hub.DiscussionMerged
}

// matches reports whether a discussion is one that a query asks for.
func (d *discussion) matches(query url.Values) bool {
	typ, status, author := query.Get("type"), query.Get("status"), query.Get("author")
	return (typ == "" || typ == "all" || (typ == "pull_request") == d.IsPullRequest) &&
		(status == "" || status == "all" || (status == "closed") == d.over()) &&
		(author == "" || strings.EqualFold(author, d.author)) &&
		strings.Contains(strings.ToLower(d.Title), strings.ToLower(query.Get("search")))
}
