package sandbox

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/hub"
)

// account is a user or an organization.
type account struct {
	id, name string
	org      bool
	members  []string // of an org: lower-case names of users
}

// Role is the role of an access token, as whoami-v2 names it.
type Role string

// The roles of tokens.
const (
	RoleWrite       Role = "write"
	RoleRead        Role = "read"
	RoleGod         Role = "god"
	RoleFineGrained Role = "fineGrained"
)

// The permissions of fine-grained tokens that concern webhooks.
const (
	WebhooksRead  = "user.webhooks.read"
	WebhooksWrite = "user.webhooks.write"
)

// Token is a token's permissions. The zero value is a write token.
type Token struct {
	Name        string   // shown as displayName; "sandbox" when empty
	Role        Role     // RoleWrite when empty; not used for OAuth
	Permissions []string // of a fine-grained token, on its user: WebhooksRead, …
	Global      []string // of a fine-grained token: discussion.write, post.write
	OAuth       bool     // a token that an app got, without a role
	Scopes      []string // of an OAuth token; "webhooks" is what webhooks need
}

type token struct {
	Token
	user      *account
	createdAt time.Time
}

// AddUser adds a user. Adding an existing user changes nothing; the name of an
// organization is an error.
func (h *Hub) AddUser(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.addAccount(name, false)
	return err
}

// AddOrg adds an organization, or adds members to it. Members are users that
// were added before.
func (h *Hub) AddOrg(name string, members ...string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, member := range members {
		if u := h.account(member); u == nil || u.org {
			return fmt.Errorf("adding the organization %q: no user %q", name, member)
		}
	}
	org, err := h.addAccount(name, true)
	if err != nil {
		return err
	}
	for _, member := range members {
		if member = strings.ToLower(member); !slices.Contains(org.members, member) {
			org.members = append(org.members, member)
		}
	}
	return nil
}

// addAccount adds an account if it is not there. The caller holds mu.
func (h *Hub) addAccount(name string, org bool) (*account, error) {
	if _, err := hub.ParseWatch("user:" + name); err != nil {
		return nil, fmt.Errorf("adding an account: %q is not a valid name", name)
	}
	if a := h.account(name); a != nil {
		if a.org != org {
			return nil, fmt.Errorf("adding the account %q: the name is taken", name)
		}
		return a, nil
	}
	a := &account{id: h.parts.Account(name).ID, name: name, org: org}
	h.accounts[strings.ToLower(name)] = a
	return a, nil
}

func (h *Hub) account(name string) *account { return h.accounts[strings.ToLower(name)] }

// AddToken makes a random token of a user who was added before.
func (h *Hub) AddToken(user string, t Token) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	u := h.account(user)
	if u == nil || u.org {
		return "", fmt.Errorf("adding a token: no user %q", user)
	}
	if t.Role == "" {
		t.Role = RoleWrite
	}
	if t.Name == "" {
		t.Name = "sandbox"
	}
	text := "hf_" + rand.Text()
	if t.OAuth {
		text = "hf_oauth_" + rand.Text()
	}
	h.tokens[text] = &token{Token: t, user: u, createdAt: h.cfg.Now()}
	return text, nil
}

// RevokeToken makes a token invalid, as its user can at any time.
func (h *Hub) RevokeToken(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tokens, text)
}

// may reports whether a token may see webhooks, or change them.
func (t *token) may(write bool, modes Modes) bool {
	switch {
	case t.OAuth:
		return slices.Contains(t.Scopes, "webhooks")
	case t.Role == RoleFineGrained && write:
		return slices.Contains(t.Permissions, WebhooksWrite)
	case t.Role == RoleFineGrained:
		return slices.Contains(t.Permissions, WebhooksRead) ||
			!modes.WriteNeedsRead && slices.Contains(t.Permissions, WebhooksWrite)
	case t.Role == RoleRead && write:
		return modes.ReadTokenMayWrite
	}
	return true
}

// whoami answers GET /api/whoami-v2 in the shape of the OpenAPI document.
func (h *Hub) whoami(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := callOf(r).token
	orgs := []object{}
	for _, name := range slices.Sorted(maps.Keys(h.accounts)) {
		if a := h.accounts[name]; a.org && a.has(t.user) {
			orgs = append(orgs, object{
				{"type", "org"}, {"id", a.id}, {"name", a.name}, {"fullname", a.name}, {"email", nil}, {"canPay", false},
				{"periodEnd", nil}, {"avatarUrl", h.avatar(a)}, {"roleInOrg", "write"},
			})
		}
	}
	answerJSON(w, http.StatusOK, object{
		{"type", "user"}, {"id", t.user.id}, {"name", t.user.name}, {"fullname", t.user.name},
		{"email", strings.ToLower(t.user.name) + "@example.com"}, {"emailVerified", true}, {"canPay", false},
		{"billingMode", "postpaid"}, {"periodEnd", nil}, {"isPro", false}, {"avatarUrl", h.avatar(t.user)},
		{"orgs", orgs}, {"auth", t.auth()},
	})
}

func (t *token) auth() object {
	if t.OAuth {
		return object{{"type", "oauth"}, {"expiresAt", isoTime(t.createdAt.Add(8 * time.Hour))}}
	}
	access := object{{"displayName", t.Name}, {"role", t.Role}, {"createdAt", isoTime(t.createdAt)}}
	if t.Role == RoleFineGrained {
		entity := object{{"_id", t.user.id}, {"type", "user"}, {"name", t.user.name}}
		access = access.set("fineGrained", object{
			{"canReadGatedRepos", false},
			{"global", orEmpty(t.Global)},
			{"scoped", []object{{{"entity", entity}, {"permissions", orEmpty(t.Permissions)}}}},
		})
	}
	return object{{"type", "access_token"}, {"accessToken", access}}
}

// avatar is the address of an account's picture, relative as the Hub's are for
// accounts that never chose one.
func (h *Hub) avatar(a *account) string { return h.avatarOf(a.name) }

// avatarOf is avatar for an account that need not have been added.
func (h *Hub) avatarOf(name string) string {
	return "/avatars/" + h.parts.SHA("avatar", h.parts.Account(name).ID)[:32] + ".svg"
}

// isoTime writes a time as the Hub does: UTC, milliseconds.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// orEmpty makes an absent list an empty one, which JSON would else call null.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
