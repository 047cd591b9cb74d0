package hub_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/term"
)

// A probe asks a Hub the questions that its documentation leaves open. All that
// it creates is a private repo and webhooks that watch nothing else, each
// disabled as soon as it exists. docs/live.md has how to run it on the real Hub.
type probe struct {
	endpoint  string
	token     string // of the role write
	readToken string // of the same user, of the role read; may be empty
	out       io.Writer
	asked     func(question string) // called after each question; may be nil

	client *hub.Client
	http   http.Client
	user   string
	repo   hub.Repo
}

// probePrefix begins the names of the repos that probes create.
const probePrefix = "hf-tap-live-"

// run asks all questions and removes all that it created, also after an error,
// a panic or the end of ctx.
func (p *probe) run(ctx context.Context) (err error) {
	p.http = http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if p.client, err = hub.NewClient(hub.ClientConfig{Endpoint: p.endpoint, Token: p.token}); err != nil {
		return err
	}
	defer p.client.Close()
	defer p.http.CloseIdleConnections()
	who, err := p.client.WhoAmI(ctx)
	if err != nil {
		return err
	}
	p.user = who.Name
	fmt.Fprintf(p.out, "the token is %s\n", tokenKind(who))
	if err := p.removeAll(ctx, probePrefix); err != nil {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	p.repo = hub.Repo{Type: hub.RepoTypeModel, Name: p.user + "/" + probePrefix + strings.ToLower(rand.Text())}
	fmt.Fprintf(p.out, "creating the private repo %s; if this program is killed, delete it at %s/settings\n", p.repo, p.repo.URLs(p.client.Endpoint()).Web)
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, name, _ := strings.Cut(p.repo.Name, "/")
		left := p.removeAll(ctx, name)
		if left == nil {
			fmt.Fprintln(p.out, "everything that was created is deleted")
		}
		err = errors.Join(err, left)
	}()
	return p.askAll(ctx)
}

func tokenKind(who hub.Identity) string {
	if who.Auth.AccessToken == nil {
		return "of the type " + who.Auth.Type
	}
	return "of the role " + who.Auth.AccessToken.Role
}

// removeAll deletes the user's repos whose names begin with a prefix, as far as
// webhooks name them, and the webhooks that watch nothing else. Then it looks
// whether they are gone.
func (p *probe) removeAll(ctx context.Context, prefix string) error {
	ours := func(w hub.Watch) bool { return strings.HasPrefix(w.Name, p.user+"/"+prefix) }
	list, err := p.client.ListWebhooks(ctx)
	if err != nil {
		return err
	}
	repos := map[string]bool{}
	if p.repo.Name != "" {
		repos[p.repo.Name] = true
	}
	var errs []error
	for _, w := range list {
		if len(w.Watched) == 0 || slices.ContainsFunc(w.Watched, func(w hub.Watch) bool { return !ours(w) }) {
			continue
		}
		errs = append(errs, p.client.DeleteWebhook(ctx, w.ID))
		for _, watch := range w.Watched {
			repos[watch.Name] = true
		}
	}
	for name := range repos {
		_, short, _ := strings.Cut(name, "/")
		got, err := p.call(ctx, p.token, http.MethodDelete, "/api/repos/delete", fmt.Sprintf(`{"type":"model","name":%q}`, short))
		if err == nil && got.status != http.StatusOK && got.status != http.StatusNotFound {
			err = fmt.Errorf("delete the repo %s: %s", name, got)
		}
		errs = append(errs, err)
	}
	list, err = p.client.ListWebhooks(ctx)
	errs = append(errs, err)
	for _, w := range list {
		if slices.ContainsFunc(w.Watched, ours) {
			errs = append(errs, fmt.Errorf("webhook %s is left: delete it at %s/settings/webhooks", w.ID, p.client.Endpoint()))
		}
	}
	return errors.Join(errs...)
}

// answer is what the Hub answered.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// String has all of an answer that says how the Hub behaves, on one line.
func (a answer) String() string {
	s := fmt.Sprint(a.status)
	for _, name := range []string{"Content-Type", "X-Error-Code", "X-Error-Message", "X-HF-Warning", "RateLimit", "RateLimit-Policy", "Retry-After", "Location"} {
		if v := a.header.Get(name); v != "" {
			s += "; " + name + ": " + v
		}
	}
	for _, name := range []string{"X-Request-Id", "X-Amzn-Trace-Id", "X-Amz-Cf-Id"} {
		if a.header.Get(name) != "" {
			s += "; has " + name
		}
	}
	return s + "; " + strings.TrimSpace(string(a.body[:min(len(a.body), 700)]))
}

// webhook reads the webhook of an answer, which has no ID if there is none.
func (a answer) webhook() hub.Webhook {
	var v struct{ Webhook hub.Webhook }
	_ = json.Unmarshal(a.body, &v) // what cannot be read has no ID
	return v.Webhook
}

// call makes one request as it is: what the client would refuse or read
// leniently is what is asked here.
func (p *probe) call(ctx context.Context, token, method, path, body string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.client.Endpoint()+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "hf-tap/live-test")
	resp, err := p.http.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return answer{resp.StatusCode, resp.Header, text}, err
}

// say prints an answer to a question, without the token and the user's name.
func (p *probe) say(text string) {
	for from, to := range map[string]string{p.token: "TOKEN", p.readToken: "READTOKEN"} {
		if from != "" {
			text = strings.ReplaceAll(text, from, to)
		}
	}
	if p.user != "" {
		text = strings.ReplaceAll(text, p.user+"/", "USER/")
	}
	fmt.Fprintln(p.out, "   ", term.Line(text))
}
