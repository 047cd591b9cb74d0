package event

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hf-tap/hf-tap/hub"
)

// Variant is one of the forms of a kind. For example, a new tag and a push to a
// pull request are both a repo.content.update.
type Variant string

// The variants of samples.
const (
	VariantCommit        Variant = "commit"         // a commit on main
	VariantNewBranch     Variant = "new-branch"     // a new branch
	VariantDeletedBranch Variant = "deleted-branch" // a deleted branch
	VariantTag           Variant = "tag"            // a commit on main with a new tag
	VariantPullRef       Variant = "pull-ref"       // refs/pr/N of a new pull request
	VariantUpload        Variant = "upload"         // files added to a bucket
	VariantRemoval       Variant = "removal"        // files deleted from a bucket
	VariantTruncated     Variant = "truncated"      // more than MaxUpdatedFiles files
	VariantVisibility    Variant = "visibility"     // a repo became public or private
	VariantUntold        Variant = "untold"         // another setting: updatedConfig is {}
	VariantPullRequest   Variant = "pull-request"
	VariantDiscussion    Variant = "discussion"
	VariantClosed        Variant = "closed"
	VariantMerged        Variant = "merged" // a pull request
	VariantReopened      Variant = "reopened"
	VariantEdited        Variant = "edited" // a comment
	VariantHidden        Variant = "hidden" // a comment, which then has no content
)

// MaxUpdatedFiles is the largest number of files in the payload of a bucket. If
// more have changed, the Hub sets updatedFilesTruncated.
const MaxUpdatedFiles = 10_000

// SampleOptions are the options of [Sample]. The zero value is the first of
// Variants, with addresses at hub.DefaultEndpoint.
type SampleOptions struct {
	Seed      uint64  // the same seed gives the same sample
	Endpoint  string  // base of the URLs in it; hub.DefaultEndpoint when empty
	WebhookID string  // made from the seed when empty
	Variant   Variant // the first of Variants when empty
	Private   bool    // whether the repo is private

	// Facts are the known details of the repo, for example from hub.Client.LookUpRepo:
	// id, owner, visibility, head, subdomain and tags. Empty fields get invented
	// values. The type, name and addresses are ignored.
	Facts hub.PayloadRepo
	// Discussion is the discussion or pull request that a discussion event is about,
	// for example from hub.Client.LookUpDiscussion. Empty ids get invented values. It
	// is used only for a variant that the discussion can have.
	Discussion *hub.Discussion
}

// KindsOf returns the kinds that repos of a type can have, in the order of Kinds.
// Buckets have no discussions. An unknown type has no kinds.
func KindsOf(repoType hub.RepoType) []Kind {
	if !slices.Contains(hub.RepoTypes(), repoType) {
		return nil
	}
	kinds := Kinds()
	if repoType == "bucket" {
		kinds = slices.DeleteFunc(kinds, func(k Kind) bool { return k.Domain() == "discussion" })
	}
	return kinds
}

// Variants returns the variants of a kind for a type of repo, the simplest first.
// A kind of one form only has the empty variant. A kind that the type cannot have
// has no variants.
func Variants(kind Kind, repoType hub.RepoType) []Variant {
	if !slices.Contains(KindsOf(repoType), kind) {
		return nil
	}
	switch kind {
	case "repo.content.update":
		if repoType == "bucket" {
			return []Variant{VariantUpload, VariantRemoval, VariantTruncated}
		}
		return []Variant{VariantCommit, VariantNewBranch, VariantDeletedBranch, VariantTag, VariantPullRef}
	case "repo.config.update":
		return []Variant{VariantVisibility, VariantUntold}
	case "discussion.create":
		return []Variant{VariantPullRequest, VariantDiscussion}
	case "discussion.delete", "discussion.comment.create":
		return []Variant{VariantDiscussion, VariantPullRequest}
	case "discussion.update":
		return []Variant{VariantClosed, VariantMerged, VariantReopened}
	case "discussion.comment.update":
		return []Variant{VariantEdited, VariantHidden}
	}
	return []Variant{""}
}

