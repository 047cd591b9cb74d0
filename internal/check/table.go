package check

import (
	"net/http"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
)

// Why a kind of check matters on the Hub, in the words that several checks share.
const (
	whyAccepted = "the Hub takes every answer but 2xx for a failed delivery: it delivers again, and in the end suspends the webhook"
	whyOpen     = "the address of a webhook does not stay secret, and people who know it can send what the Hub sends"
	whyNew      = "the Hub adds scopes, types, actions and fields without notice, and a handler that refuses them is suspended"
	whyNoPush   = "it is a repo.content.update like a push to main; the most usual mistake after repeats is to train or build for it"
	whyRepeat   = "the Hub delivers again what was not answered in time, with the same Webhook-Id, and so does a replay on its page"
	whyGarbage  = "others can send anything; an exception that nobody catches ends some servers"
)

// All returns all checks, in the order in which they are made.
func All() []Check {
	all := kindChecks()
	all = append(all, payloadChecks()...)
	all = append(all, secretChecks()...)
	all = append(all, repeatChecks()...)
	return append(all, requestChecks()...)
}

func checkOf(group Group, name, sends, why string, made func(*runner) request, j judge) Check {
	return Check{Name: name, Group: group, Sends: sends, Judged: j.words, Why: why, run: one(made, j)}
}

// kindChecks are a check for every kind.
func kindChecks() []Check {
	var all []Check
	for _, kind := range event.Kinds() {
		all = append(all, checkOf(Kinds, string(kind), "its usual form", whyAccepted, usual(kind), accepted))
	}
	return all
}

// payloadChecks are the forms of payloads that break handlers.
func payloadChecks() []Check {
	const push, config = event.KindRepoContentUpdate, event.KindRepoConfigUpdate
	const notForMain = "look whether the handler did the work of a push to main: it should not"
	check := func(name, sends, why string, made func(*runner) request, j judge) Check {
		return checkOf(Payload, name, sends, why, made, j)
	}
	return []Check{
		check("pull-request-ref", "a push to refs/pr/N", whyNoPush, variant(push, "", pullRef), leftAlone(notForMain)),
		check("new-branch", "a new branch, whose oldSha is null", whyNoPush, variant(push, "", newBranch), leftAlone(notForMain)),
		check("deleted-branch", "a deleted branch, whose newSha is null", whyNoPush, variant(push, "", deletedBranch), leftAlone(notForMain)),
		check("tag", "a new tag alone", whyNoPush, tagAlone, leftAlone(notForMain)),
		check("plain-discussion", "discussion.create of a discussion, which has no changes", whyAccepted, variant(event.KindDiscussionCreate, "", event.VariantDiscussion), accepted),
		check("merged", "discussion.update of a merged pull request", whyAccepted, variant(event.KindDiscussionUpdate, "", event.VariantMerged), accepted),
		check("hidden-comment", "discussion.comment.update of a hidden comment, which has no content", "the Hub leaves out the content of hidden comments",
			variant(event.KindDiscussionCommentUpdate, "", event.VariantHidden), accepted),
		check("unicode", "a comment with emoji, quotes and line ends", "titles and comments are what people type", unicodeComment, accepted),
		check("empty-config", "repo.config.update with updatedConfig {}", "the Hub names the changed setting only for the visibility; one public handler looped for ever on the empty one",
			variant(config, "", event.VariantUntold), accepted),
		check("no-owner", "a push to a model whose name has no slash", "old canonical repos, like gpt2, have no owner in their name",
			changedRepo(push, hub.Repo{Type: "model", Name: "gpt2"}), accepted),
		check("dataset", "a push to a dataset", "a webhook of an account covers all types of repos", variant(push, "dataset", ""), accepted),
		check("space", "a push to a Space, which has a subdomain", "a webhook of an account covers all types of repos", variant(push, "space", ""), accepted),
		check("kernel", "a push to a kernel", whyNew, variant(push, "kernel", ""), accepted),
		check("bucket", "an upload to a bucket, which has updatedFiles and no updatedRefs or headSha", whyNew, variant(push, "bucket", ""), accepted),
		check("many-files", "10,000 files of a bucket, 1.5 MB", "a payload has up to 10,000 files, and the default limit for bodies of Express is 100 kB", manyFiles, accepted),
		check("unknown-type", "a push to a repo of a type that does not exist yet", whyNew, withField(usual(push), "notebook", "repo", "type"), accepted),
		check("narrower-scope", "repo.config.dois, a scope below repo.config", "the Hub says that a narrower scope counts as an update of the broader one",
			withField(variant(config, "", event.VariantUntold), "repo.config.dois", "event", "scope"), accepted),
		check("unknown-scope", "a scope that does not exist yet", whyNew, withField(usual(event.KindRepoUpdate), "collection", "event", "scope"), accepted),
		check("unknown-action", "an action that does not exist yet", whyNew, withField(usual(event.KindRepoUpdate), "archive", "event", "action"), accepted),
		check("extra-fields", "a push with fields that do not exist yet", whyNew,
			withField(withField(usual(push), map[string]any{"since": "2030-01-01"}, "archived"), []any{"new"}, "repo", "labels"), accepted),
		check("charset", "Content-Type: application/json; charset=utf-8", "the Hub does not document whether it names the charset",
			with(plain, func(q *request) { q.contentType = "application/json; charset=utf-8" }), accepted),
	}
}

