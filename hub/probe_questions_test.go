package hub_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

const (
	hooksPath = "/api/settings/webhooks"
	unknownID = "0123456789abcdef01234567"
	appURL    = "https://example.com/hf-tap-live" // a reserved name: no app is there
)

// askAll creates the repo and asks every question in turn.
func (p *probe) askAll(ctx context.Context) error {
	_, short, _ := strings.Cut(p.repo.Name, "/")
	got, err := p.call(ctx, p.token, http.MethodPost, "/api/repos/create", fmt.Sprintf(`{"type":"model","name":%q,"private":true}`, short))
	if err != nil {
		return err
	}
	if got.status != http.StatusOK {
		return fmt.Errorf("create the repo: %s", got)
	}
	for _, q := range p.questions() {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		fmt.Fprintln(p.out, "?", q.text)
		if err := q.ask(ctx); ctx.Err() != nil || errors.Is(err, hub.ErrUnreachable) {
			return err
		} else if err != nil {
			p.say(err.Error()) // a refusal is an answer, too
		}
		if p.asked != nil {
			p.asked(q.text)
		}
	}
	return nil
}

type question struct {
	text string
	ask  func(context.Context) error
}

func (p *probe) questions() []question {
	watched := fmt.Sprintf(`"watched":[{"type":"model","name":%q}]`, p.repo.Name)
	repo := `"domains":["repo"]`
	with := func(parts ...string) string { return "{" + strings.Join(parts, ",") + "}" }
	url := func(u string) string { return fmt.Sprintf(`"url":%q`, u) }
	refused := func(method, path, body string) func(context.Context) error {
		return func(ctx context.Context) error { return p.sayCall(ctx, p.token, method, path, body) }
	}
	created := func(body string) func(context.Context) error {
		return func(ctx context.Context) error { return p.tryCreate(ctx, p.token, body) }
	}
	list := []question{
		{"does an update without the secret keep it? what becomes of a disabled webhook?", p.updateWithoutSecret},
		{"an update with an empty secret", p.updateWithEmptySecret},
		{"the list, with its rate limit headers", func(ctx context.Context) error { return p.sayHeaders(ctx, http.MethodGet, hooksPath) }},
		{"GET of an id that does not exist", refused(http.MethodGet, hooksPath+"/"+unknownID, "")},
		{"GET of an id that is not 24 hex digits", refused(http.MethodGet, hooksPath+"/nope", "")},
		{"DELETE of an id that does not exist", refused(http.MethodDelete, hooksPath+"/"+unknownID, "")},
		{"DELETE of an id that is not 24 hex digits", refused(http.MethodDelete, hooksPath+"/nope", "")},
		{"disable of an id that does not exist", refused(http.MethodPost, hooksPath+"/"+unknownID+"/disable", "")},
		{"replay of a log id that does not exist", p.replayUnknown},
		{"a second DELETE of the same id", p.deleteTwice},
		{"401: an unknown token", func(ctx context.Context) error {
			return p.sayCall(ctx, "hf_thisTokenDoesNotExistAtAll0000000000", http.MethodGet, hooksPath, "")
		}},
		{"401: no token", func(ctx context.Context) error { return p.sayCall(ctx, "", http.MethodGet, hooksPath, "") }},
		{"400: a body that is not JSON", refused(http.MethodPost, hooksPath, "{")},
		{"400: nothing watched", created(with(`"watched":[]`, repo, url(appURL)))},
		{"400: no domain", created(with(watched, `"domains":[]`, url(appURL)))},
		{"400: no target", created(with(watched, repo))},
		{"400: an unknown type", created(with(strings.Replace(watched, `"model"`, `"galaxy"`, 1), repo, url(appURL)))},
		{"400: a repo that does not exist", created(with(strings.Replace(watched, p.repo.Name, p.repo.Name+"-missing", 1), repo, url(appURL)))},
		{"400: a secret that is not ASCII", created(with(watched, repo, url(appURL), `"secret":"é"`))},
		{"a secret with blanks around it", created(with(watched, repo, url(appURL), `"secret":" a b "`))},
		{`the domain "discussions"`, created(with(watched, `"domains":["discussions"]`, url(appURL)))},
		{"the same domain twice", created(with(watched, `"domains":["repo","repo"]`, url(appURL)))},
		{"the same repo watched twice", created(with(strings.Replace(watched, "[", "["+strings.TrimSuffix(strings.TrimPrefix(watched, `"watched":[`), "]")+",", 1), repo, url(appURL)))},
		{"a key that the API does not have", created(with(watched, repo, url(appURL), `"label":"x"`))},
		{"a webhook with a Job: which parts come back?", created(with(watched, repo, `"job":{"dockerImage":"python:3.12","command":["true"],"flavor":"cpu-basic","secrets":{"A":"b"},"attempts":1}`))},
	}
	for _, u := range []string{"http://example.com/hf-tap-live", "http://localhost:7860/", "http://127.0.0.1:7860/", "https://user:pass@example.com/",
		appURL + "?secret=a", "https://example.com:8443/", "ftp://example.com/", "https://hf-tap-live.invalid/", "https://example.com/" + strings.Repeat("a", 3000)} {
		list = append(list, question{fmt.Sprintf("the URL %.60s", u), created(with(watched, repo, url(u)))})
	}
	if p.readToken != "" {
		list = append(list,
			question{"403: the list with a read token", func(ctx context.Context) error { return p.sayCall(ctx, p.readToken, http.MethodGet, hooksPath, "") }},
			question{"403: create with a read token", func(ctx context.Context) error {
				return p.tryCreate(ctx, p.readToken, with(watched, repo, url(appURL)))
			}},
		)
	}
	return list
}

