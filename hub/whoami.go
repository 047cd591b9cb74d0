package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Identity is the user of a token, and the permissions of the token. A field that
// the Hub does not send is empty.
type Identity struct {
	Type     string `json:"type"` // "user"
	ID       string `json:"id"`
	Name     string `json:"name"` // the user name: "me" of "me/my-model"
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

// Auth describes the token that a request had.
type Auth struct {
	Type        string       `json:"type"`        // "access_token" for the usual tokens
	AccessToken *AccessToken `json:"accessToken"` // nil for other types
}

// AccessToken describes a token of the usual type, "access_token".
type AccessToken struct {
	DisplayName string       `json:"displayName"`
	Role        string       `json:"role"`        // read, write, god, fineGrained
	FineGrained *FineGrained `json:"fineGrained"` // nil for other roles
}

// FineGrained is the permissions of a fine-grained token.
type FineGrained struct {
	Scoped []TokenScope `json:"scoped"` // nil if the Hub does not send them
	Global []string     `json:"global"`
}

// TokenScope is the permissions of a token for one entity.
type TokenScope struct {
	Entity      TokenEntity `json:"entity"`
	Permissions []string    `json:"permissions"` // "user.webhooks.write"
}

// TokenEntity is the user, organization or repo of a TokenScope.
type TokenEntity struct {
	ID   string `json:"_id"`
	Type string `json:"type"` // user, org, model, …
	Name string `json:"name"` // may be empty
}

// WhoAmI returns the user of the client's token, and the token's permissions. The
// Hub limits these calls strictly: call it once and keep the result.
func (c *Client) WhoAmI(ctx context.Context) (Identity, error) {
	var who Identity
	err := c.call(ctx, request{
		op: "look up the token's user", method: http.MethodGet, path: "/api/whoami-v2", reads: true,
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

// Permission is whether a token has a permission, as far as that is known. The
// zero value means unknown.
type Permission struct {
	Known   bool   // whether Allowed is certain
	Allowed bool   // never true if Known is false
	Reason  string // why it is not allowed, or why that is not known; empty if allowed
}

// Refused reports whether the token certainly lacks the permission.
func (p Permission) Refused() bool { return p.Known && !p.Allowed }

// CanWriteWebhooks returns whether the token may create, change and delete the user's
// webhooks. A token with the role "read" counts as refused, which the Hub's
// documentation does not confirm: it is better to warn before anything is created. For
// an unknown type or role of token the result is unknown, and a call of the Hub
// decides.
func (who Identity) CanWriteWebhooks() Permission {
	token := who.Auth.AccessToken
	if token == nil {
		return Permission{Reason: fmt.Sprintf("the permissions of a token of the type %q are unknown", who.Auth.Type)}
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
		return Permission{Reason: fmt.Sprintf("the Hub does not list the scopes of the token %q", token.DisplayName)}
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
		return Permission{Reason: fmt.Sprintf("the token %q has %s but not %s, and the Hub may refuse to list them", token.DisplayName, write, read)}
	case unknown:
		return Permission{Reason: fmt.Sprintf("the token %q has unknown permissions on webhooks", token.DisplayName)}
	}
	return Permission{Known: true, Reason: fmt.Sprintf("the fine-grained token %q lacks the permission %s", token.DisplayName, write)}
}