// Sample makes a payload of a kind, as the Hub sends it for a repo. The error says
// why the Hub does not send one: the kind is unknown, a bucket has no
// discussions, or the variant belongs to another kind.
func Sample(kind Kind, repo hub.Repo, opts SampleOptions) (hub.Payload, error) {
	variant, err := opts.variant(kind, repo)
	if err != nil {
		return hub.Payload{}, err
	}
	s := Sampler{Seed: opts.Seed, Endpoint: opts.Endpoint}
	webhookID := opts.WebhookID
	if webhookID == "" {
		webhookID = s.ID("webhook")
	}
	r := s.Repo(repo)
	opts.fill(&r)
	p := NewPayload(kind, r, webhookID)
	switch kind {
	case "repo.move":
		p.MovedTo = s.move(repo)
	case "repo.config.update":
		p.UpdatedConfig = UpdatedConfig(variant == VariantVisibility, r.Private)
	case "repo.content.update":
		if repo.Type == "bucket" {
			p.UpdatedFiles, p.UpdatedFilesTruncated = s.files(variant)
		} else {
			p.UpdatedRefs = s.refs(r, variant)
		}
	default:
		if kind.Domain() == "discussion" {
			s.discuss(&p, kind, r, variant, opts.Discussion)
		}
	}
	return p, nil
}

// fill replaces the invented details of a repo with the known ones.
func (o SampleOptions) fill(r *hub.PayloadRepo) {
	f := o.Facts
	r.ID, r.Owner.ID = cmp.Or(f.ID, r.ID), cmp.Or(f.Owner.ID, r.Owner.ID)
	r.Private, r.Tags = f.Private || o.Private, f.Tags
	if r.Type != "bucket" {
		r.HeadSHA = cmp.Or(f.HeadSHA, r.HeadSHA)
	}
	if r.Type == "space" {
		r.Subdomain = cmp.Or(f.Subdomain, r.Subdomain)
	}
}

// variant checks that the Hub sends such a thing, and completes the variant.
func (o SampleOptions) variant(kind Kind, repo hub.Repo) (Variant, error) {
	parsed, err := hub.ParseRepo(repo.String())
	switch {
	case err != nil:
		return "", fmt.Errorf("making a sample: %w", err)
	case parsed.Type != repo.Type:
		return "", fmt.Errorf("making a sample: %q is not a repo, and an event needs one", repo)
	case !strings.Contains(repo.Name, "/") && repo.Type != "model" && repo.Type != "dataset":
		return "", fmt.Errorf("making a sample: %q has no owner, and only old models and datasets have none", repo)
	case !kind.Known():
		return "", fmt.Errorf("making a sample: the Hub sends no events of the kind %q", kind)
	}
	variants := Variants(kind, repo.Type)
	switch {
	case len(variants) == 0:
		return "", fmt.Errorf("making a sample: the Hub sends no %s for a %s", kind, repo.Type)
	case o.Variant == "":
		return variants[0], nil
	case !slices.Contains(variants, o.Variant):
		return "", fmt.Errorf("making a sample: %s of a %s has no variant %q: want one of %q", kind, repo.Type, o.Variant, variants)
	}
	return o.Variant, nil
}

// NewPayload makes a payload of a kind with the event, the repo and the webhook
// alone. The repo has a HeadSHA only in the scopes under "repo".
func NewPayload(kind Kind, repo hub.PayloadRepo, webhookID string) hub.Payload {
	if kind.Domain() != "repo" || repo.Type == "bucket" {
		repo.HeadSHA = ""
	}
	return hub.Payload{
		Event:   hub.PayloadEvent{Action: kind.Action(), Scope: kind.Scope()},
		Repo:    repo,
		Webhook: hub.WebhookRef{ID: webhookID, Version: 3},
	}
}

