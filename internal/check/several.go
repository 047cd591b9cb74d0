package check

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/present"
)

// rightSecret judges the usual deliveries. Where the right secret is refused, it looks
// for what the handler wants instead.
func rightSecret(ctx context.Context, r *runner) outcome {
	if !r.refused {
		for _, kind := range []event.Kind{event.KindRepoContentUpdate, event.KindDiscussionCommentCreate} {
			if o, ok := r.first[string(kind)]; ok && o.answers[0].OK() {
				return outcome{status: Pass, sent: o.sent, answers: o.answers}
			}
		}
		return outcome{status: CannotTell, says: "no usual delivery was answered with 2xx"}
	}
	o := r.first[string(event.KindRepoContentUpdate)]
	o.status = Fail
	o.says = answered(o.answers[0]) + "; the handler has another secret: export WEBHOOK_SECRET=$(hf-tap secret)"
	signed := usual(event.KindRepoContentUpdate)(r)
	mac := hmac.New(sha256.New, []byte(r.Secret))
	mac.Write(signed.body)
	signature := hex.EncodeToString(mac.Sum(nil))
	signed.header = http.Header{}
	for _, name := range []string{"X-Hub-Signature-256", "X-Webhook-Signature", "X-Signature", "X-Hf-Signature", "X-Huggingface-Signature"} {
		signed.header[http.CanonicalHeaderKey(name)] = []string{"sha256=" + signature}
	}
	inQuery := carrying(secretInQuery)(r)
	switch {
	case r.send(ctx, signed).OK():
		o.says = answered(o.answers[0]) + "; it wants a signature (HMAC), which the Hub never sends: compare X-Webhook-Secret with the secret"
	case r.send(ctx, inQuery).OK():
		o.says = answered(o.answers[0]) + "; it reads the secret from the URL: use a URL with ?secret= for the webhook and for hf-tap check"
	}
	return o
}

// sameTime sends requests at the same time.
func (r *runner) sameTime(ctx context.Context, sent ...request) []Answer {
	answers := make([]Answer, len(sent))
	var all sync.WaitGroup
	start := make(chan struct{})
	for i, q := range sent {
		all.Go(func() {
			<-start
			answers[i] = r.exchangeWithin(ctx, q)
		})
	}
	close(start)
	all.Wait()
	for i := range answers {
		r.note(ctx, sent[i], &answers[i])
	}
	return answers
}

// sort is a sort of deliveries that handlers work on.
type sort struct {
	repo hub.Repo
	made func(*runner) request
}

// pushesAndComment are pushes to repos of the types that have them, and a comment.
func (r *runner) pushesAndComment() []sort {
	const push, comment = event.KindRepoContentUpdate, event.KindDiscussionCommentCreate
	var all []sort
	seen := map[hub.RepoType]bool{}
	for _, repoType := range []hub.RepoType{r.Repo.Type, "model", "dataset", "space"} {
		if !seen[repoType] && !r.stuck[push] {
			all = append(all, sort{r.repo(push, repoType, ""), variant(push, repoType, "")})
		}
		seen[repoType] = true
	}
	if !r.stuck[comment] {
		all = append(all, sort{r.repo(comment, "", ""), usual(comment)})
	}
	return all
}

const lookAtRepeat = "look whether the handler did its work twice; it should keep the Webhook-Id of what it has done"

// repeat sends deliveries twice.
func repeat(ctx context.Context, r *runner) outcome {
	o := outcome{status: CannotTell, says: "the answers to both are alike", look: lookAtRepeat}
	for _, s := range r.pushesAndComment() {
		if r.gone != "" || ctx.Err() != nil || o.status == Fail {
			break
		}
		found := r.twice(ctx, s)
		if found.status == Fail {
			return found
		}
		o.sent, o.answers = append(o.sent, found.sent...), append(o.answers, found.answers...)
		if worse(found.status, o.status) {
			o.status, o.says, o.look = found.status, found.says, found.look
		}
	}
	return o
}

// worse reports whether status a replaces b as the result for several deliveries. A
// seen success replaces an unknown result, and a failure replaces both.
func worse(a, b Status) bool {
	order := map[Status]int{CannotTell: 0, Pass: 1, Warn: 2, Fail: 3}
	return order[a] > order[b]
}

