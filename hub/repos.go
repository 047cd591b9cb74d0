package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// ListRepos returns the models, datasets or Spaces of a user or an organization, at most
// 100, private ones among them if the token may read those. The Hub has no list of
// the other types.
func (c *Client) ListRepos(ctx context.Context, typ RepoType, owner string) ([]Repo, error) {
	var list []struct {
		ID string `json:"id"` // "me/m"
	}
	err := c.call(ctx, request{
		op: fmt.Sprintf("list the %ss of %s", typ, owner), method: http.MethodGet, reads: true,
		path: "/api/" + url.PathEscape(string(typ)) + "s?limit=100&author=" + url.QueryEscape(owner),
		into: func(body []byte) error { return json.Unmarshal(body, &list) },
	})
	var repos []Repo
	for _, item := range list {
		repos = append(repos, Repo{Type: typ, Name: item.ID})
	}
	return repos, err
}
