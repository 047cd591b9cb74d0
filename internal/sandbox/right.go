package sandbox

import (
	"net/http"
	"slices"
)

// right is the permission that a call needs on a repo. Each includes the ones before.
type right int

const (
	toRead    right = iota
	toDiscuss       // open and write in discussions and pull requests
	toCommit        // change files, branches and tags
	toManage        // create, move, delete, change settings
)

// The permissions of fine-grained tokens that concern repos.
const (
	RepoRead        = "repo.content.read"
	RepoWrite       = "repo.write"
	DiscussionWrite = "discussion.write" // also a global one
)

// scopes are what an OAuth token needs one of.
var scopes = map[right][]string{
	toRead:    {"read-repos", "contribute-repos", "write-repos", "manage-repos"}, // private ones
	toDiscuss: {"write-discussions", "contribute-repos", "write-repos", "manage-repos"},
	toCommit:  {"write-repos", "manage-repos"},
	toManage:  {"manage-repos"},
}

// permissions are what a fine-grained token needs one of.
var permissions = map[right][]string{
	toRead:    {RepoRead, RepoWrite}, // private ones
	toDiscuss: {DiscussionWrite, RepoWrite},
	toCommit:  {RepoWrite},
	toManage:  {RepoWrite},
}

// allows reports whether a token's role, scopes or permissions are enough for
// what its user may do. To read public repos no token is needed.
func (t *token) allows(want right) bool {
	hasOne := func(have, needed []string) bool {
		return slices.ContainsFunc(needed, func(s string) bool { return slices.Contains(have, s) })
	}
	switch {
	case t == nil:
		return false
	case t.OAuth:
		return hasOne(t.Scopes, scopes[want])
	case t.Role == RoleFineGrained:
		return hasOne(t.Permissions, permissions[want]) || hasOne(t.Global, permissions[want])
	}
	return want == toRead || t.Role == RoleWrite || t.Role == RoleGod
}

// mayNot returns the refusal of a call by a token on a repo of an owner, nil if
// it is allowed. Whether the caller sees the repo is checked before.
func (t *token) mayNot(want right, owner *account) error {
	switch {
	case want == toRead:
		return nil
	case t == nil:
		return errNoToken
	case !t.allows(want) && !t.OAuth && t.Role == RoleFineGrained:
		return refuse(http.StatusForbidden, "", "This token does not have the required permission: %s", permissions[want][0])
	case !t.allows(want):
		return refuse(http.StatusForbidden, "", "This token cannot change repos: a token with the role write is needed")
	case want > toDiscuss && !owner.has(t.user):
		return refuse(http.StatusForbidden, "", "You don't have the rights to change a repo of %+q", owner.name)
	}
	return nil
}
