package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Identity is who a token belongs to and what it may do. Fields are empty
// where the Hub does not tell them.
type Identity struct {
	Type     string `json:"type"` // "user"
	ID       string `json:"id"`
	Name     string `json:"name"` // the one in addresses
	FullName string `json:"fullname"`
	IsPro    bool   `json:"isPro"`
	Orgs     []Org  `json:"orgs"`
	Auth     Auth   `json:"auth"`
}

// Org is an organization that a user belongs to.
type Org struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	FullName  string `json:"fullname"`
	RoleInOrg string `json:"roleInOrg"` // admin, write, contributor, read, no_access
}

// Auth is how the caller was recognized.
type Auth struct {
	Type        string       `json:"type"`        // "access_token" for the usual tokens
	AccessToken *AccessToken `json:"accessToken"` // nil for other types
}

// AccessToken is what the Hub tells of a token of the usual type.
type AccessToken struct {
	DisplayName string       `json:"displayName"`
	Role        string       `json:"role"`        // read, write, god, fineGrained
	FineGrained *FineGrained `json:"fineGrained"` // nil for other roles
}

// FineGrained is what a fine-grained token may do.
type FineGrained struct {
	Scoped []TokenScope `json:"scoped"` // nil when the Hub does not tell
	Global []string     `json:"global"`
}

// TokenScope is what a token may do to one entity.
type TokenScope struct {
	Entity      TokenEntity `json:"entity"`
	Permissions []string    `json:"permissions"` // "user.webhooks.write"
}

// TokenEntity is a user, an organization or a repo, in the scopes of a token.
type TokenEntity struct {
	ID   string `json:"_id"`
	Type string `json:"type"` // user, org, model, …
	Name string `json:"name"` // may be empty
}

// WhoAmI tells whose token the client has and what it may do. The Hub counts
// these calls strictly: make one and keep what it says.
func (c *Client) WhoAmI(ctx context.Context) (Identity, error) {
	var who Identity
	err := c.call(ctx, request{
		op: "ask whose the token is", method: http.MethodGet, path: "/api/whoami-v2", reads: true,
		into: func(body []byte) error {
			if err := readJSON(&who)(body); err != nil {
				return err
			}
			if who.Name == "" {
				return errors.New("it names nobody")
			}
			return nil
		},
	})
	return who, err
}

// Permission is what is known of whether a token may do something. The zero
// value knows nothing.
type Permission struct {
	Known   bool   // whether Allowed says anything
	Allowed bool   // never true when Known is not
	Reason  string // why not, or why it is not known; empty when allowed
}

// Refused reports whether it is known that the token is too small.
func (p Permission) Refused() bool { return p.Known && !p.Allowed }

// CanWriteWebhooks says whether the token may create, change and delete the
// user's webhooks. A token with the role read is probably refused (the Hub's
// docs do not say so), and counts as known to be too small, so that the user
// hears of it before anything is opened. Where the type or the role of a
// token is not known, nor is the answer: the Hub will say.
func (who Identity) CanWriteWebhooks() Permission {
	token := who.Auth.AccessToken
	if token == nil {
		return Permission{Reason: fmt.Sprintf("the Hub does not tell what a token of the type %q may do", who.Auth.Type)}
	}
	switch token.Role {
	case "write", "god":
		return Permission{Known: true, Allowed: true}
	case "read":
		return Permission{Known: true, Reason: fmt.Sprintf("the token %q has the role read, which cannot write webhooks", token.DisplayName)}
	case "fineGrained":
		return who.fineGrained(token)
	}
	return Permission{Reason: fmt.Sprintf("the token %q has the unknown role %q", token.DisplayName, token.Role)}
}

// fineGrained looks for the permission on webhooks. They belong to a user, so
// that only what is granted on the user counts.
func (who Identity) fineGrained(token *AccessToken) Permission {
	const read, write = "user.webhooks.read", "user.webhooks.write"
	if token.FineGrained == nil || token.FineGrained.Scoped == nil {
		return Permission{Reason: fmt.Sprintf("the Hub does not tell the scopes of the token %q", token.DisplayName)}
	}
	var granted []string
	for _, s := range token.FineGrained.Scoped {
		same := who.ID != "" && s.Entity.ID == who.ID || s.Entity.Name == who.Name
		if s.Entity.Type == "user" && same {
			granted = append(granted, s.Permissions...)
		}
	}
	unknown := slices.ContainsFunc(granted, func(p string) bool {
		return strings.HasPrefix(p, "user.webhooks") && p != read && p != write
	})
	switch {
	case slices.Contains(granted, write) && slices.Contains(granted, read):
		return Permission{Known: true, Allowed: true}
	case slices.Contains(granted, write):
		return Permission{Reason: fmt.Sprintf("the token %q has %s but not %s, and may not be let list them", token.DisplayName, write, read)}
	case unknown:
		return Permission{Reason: fmt.Sprintf("the token %q has permissions on webhooks that are not known here", token.DisplayName)}
	}
	return Permission{Known: true, Reason: fmt.Sprintf("the fine-grained token %q lacks the permission %s", token.DisplayName, write)}
}
