package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// samples makes payloads. No two of a run are about the same commit, comment or
// delivery, so that a handler which drops what it has seen takes each of them.
type samples struct {
	seed  uint64
	made  *uint64
	text  string
	world World
}

func newSamples(cfg Config) samples {
	return samples{seed: cfg.Seed, made: new(uint64), text: cfg.Text, world: cfg.World}
}

func (s samples) next() event.Sampler {
	*s.made++
	return event.Sampler{Seed: s.seed + *s.made}
}

// id makes the Webhook-Id of a delivery.
func (s samples) id() string { return s.next().ID("delivery") }

// payload makes the payload of a kind. Every repo and the webhook keep their ids.
func (s samples) payload(kind event.Kind, repo hub.Repo, variant event.Variant) hub.Payload {
	same := event.Sampler{Seed: s.seed}
	p, err := event.Sample(kind, repo, event.SampleOptions{Seed: s.next().Seed, Variant: variant, WebhookID: same.ID("webhook")})
	if err != nil {
		panic(err) // the table asks only for what exists, and the repo is checked before
	}
	r := same.Repo(repo)
	p.Repo.ID, p.Repo.Owner = r.ID, r.Owner
	if p.Comment != nil && p.Comment.Content != nil && s.text != "" {
		p.Comment.Content = &s.text
	}
	return p
}

// request makes the delivery of a payload.
func (r *runner) request(p hub.Payload) request {
	if r.World != nil && r.worldErr == nil {
		r.worldErr = r.World.Adapt(&p)
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // payloads can be marshaled
	}
	return request{kind: event.MakeKind(p.Event.Scope, p.Event.Action), repo: p.Repo.Repo(), id: r.samples.id(), body: body}
}

// usual makes the usual form of a kind.
func usual(kind event.Kind) func(*runner) request { return variant(kind, "", "") }

// variant makes a form of a kind, of a repo of a type; empty stands for the usual ones.
func variant(kind event.Kind, repoType hub.RepoType, v event.Variant) func(*runner) request {
	return changed(kind, repoType, v, func(*hub.Payload) {})
}

// changed makes a form of a kind that is changed.
func changed(kind event.Kind, repoType hub.RepoType, v event.Variant, change func(*hub.Payload)) func(*runner) request {
	return func(r *runner) request {
		p := r.samples.payload(kind, r.repo(kind, repoType, v), v)
		change(&p)
		return r.request(p)
	}
}

// repo is the repo of a payload: that of Config, or one with the same name and another
// type, if a type is given or the repo of Config cannot have this form of the kind.
func (r *runner) repo(kind event.Kind, repoType hub.RepoType, v event.Variant) hub.Repo {
	repo := r.Repo
	if repoType != "" {
		repo.Type = repoType
	}
	if forms := event.Variants(kind, repo.Type); len(forms) == 0 || v != "" && !slices.Contains(forms, v) {
		repo.Type = "model"
	}
	if repo.Type != "model" && repo.Type != "dataset" && !strings.Contains(repo.Name, "/") {
		repo.Name = "me/" + repo.Name
	}
	return repo
}

// withField makes a delivery with a field set in its JSON, by a path of keys.
func withField(made func(*runner) request, value any, path ...string) func(*runner) request {
	return func(r *runner) request {
		q := made(r)
		var all map[string]any
		decoder := json.NewDecoder(bytes.NewReader(q.body))
		decoder.UseNumber()
		if err := decoder.Decode(&all); err != nil {
			panic(err) // it was marshaled
		}
		in := all
		for _, key := range path[:len(path)-1] {
			in = in[key].(map[string]any)
		}
		in[path[len(path)-1]] = value
		body, err := json.Marshal(all)
		if err != nil {
			panic(err)
		}
		q.body = body
		return q
	}
}

// fileCount is how many files a truncated payload of a bucket has.
const fileCount = event.MaxUpdatedFiles

// fileFormat writes a file of a bucket. Go's printf and that of awk take it alike.
const fileFormat = `{"path":"data/shard-%05d.parquet","action":"add","xetHash":"%064x","size":%d}`

// manyFiles makes the upload of as many files as a payload has at most. No command
// line holds its body, so that a command for it has to make it.
func manyFiles(r *runner) request {
	p := r.samples.payload(event.KindRepoContentUpdate, r.repo(event.KindRepoContentUpdate, "bucket", ""), "")
	p.UpdatedFiles = nil
	q := r.request(p)
	head := string(bytes.TrimSuffix(q.body, []byte("}"))) + `,"updatedFiles":[`
	const tail = `],"updatedFilesTruncated":true}`
	var body strings.Builder
	body.WriteString(head)
	for i := range fileCount {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, fileFormat, i, i, 1000+i)
	}
	body.WriteString(tail)
	q.body = []byte(body.String())
	q.shell = fmt.Sprintf("printf %%s %s\nawk 'BEGIN { for (i = 0; i < %d; i++) { if (i) printf \",\"; printf \"%s\", i, i, 1000 + i } }'\nprintf %%s '%s'",
		quoted(head), fileCount, strings.ReplaceAll(fileFormat, `"`, `\"`), tail)
	return q
}

// text makes a delivery whose body is not a payload.
func text(body, contentType string) func(*runner) request {
	return func(r *runner) request {
		return request{id: r.samples.id(), body: []byte(body), contentType: contentType}
	}
}

// with makes a delivery that is changed.
func with(made func(*runner) request, change func(*request)) func(*runner) request {
	return func(r *runner) request {
		q := made(r)
		change(&q)
		return q
	}
}

// plain makes a push to main, or a comment if a push is not answered in time.
func plain(r *runner) request {
	if r.stuck[event.KindRepoContentUpdate] {
		return usual(event.KindDiscussionCommentCreate)(r)
	}
	return usual(event.KindRepoContentUpdate)(r)
}

// carrying makes a delivery that carries the secret in another way.
func carrying(form secretForm) func(*runner) request {
	return with(plain, func(q *request) { q.secret = form })
}