// UpdatedConfig returns the updatedConfig of a repo.config.update: the new
// visibility if that has changed, else {}.
func UpdatedConfig(visibility, private bool) json.RawMessage {
	if !visibility {
		return json.RawMessage(`{}`)
	}
	return json.RawMessage(`{"private":` + strconv.FormatBool(private) + `}`)
}

func (s Sampler) move(repo hub.Repo) *hub.MovedTo {
	owner, name, owned := strings.Cut(repo.Name, "/")
	if !owned {
		owner, name = "huggingface", repo.Name
	}
	return &hub.MovedTo{Name: owner + "/" + name + "-v2", Owner: s.Account(owner)}
}

func (s Sampler) refs(r hub.PayloadRepo, variant Variant) []hub.RefUpdate {
	head, before := r.HeadSHA, s.SHA("before", r.ID)
	side := s.SHA("side", r.ID)
	switch variant {
	case VariantNewBranch:
		return []hub.RefUpdate{{Ref: "refs/heads/experiment", NewSHA: &side}}
	case VariantDeletedBranch:
		return []hub.RefUpdate{{Ref: "refs/heads/experiment", OldSHA: &side}}
	case VariantTag:
		return []hub.RefUpdate{
			{Ref: "refs/heads/main", OldSHA: &before, NewSHA: &head},
			{Ref: "refs/tags/v1.0", NewSHA: &head},
		}
	case VariantPullRef:
		return []hub.RefUpdate{{Ref: "refs/pr/" + strconv.Itoa(s.num(r)), NewSHA: &side}}
	}
	return []hub.RefUpdate{{Ref: "refs/heads/main", OldSHA: &before, NewSHA: &head}}
}

func (s Sampler) files(variant Variant) (files []hub.FileUpdate, truncated bool) {
	switch variant {
	case VariantTruncated:
		for i := range MaxUpdatedFiles {
			files = append(files, s.File(fmt.Sprintf("data/shard-%05d.parquet", i)))
		}
		return files, true
	case VariantRemoval:
		return []hub.FileUpdate{RemovedFile("data/old.txt"), RemovedFile("checkpoints/step-1000/optimizer.bin")}, false
	}
	return []hub.FileUpdate{s.File("data/train.parquet"), s.File("README.md"), RemovedFile("data/old.txt")}, false
}

// num is the number of the discussion that samples about a repo speak of.
func (s Sampler) num(r hub.PayloadRepo) int { return 2 + s.pick(40, "num", r.ID) }

func (s Sampler) discuss(p *hub.Payload, kind Kind, r hub.PayloadRepo, variant Variant, known *hub.Discussion) {
	pull := variant == VariantPullRequest || variant == VariantMerged
	d := s.Discussion(r, s.num(r), pull)
	// A closed or reopened one, and one with an edited comment, may be either.
	either := variant == VariantClosed || variant == VariantReopened || variant == VariantEdited || variant == VariantHidden
	if known != nil && (known.IsPullRequest == pull || either) {
		made := s.Discussion(r, known.Num, known.IsPullRequest)
		d = *known
		d.ID, d.Author.ID = cmp.Or(d.ID, made.ID), cmp.Or(d.Author.ID, made.Author.ID)
		d.URL = made.URL
		if d.IsPullRequest && d.Changes == nil {
			d.Changes = made.Changes
		}
		if kind == KindDiscussionCreate || variant == VariantReopened {
			d.Status = hub.DiscussionOpen
		}
	}
	switch variant {
	case VariantClosed:
		d.Status = hub.DiscussionClosed
	case VariantMerged:
		d.Status = hub.DiscussionMerged
		d.Changes = &hub.Changes{Base: d.Changes.Base, MergeCommitID: r.HeadSHA}
	}
	p.Discussion = &d
	if kind != KindDiscussionCreate && kind.Scope() != "discussion.comment" {
		return
	}
	n := 0 // the opening comment
	if kind.Scope() == "discussion.comment" {
		n = 1
	}
	c := s.Comment(d, n)
	if variant == VariantHidden {
		c.Hidden, c.Content = true, nil
	}
	p.Comment = &c
}