// twice sends a delivery twice. In a World it sees what the handler does.
func (r *runner) twice(ctx context.Context, s sort) outcome {
	if r.World != nil && r.worldErr == nil {
		r.worldErr = r.World.Renew(s.repo)
	}
	q := s.made(r)
	o := outcome{sent: []request{q, q}}
	send := func() (wrote []string) {
		o.answers = append(o.answers, r.send(ctx, q))
		return r.wrote(ctx)
	}
	r.wrote(ctx)
	once, again := send(), send()
	o.status, o.says, o.look = r.judgeRepeat(q, o.answers[0], o.answers[1])
	if o.status == Fail || o.status == Warn || len(once) == 0 {
		return o
	}
	if len(again) > 0 { // or it is late with something of the first time
		o.sent = append(o.sent, q)
		again = send()
	}
	if len(again) > 0 {
		o.status, o.says, o.look = Fail, "each time it did "+again[0], ""
	} else {
		o.status, o.says, o.look = Pass, fmt.Sprintf("the first time it did %s, then nothing", once[0]), ""
	}
	return o
}

// wrote returns what the handler has written since the last call, nothing without a
// World.
func (r *runner) wrote(ctx context.Context) []string {
	if r.World == nil {
		return nil
	}
	all := r.World.Writes(ctx, r.unseen)
	wrote := all[r.known:]
	r.known, r.unseen = len(all), false
	return wrote
}

// judgeRepeat judges the answers to a delivery and its repeat.
func (r *runner) judgeRepeat(q request, first, second Answer) (status Status, says, look string) {
	if fault := r.fault(q, first); fault != "" {
		return Fail, fault, ""
	}
	switch fault := r.fault(q, second); {
	case second.Status >= 400 && second.Status < 500 && (second.Status == http.StatusConflict || saysRepeat(second.Body)):
		return Warn, fmt.Sprintf("the repeat is answered %d, which the Hub takes for a failure and delivers again; want 200", second.Status), ""
	case fault != "":
		return Fail, "the repeat: " + fault, ""
	case saysRepeat(second.Body) && !saysRepeat(first.Body):
		return Pass, "", ""
	}
	return CannotTell, "the answers to both are alike", lookAtRepeat
}

// repeatAtOnce sends a delivery twice at the same time.
func repeatAtOnce(ctx context.Context, r *runner) outcome {
	o := outcome{status: CannotTell, says: "the answers to both are alike", look: lookAtRepeat}
	for _, s := range r.pushesAndComment() {
		if r.gone != "" || ctx.Err() != nil || o.status == Fail {
			break
		}
		q := s.made(r)
		both := r.sameTime(ctx, q, q)
		if both[1].Took < both[0].Took || !both[1].OK() && both[0].OK() || saysRepeat(both[0].Body) {
			both[0], both[1] = both[1], both[0] // which was first is not known
		}
		if saysRepeat(both[0].Body) && !saysRepeat(both[1].Body) {
			both[0], both[1] = both[1], both[0]
		}
		status, says, look := r.judgeRepeat(q, both[0], both[1])
		o.sent, o.answers = append(o.sent, q, q), append(o.answers, both...)
		if worse(status, o.status) {
			o.status, o.says, o.look = status, says, look
		}
	}
	o.curl = r.atOnce(o.sent)
	return o
}

// ownComment shows whether the handler reacts to its own comments, which only its own
// calls show.
func ownComment(ctx context.Context, r *runner) outcome {
	o := outcome{status: CannotTell, look: "let the handler's own account comment, and look whether it answers; --sandbox -- COMMAND checks that"}
	switch {
	case r.World == nil:
		o.says = "only what the handler writes would show it"
		return o
	case r.World.Account() == "":
		o.says = "the handler's account is not known"
		return o
	case r.stuck[event.KindDiscussionCommentCreate]:
		o.says = fmt.Sprintf("not sent: discussion.comment.create was not answered within %s", r.Timeout)
		return o
	}
	others := usual(event.KindDiscussionCommentCreate)
	own := changed(event.KindDiscussionCommentCreate, "", "", func(p *hub.Payload) { p.Comment.Author.ID = r.World.Account() })
	fault := ""
	send := func(made func(*runner) request) []string {
		q := made(r)
		a := r.send(ctx, q)
		o.sent, o.answers = append(o.sent, q), append(o.answers, a)
		if fault == "" {
			fault = r.fault(q, a)
		}
		return r.wrote(ctx)
	}
	r.wrote(ctx)
	once, again := send(others), send(own)
	if len(again) > 0 { // or it is late with something of the first comment
		again = send(own)
	}
	switch {
	case fault != "":
		o.status, o.says, o.look = Fail, fault, ""
	case len(again) > 0:
		o.status, o.says, o.look = Fail, "for a comment of its own account it did "+again[0], ""
	case len(once) > 0:
		o.status, o.says, o.look = Pass, fmt.Sprintf("for a comment of somebody else it did %s, for its own nothing", once[0]), ""
	default:
		o.says, o.look = "it wrote nothing for a comment of somebody else either", "give --comment a text that the handler reacts to"
	}
	return o
}