// Short names of variants.
const (
	pullRef       = event.VariantPullRef
	newBranch     = event.VariantNewBranch
	deletedBranch = event.VariantDeletedBranch
)

// tagAlone makes a tag that comes without a push to main.
func tagAlone(r *runner) request {
	return changed(event.KindRepoContentUpdate, "", event.VariantTag, func(p *hub.Payload) { p.UpdatedRefs = p.UpdatedRefs[1:] })(r)
}

func unicodeComment(r *runner) request {
	return changed(event.KindDiscussionCommentCreate, "", "", func(p *hub.Payload) {
		text := *p.Comment.Content + "\r\n\n> \"naïve\" 'quotes' \\ <b>&amp;</b> `code` 日本語 🤗"
		p.Comment.Content = &text
		p.Discussion.Title = "Ünïcode “title” 🤗"
	})(r)
}

func changedRepo(kind event.Kind, repo hub.Repo) func(*runner) request {
	return func(r *runner) request { return r.request(r.samples.payload(kind, repo, "")) }
}

// secretChecks are deliveries with a wrong or missing secret, and one with the right
// one.
func secretChecks() []Check {
	check := func(name, sends string, form secretForm) Check {
		return checkOf(Secrets, name, sends, whyOpen, carrying(form), refused)
	}
	return []Check{
		{Name: "right-secret", Group: Secrets, Sends: "the right secret; if it is refused, also a signature (HMAC) and ?secret=", Judged: "2xx",
			Why: "the Hub sends the secret itself in X-Webhook-Secret, and never a signature made with it", run: rightSecret, judges: true},
		check("wrong-secret", "a push with a wrong secret", secretWrong),
		check("missing-secret", "a push without a secret", secretMissing),
		check("empty-secret", "a push with an empty secret", secretEmpty),
		check("longer-secret", "a push with the right secret and a character more", secretLonger),
	}
}

// repeatChecks are repeated deliveries, and deliveries that the handler causes itself.
func repeatChecks() []Check {
	return []Check{
		{Name: "repeat", Group: Repeats, Sends: "pushes and a comment, each twice, one after the other, with the same Webhook-Id", Judged: "2xx both times; passes if the second answer says that it is a repeat, or, with --sandbox, nothing is done again; fails if it is",
			Why: whyRepeat, run: repeat},
		{Name: "repeat-at-once", Group: Repeats, Sends: "pushes and a comment, each twice at the same time, with the same Webhook-Id", Judged: "2xx both times; passes if one answer says that it is a repeat",
			Why: whyRepeat, run: repeatAtOnce},
		{Name: "own-comment", Group: Writes, Sends: "with --sandbox: a comment by somebody else, then one by the handler's own account", Judged: "it writes something for the first and nothing for the second; otherwise the result is unknown",
			Why: "what a handler writes into a watched repo is delivered to it as well: one that answers itself never ends, until the 1,000 events of the day are used up", run: ownComment},
	}
}

// requestChecks are unusual methods, bodies and timings.
func requestChecks() []Check {
	check := func(name, sends, why string, made func(*runner) request, j judge) Check {
		return checkOf(Request, name, sends, why, made, j)
	}
	method := func(method string) func(*runner) request {
		return with(plain, func(q *request) {
			if q.method = method; method == http.MethodHead {
				q.body = nil
			}
		})
	}
	return []Check{
		check("get", "a push by GET", "the Hub sends POST only, and GET is what browsers, previews and scanners send", method(http.MethodGet), notAMethod),
		check("head", "HEAD", "the Hub sends POST only, and HEAD is what monitors send", method(http.MethodHead), notAMethod),
		check("slow-body", "a push whose body comes in six pieces over some seconds", "between the Hub and a handler are networks and tunnels, which are slow at times",
			with(plain, func(q *request) { q.slow = true }), accepted),
		check("broken-json", "half a payload", whyGarbage, with(plain, func(q *request) { q.kind, q.body = "", q.body[:len(q.body)/2] }), notTaken),
		check("empty-body", "no body", whyGarbage, with(plain, func(q *request) { q.kind, q.body = "", nil }), notTaken),
		check("not-json", "a form", whyGarbage, text("payload=hello&x=1", "application/x-www-form-urlencoded"), notTaken),
		check("not-an-object", "a JSON list", whyGarbage, text(`[1, "two", null]`, ""), notTaken),
		{Name: "two-at-once", Group: Time, Sends: "two different events, one after the other, then two more at the same time", Judged: "2xx; the second does not wait for all of the first",
			Why: "deliveries come in bursts, and in no order: the Hub does not wait for one before it sends the next", run: twoAtOnce, judges: true},
		{Name: "answer-time", Group: Time, Sends: "nothing of its own", Judged: "every delivery is answered within --timeout; a warning above 3s",
			Why: "how long the Hub waits is not documented; what takes longer than seconds is best done after the answer", run: answerTime, judges: true},
	}
}
