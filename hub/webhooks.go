package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const webhooksPath = "/api/settings/webhooks"

// ListWebhooks returns all webhooks of the token's user.
func (c *Client) ListWebhooks(ctx context.Context) ([]Webhook, error) {
	var list []Webhook
	err := c.call(ctx, request{
		op: "list the webhooks", method: http.MethodGet, path: webhooksPath, reads: true,
		into: func(body []byte) error {
			if err := json.Unmarshal(body, &list); err != nil {
				return err
			}
			if list == nil || slices.ContainsFunc(list, func(w Webhook) bool { return w.ID == "" }) {
				return errors.New("it is not a list of webhooks")
			}
			return nil
		},
	})
	return list, err
}

// GetWebhook returns one webhook. ErrNotFound may also mean that it belongs to
// another account.
func (c *Client) GetWebhook(ctx context.Context, id string) (Webhook, error) {
	return c.oneWebhook(ctx, id, "", request{op: "get", method: http.MethodGet, reads: true})
}

// CreateWebhook creates a webhook. The request is sent a second time only after a
// 429. If [OutcomeUnknown] reports true of the error, the webhook may exist: look
// for its URL in ListWebhooks.
func (c *Client) CreateWebhook(ctx context.Context, spec WebhookSpec) (Webhook, error) {
	body, err := spec.body()
	r := request{
		op: "create a webhook", method: http.MethodPost, path: webhooksPath, body: body, secret: spec.Secret, once: true,
	}
	if err != nil {
		return Webhook{}, c.invalid(r, err)
	}
	return c.webhook(ctx, r)
}

// UpdateWebhook replaces a webhook. What spec leaves out is lost, including the
// secret, which the Hub never returns. [Client.ModifyWebhook] changes a part.
func (c *Client) UpdateWebhook(ctx context.Context, id string, spec WebhookSpec) (Webhook, error) {
	body, err := spec.body()
	r := request{op: "update", method: http.MethodPost, body: body, secret: spec.Secret}
	if err != nil {
		r.op += " webhook " + shown(id)
		return Webhook{}, c.invalid(r, err)
	}
	return c.oneWebhook(ctx, id, "", r)
}

// ErrSecretNeeded means that [Client.ModifyWebhook] sent nothing, because the
// webhook has a secret that the update would have cleared.
var ErrSecretNeeded = errors.New("the webhook has a secret, which must be sent again with each update")

// ModifyWebhook changes a part of a webhook: it reads the webhook, calls change
// with its [Webhook.Spec], and sends the result. The spec has no secret. If the
// webhook has one and change sets none, nothing is sent and the error is
// [ErrSecretNeeded]; to clear a secret, use [Client.UpdateWebhook]. The spec has
// no Job either, so change must set Job or JobSourceID if the webhook has one.
//
// A change that somebody else makes between the two requests is lost.
func (c *Client) ModifyWebhook(ctx context.Context, id string, change func(*WebhookSpec)) (Webhook, error) {
	w, err := c.GetWebhook(ctx, id)
	if err != nil {
		return Webhook{}, err
	}
	spec := w.Spec()
	change(&spec)
	if w.HasSecret && spec.Secret == "" {
		return Webhook{}, c.invalid(request{op: "update webhook " + shown(id), method: http.MethodPost}, ErrSecretNeeded)
	}
	return c.UpdateWebhook(ctx, id, spec)
}

// EnableWebhook enables a webhook that is disabled or suspended, and returns it.
func (c *Client) EnableWebhook(ctx context.Context, id string) (Webhook, error) {
	return c.oneWebhook(ctx, id, "/enable", request{op: "enable", method: http.MethodPost})
}

// DisableWebhook disables a webhook, so that the Hub does not deliver to it, and
// returns it.
func (c *Client) DisableWebhook(ctx context.Context, id string) (Webhook, error) {
	return c.oneWebhook(ctx, id, "/disable", request{op: "disable", method: http.MethodPost})
}