// The shortest durations of one delivery for which waiting for another counts. Below
// them, the wait may be chance.
const (
	waitingWarns = 200 * time.Millisecond
	waitingFails = time.Second
)

// twoAtOnce compares two events one after the other with two at the same time.
func twoAtOnce(ctx context.Context, r *runner) outcome {
	if r.blocked {
		return outcome{status: Fail, says: fmt.Sprintf("while a delivery was not answered within %s, nothing else was either", r.Timeout)}
	}
	if r.gone != "" {
		return outcome{status: CannotTell, says: "not sent: " + r.gone}
	}
	var o outcome
	for range 2 { // a machine may be busy for a moment
		if o = r.compareTwo(ctx); o.status == Pass || r.gone != "" || ctx.Err() != nil {
			break
		}
	}
	return o
}

func (r *runner) two() (request, request, bool) {
	second := usual(event.KindDiscussionCommentCreate)
	if event.Variants(event.KindDiscussionCommentCreate, r.Repo.Type) == nil || r.stuck[event.KindDiscussionCommentCreate] {
		second = variant(event.KindRepoContentUpdate, "dataset", "")
	}
	first := usual(event.KindRepoContentUpdate)
	if r.stuck[event.KindRepoContentUpdate] {
		first = variant(event.KindDiscussionCommentCreate, "dataset", "")
	}
	return first(r), second(r), !r.stuck[event.KindRepoContentUpdate] || !r.stuck[event.KindDiscussionCommentCreate]
}

func (r *runner) compareTwo(ctx context.Context) outcome {
	a, b, fine := r.two()
	if !fine {
		return outcome{status: CannotTell, says: fmt.Sprintf("not sent: the usual deliveries were not answered within %s", r.Timeout)}
	}
	alone := []Answer{r.send(ctx, a), r.send(ctx, b)}
	a, b, _ = r.two()
	o := outcome{status: Pass, sent: []request{a, b}}
	both := r.sameTime(ctx, a, b)
	o.answers, o.curl = both, r.atOnce(o.sent)
	sum, least, last := alone[0].Took+alone[1].Took, min(alone[0].Took, alone[1].Took), max(both[0].Took, both[1].Took)
	o.says = fmt.Sprintf("alone %s and %s, at once %s and %s", present.Duration(alone[0].Took), present.Duration(alone[1].Took), present.Duration(both[0].Took), present.Duration(both[1].Took))
	for i, q := range o.sent {
		if fault := r.fault(q, both[i]); fault != "" {
			o.status = Fail
			if alone[i].OK() {
				fault = "one of two at once: " + fault
			}
			o.says = fault
			return o
		}
	}
	if least >= waitingWarns && last >= sum-least/2 {
		o.status = Warn
		if least >= waitingFails {
			o.status = Fail
		}
		o.says = "the second waits until the first is done: " + o.says
	}
	return o
}

// answerTime judges the times of all deliveries.
func answerTime(_ context.Context, r *runner) outcome {
	switch {
	case r.timeouts > 0:
		var kinds []string
		for _, kind := range event.Kinds() {
			if r.stuck[kind] {
				kinds = append(kinds, string(kind))
			}
		}
		says := fmt.Sprintf("%s not answered within %s", present.Count(r.timeouts, "delivery"), r.Timeout)
		if r.timeouts > 1 {
			says = fmt.Sprintf("%d deliveries not answered within %s", r.timeouts, r.Timeout)
		}
		if len(kinds) > 0 {
			says += ": " + strings.Join(kinds, ", ")
		}
		return outcome{status: Fail, says: says}
	case r.measured == 0:
		return outcome{status: CannotTell, says: "no delivery was answered"}
	}
	says := fmt.Sprintf("the slowest of %d was %s, in %s", r.measured, r.slowKind, present.Duration(r.slowest))
	if r.slowest >= slow {
		return outcome{status: Warn, says: says + ": answer first, and work afterwards"}
	}
	return outcome{status: Pass, says: says}
}
