package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// LookUpRepo returns the Hub's data of a repo in the form of payloads: id, visibility,
// head (not of a bucket), subdomain (of a Space), tags and owner. The Hub names the
// owner, and its id takes another call: if that fails, Owner is empty. A repo that does
// not exist, or that the token may not see, is [ErrNotFound].
func (c *Client) LookUpRepo(ctx context.Context, repo Repo) (PayloadRepo, error) {
	var info struct {
		ID        string `json:"_id"`
		Author    string
		SHA       string
		Private   bool
		Tags      []string
		Subdomain string
	}
	r := request{
		op: "look up " + repo.String(), method: http.MethodGet, path: repo.URLs("").API, reads: true,
		into: func(body []byte) error { return readJSON(&info)(body) },
	}
	if _, err := ParseRepo(repo.String()); err != nil {
		return PayloadRepo{}, c.invalid(r, err)
	}
	if err := c.call(ctx, r); err != nil {
		return PayloadRepo{}, err
	}
	found := PayloadRepo{
		Type: repo.Type, Name: repo.Name, URL: repo.URLs(c.endpoint),
		ID: info.ID, Private: info.Private, Tags: info.Tags,
	}
	if repo.Type != RepoTypeBucket {
		found.HeadSHA = info.SHA
	}
	if repo.Type == RepoTypeSpace {
		found.Subdomain = info.Subdomain
	}
	if info.Author != "" {
		found.Owner, _ = c.lookUpAccount(ctx, info.Author) // it stays empty
	}
	return found, nil
}

// lookUpAccount returns a user or an organization. The Hub has a call for each, and
// nothing says which it is.
func (c *Client) lookUpAccount(ctx context.Context, name string) (Account, error) {
	var account Account
	for _, kind := range []string{"users", "organizations"} {
		var overview struct {
			ID string `json:"_id"`
		}
		err := c.call(ctx, request{
			op: "look up " + name, method: http.MethodGet, path: "/api/" + kind + "/" + url.PathEscape(name) + "/overview", reads: true,
			into: readJSON(&overview),
		})
		if account.ID = overview.ID; err == nil || !errors.Is(err, ErrNotFound) {
			return account, err
		}
	}
	return account, fmt.Errorf("look up %s: %w", name, ErrNotFound)
}

// LookUpDiscussion returns the newest discussion of a repo, or its newest pull
// request, as payloads have it. It is nil if there is none. What the Hub does not
// say is empty.
func (c *Client) LookUpDiscussion(ctx context.Context, repo Repo, pullRequest bool) (*Discussion, error) {
	path, kind := repo.URLs("").API+"/discussions", "discussion"
	if pullRequest {
		kind = "pull_request"
	}
	var list struct {
		Discussions []struct {
			Num           int
			IsPullRequest bool
		}
	}
	if err := c.call(ctx, request{
		op: "list the discussions of " + repo.String(), method: http.MethodGet, path: path + "?type=" + kind, reads: true,
		into: readJSON(&list),
	}); err != nil {
		return nil, err
	}
	num := 0
	for _, d := range list.Discussions {
		if d.IsPullRequest == pullRequest {
			num = max(num, d.Num)
		}
	}
	if num == 0 {
		return nil, nil
	}
	var found struct {
		UnderscoreID string `json:"_id"`
		ID           string
		Title        string
		Status       DiscussionStatus
		Author       struct {
			ID string `json:"_id"`
		}
		Changes *Changes
	}
	if err := c.call(ctx, request{
		op: fmt.Sprintf("look up discussion %d of %s", num, repo), method: http.MethodGet, path: path + "/" + strconv.Itoa(num), reads: true,
		into: readJSON(&found),
	}); err != nil {
		return nil, err
	}
	return &Discussion{
		ID: cmp.Or(found.UnderscoreID, found.ID), Num: num, Title: found.Title, Status: cmp.Or(found.Status, DiscussionOpen),
		Author: Account{ID: found.Author.ID}, URL: DiscussionURLs(repo.URLs(c.endpoint), num),
		IsPullRequest: pullRequest, Changes: found.Changes,
	}, nil
}