// DeleteWebhook deletes a webhook. An unknown id is ErrNotFound or ErrInvalid,
// and so is a webhook of another account. After such an error, the webhook is
// certainly gone only if ListWebhooks, with the same token, does not have the id.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	path, err := pathOf(id)
	r := request{op: "delete webhook " + shown(id), method: http.MethodDelete, path: path, into: func(body []byte) error {
		// Anything else is a page from something that stands in between.
		if len(bytes.TrimSpace(body)) > 0 && !json.Valid(body) {
			return errors.New("it is not JSON")
		}
		return nil
	}}
	if err != nil {
		return c.invalid(r, err)
	}
	return c.call(ctx, r)
}

// ReplayDelivery asks the Hub to send an earlier delivery again, to the webhook's
// present URL and with its present secret. logID is the id of the delivery, which
// only the Activity tab of the webhook's page on the Hub shows. status is the
// HTTP status that the URL answered. The request is sent a second time only after
// a 429.
func (c *Client) ReplayDelivery(ctx context.Context, id, logID string) (status int, err error) {
	path, err := pathOf(id)
	if err == nil {
		var last string
		last, err = segment("delivery", logID)
		path += "/replay/" + last
	}
	r := request{op: fmt.Sprintf("replay delivery %s of webhook %s", shown(logID), shown(id)), method: http.MethodPost, path: path, once: true}
	if err != nil {
		return 0, c.invalid(r, err)
	}
	r.into = func(body []byte) error {
		var answer struct{ Status *float64 }
		if err := json.Unmarshal(body, &answer); err != nil {
			return err
		}
		if answer.Status == nil {
			return errors.New("it has no status")
		}
		status = int(*answer.Status)
		return nil
	}
	err = c.call(ctx, r)
	return status, err
}

// oneWebhook calls for the webhook with an id; the op of r is completed.
func (c *Client) oneWebhook(ctx context.Context, id, action string, r request) (Webhook, error) {
	r.op += " webhook " + shown(id)
	path, err := pathOf(id)
	if err != nil {
		return Webhook{}, c.invalid(r, err)
	}
	r.path = path + action
	return c.webhook(ctx, r)
}

// webhook makes a call that is answered by {"webhook": …}.
func (c *Client) webhook(ctx context.Context, r request) (Webhook, error) {
	var answer struct{ Webhook Webhook }
	r.into = func(body []byte) error {
		if err := json.Unmarshal(body, &answer); err != nil {
			return err
		}
		if answer.Webhook.ID == "" {
			return errors.New("it holds no webhook")
		}
		return nil
	}
	err := c.call(ctx, r)
	return answer.Webhook, err
}

// invalid is the error of a call whose arguments are wrong: nothing is sent.
func (c *Client) invalid(r request, err error) error {
	return &Error{Op: r.op, Method: r.method, URL: c.endpoint + r.path, Err: err, kind: ErrInvalid}
}

// shown quotes an id for a message where it is not plain.
func shown(id string) string {
	if q := strconv.Quote(id); len(q) != len(id)+2 || id == "" || strings.ContainsRune(id, ' ') {
		return q
	}
	return id
}

// pathOf returns the path of a webhook. An id in one of the forms that
// ParseWebhookID reads is taken as that id, any other one as it is.
func pathOf(id string) (string, error) {
	if parsed, err := ParseWebhookID(id); err == nil {
		id = parsed
	}
	s, err := segment("webhook", id)
	return webhooksPath + "/" + s, err
}

// segment escapes an id for a path. Ids that would name another path are
// refused: escaping leaves dots as they are.
func segment(of, id string) (string, error) {
	if id == "" || id == "." || id == ".." {
		return "", fmt.Errorf("%q is not the id of a %s", id, of)
	}
	return url.PathEscape(id), nil
}

// ParseWebhookID reads the id of a webhook: 24 hex digits, or the address of the
// webhook's page on the Hub. The error quotes s.
func ParseWebhookID(s string) (string, error) {
	id := strings.TrimSpace(s)
	if _, page, ok := strings.Cut(id, "/settings/webhooks/"); ok && strings.Contains(id, "://") {
		id, _, _ = strings.Cut(page, "/")
		id, _, _ = strings.Cut(id, "?")
		id, _, _ = strings.Cut(id, "#")
	}
	id = strings.ToLower(id)
	if len(id) != 24 || strings.Trim(id, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%q is not a webhook id: want 24 hex digits", s)
	}
	return id, nil
}
