package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/present"
)

// lookUpTime is how long looking up a repo on the Hub may take.
const lookUpTime = 3 * time.Second

// repoFacts are the details of a repo that could be looked up on the Hub.
type repoFacts struct {
	repo        hub.Repo
	known       hub.PayloadRepo
	discussions map[bool]*hub.Discussion // by whether it is a pull request
	endpoint    string
	missing     string // why it could not be asked
}

// lookUp asks the Hub for the facts that events of the plan have.
func (r *repoFacts) lookUp(ctx context.Context, p *Process, f *triggerFlags, plan triggerPlan, d destination, env hub.Env) {
	r.endpoint = env.Endpoint
	if env.Offline {
		r.missing = "HF_HUB_OFFLINE is set"
		return
	}
	if d.session != nil && d.session.Endpoint != env.Endpoint {
		r.missing = fmt.Sprintf("the session's Hub is %s, and that of this command %s", d.session.Endpoint, env.Endpoint)
		return
	}
	transport := d.network.Transport()
	defer transport.CloseIdleConnections()
	client, token, err := f.account.client(p, env, transport)
	switch {
	case errors.Is(err, hub.ErrNoToken) && f.account.token == "":
		r.missing = "there is no token to look it up with"
		return
	case err != nil:
		r.missing = present.Error(err)
		return
	case token.Value == "":
		r.missing = "there is no token to look it up with"
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	switch r.known, err = client.LookUpRepo(ctx, r.repo); {
	case errors.Is(err, hub.ErrNotFound):
		r.missing = "the Hub has none of that name, or the token may not see it"
		return
	case err != nil:
		r.missing = present.Error(err)
		return
	}
	r.discussions = map[bool]*hub.Discussion{}
	for _, kind := range plan.kinds {
		if kind.Domain() != hub.DomainDiscussion || !slices.Contains(event.KindsOf(r.repo.Type), kind) {
			continue
		}
		pull := isPull(kind, r.repo.Type, event.Variant(f.variant))
		if _, asked := r.discussions[pull]; asked {
			continue
		}
		found, err := client.LookUpDiscussion(ctx, r.repo, pull)
		if err != nil {
			p.tell("the discussion is invented: %s", present.Error(err))
			return
		}
		r.discussions[pull] = found
	}
}

// isPull reports whether a sample of a kind is about a pull request.
func isPull(kind event.Kind, typ hub.RepoType, variant event.Variant) bool {
	if variants := event.Variants(kind, typ); variant == "" && len(variants) > 0 {
		variant = variants[0]
	}
	return variant == event.VariantPullRequest || variant == event.VariantMerged
}

// fill puts the facts into the options of a sample.
func (r *repoFacts) fill(opts event.SampleOptions, kind event.Kind) event.SampleOptions {
	opts.Facts = r.known
	opts.Discussion = r.discussions[isPull(kind, r.repo.Type, opts.Variant)]
	return opts
}

// words is the line about which details are the Hub's.
func (r *repoFacts) words() string {
	if r.missing != "" {
		return fmt.Sprintf("the details of %s are invented: %s", r.repo, r.missing)
	}
	var facts []string
	for _, fact := range []struct {
		name  string
		known bool
	}{
		{"id", r.known.ID != ""}, {"owner", r.known.Owner.ID != ""}, {"private", true}, {"head", r.known.HeadSHA != ""},
		{"subdomain", r.known.Subdomain != ""}, {"tags", len(r.known.Tags) > 0},
	} {
		if fact.known {
			facts = append(facts, fact.name)
		}
	}
	for _, pull := range []bool{false, true} {
		if d := r.discussions[pull]; d != nil {
			facts = append(facts, fmt.Sprintf("discussion #%d", d.Num))
		}
	}
	return fmt.Sprintf("%s as it is at %s: %s; the rest is invented", r.repo, r.endpoint, strings.Join(facts, ", "))
}