func (p *probe) sayCall(ctx context.Context, token, method, path, body string) error {
	got, err := p.call(ctx, token, method, path, body)
	if err == nil {
		p.say(got.String())
	}
	return err
}

// sayHeaders prints an answer without its body, which has the user's other
// webhooks.
func (p *probe) sayHeaders(ctx context.Context, method, path string) error {
	got, err := p.call(ctx, p.token, method, path, "")
	got.body = nil
	if err == nil {
		p.say(got.String())
	}
	return err
}

// create makes a webhook and disables it at once.
func (p *probe) create(ctx context.Context, spec hub.WebhookSpec) (hub.Webhook, error) {
	spec.URL, spec.Watched, spec.Domains = appURL, []hub.Watch{p.repo.Watch()}, []hub.Domain{hub.DomainRepo}
	w, err := p.client.CreateWebhook(ctx, spec)
	if err != nil {
		return w, err
	}
	return p.client.DisableWebhook(ctx, w.ID)
}

// tryCreate prints what the Hub answers to a create that it may refuse. What it
// does create is disabled, printed as a GET shows it, and deleted.
func (p *probe) tryCreate(ctx context.Context, token, body string) error {
	got, err := p.call(ctx, token, http.MethodPost, hooksPath, body)
	if err != nil {
		return err
	}
	p.say(got.String())
	id := got.webhook().ID
	if id == "" {
		return nil
	}
	if _, err := p.client.DisableWebhook(ctx, id); err != nil {
		return err
	}
	if err := p.sayCall(ctx, p.token, http.MethodGet, hooksPath+"/"+id, ""); err != nil {
		return err
	}
	return p.client.DeleteWebhook(ctx, id)
}

func (p *probe) updateWithoutSecret(ctx context.Context) error {
	w, err := p.create(ctx, hub.WebhookSpec{Secret: "hf-tap-live"})
	if err != nil {
		return err
	}
	p.say(fmt.Sprintf("before: hasSecret %v, %s", w.HasSecret, w.State))
	spec := w.Spec()
	spec.URL += "/updated"
	if w, err = p.client.UpdateWebhook(ctx, w.ID, spec); err != nil {
		return err
	}
	p.say(fmt.Sprintf("the update's answer: hasSecret %v, %s", w.HasSecret, w.State))
	if w, err = p.client.GetWebhook(ctx, w.ID); err != nil {
		return err
	}
	p.say(fmt.Sprintf("afterwards: hasSecret %v, %s", w.HasSecret, w.State))
	return p.client.DeleteWebhook(ctx, w.ID)
}

func (p *probe) updateWithEmptySecret(ctx context.Context) error {
	w, err := p.create(ctx, hub.WebhookSpec{Secret: "hf-tap-live"})
	if err != nil {
		return err
	}
	body := fmt.Sprintf(`{"watched":[{"type":"model","name":%q}],"domains":["repo"],"url":%q,"secret":""}`, p.repo.Name, appURL)
	if err := p.sayCall(ctx, p.token, http.MethodPost, hooksPath+"/"+w.ID, body); err != nil {
		return err
	}
	return p.client.DeleteWebhook(ctx, w.ID)
}

func (p *probe) replayUnknown(ctx context.Context) error {
	w, err := p.create(ctx, hub.WebhookSpec{})
	if err != nil {
		return err
	}
	if err := p.sayCall(ctx, p.token, http.MethodPost, hooksPath+"/"+w.ID+"/replay/"+unknownID, ""); err != nil {
		return err
	}
	return p.client.DeleteWebhook(ctx, w.ID)
}

func (p *probe) deleteTwice(ctx context.Context) error {
	w, err := p.create(ctx, hub.WebhookSpec{})
	if err != nil {
		return err
	}
	for range 2 {
		if err := p.sayCall(ctx, p.token, http.MethodDelete, hooksPath+"/"+w.ID, ""); err != nil {
			return err
		}
	}
	return nil
}
