package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/advice"
)

// DownError means that there is no connection to the handler, and nothing can be
// checked.
type DownError struct {
	Target string
	Err    error
}

// Error names the target.
func (e *DownError) Error() string { return fmt.Sprintf("%s: %v", e.Target, e.Err) }

// Unwrap returns why there is no connection.
func (e *DownError) Unwrap() error { return e.Err }

// AddressError means that the handler does not accept deliveries at the target's path.
type AddressError struct {
	Target string
	Status int      // 404, 405, or a redirect's
	Paths  []string // where the handler accepts POST, if its answer lists that
	To     string   // where the redirect leads
}

// Error says what was answered.
func (e *AddressError) Error() string {
	if e.To != "" {
		return fmt.Sprintf("%s redirects to %s (%d), and redirects are not followed", e.Target, event.MaskURL(e.To), e.Status)
	}
	return fmt.Sprintf("%s answers %d to POST", e.Target, e.Status)
}

// maxTimeouts is how many deliveries may time out until no further ones are sent.
const maxTimeouts = 3

// slow is the time from which on an answer is worth a warning. How long the Hub waits
// is not documented.
const slow = 3 * time.Second

// runner is one run of the checks, with the answers so far.
type runner struct {
	Config
	transport http.RoundTripper
	samples   samples
	first     map[string]outcome // of the checks that are made before all others
	gone      string             // why nothing is sent any more, "" while something is
	stuck     map[event.Kind]bool
	timeouts  int
	blocked   bool
	slowest   time.Duration
	slowKind  event.Kind
	measured  int // answered deliveries
	refused   bool
	worldErr  error  // of the World, which ends the run
	known     int    // how many writes of the World were looked at
	unseen    bool   // a delivery was sent since then
	pushed    string // what the handler wrote for a push to main
}

// outcome is the status of a check and the reason for it.
type outcome struct {
	status  Status
	says    string
	look    string
	sent    []request
	curl    string // in the place of that of what was sent
	answers []Answer
}

// Run makes the checks, one after the other, and counts how they ended. The error
// says why nothing can be checked ([*DownError], [*AddressError]), or is that of ctx or
// Report.
func Run(ctx context.Context, cfg Config) (Count, error) {
	r := &runner{Config: cfg.withDefaults(), first: map[string]outcome{}, stuck: map[event.Kind]bool{}}
	r.samples = newSamples(r.Config)
	var err error
	if r.transport, err = r.Target.Transport(); err != nil {
		return nil, err
	}
	if err := r.probe(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &DownError{r.Target.Name(), err}
	}
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	return r.all(ctx)
}

func (c Config) withDefaults() Config {
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.Busy = cmp.Or(c.Busy, 30*time.Second)
	c.Pieces = cmp.Or(c.Pieces, 500*time.Millisecond)
	c.Back = cmp.Or(c.Back, 3*time.Second)
	c.Repo = cmp.Or(c.Repo, hub.Repo{Type: "model", Name: "me/my-model"})
	if c.Seed == 0 {
		c.Seed = uint64(time.Now().UnixNano())
	}
	if c.Checks == nil {
		c.Checks = All()
	}
	if c.Progress == nil {
		c.Progress = func(int, int, string) {}
	}
	if c.Report == nil {
		c.Report = func(Result) error { return nil }
	}
	return c
}

// probe opens a connection to the handler and closes it.
func (r *runner) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	_, err := r.Target.Check(ctx)
	return err
}

// begin sends the two usual deliveries. From their answers follows whether it makes
// sense to send the others.
func (r *runner) begin(ctx context.Context) error {
	var answers []Answer
	for _, kind := range []event.Kind{event.KindRepoContentUpdate, event.KindDiscussionCommentCreate} {
		if r.gone != "" || len(event.Variants(kind, r.Repo.Type)) == 0 {
			continue
		}
		name := string(kind)
		r.Progress(0, len(r.Checks), name)
		r.wrote(ctx)
		o := one(usual(kind), accepted)(ctx, r)
		if wrote := r.wrote(ctx); r.World != nil && kind == event.KindRepoContentUpdate && o.answers[0].OK() {
			if len(wrote) == 0 { // the missing object exists now
				r.send(ctx, usual(kind)(r))
				wrote = r.wrote(ctx)
			}
			r.pushed = strings.Join(wrote[:min(1, len(wrote))], "")
		}
		if err := r.interrupted(ctx); err != nil {
			return err
		}
		if why := r.death(ctx, &o); why != "" {
			o.says += "; " + why
		}
		r.first[name] = o
		answers = append(answers, o.answers...)
	}
	all := func(is func(Answer) bool) bool {
		for _, a := range answers {
			if !is(a) {
				return false
			}
		}
		return true
	}
	first := answers[0]
	switch {
	case all(func(a Answer) bool { return a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed }):
		asking, cancel := context.WithTimeout(ctx, r.Timeout)
		defer cancel()
		return &AddressError{Target: r.Target.Name(), Status: first.Status, Paths: r.Target.Paths(asking, advice.Usual()...).Others}
	case all(func(a Answer) bool { return a.To != "" }):
		return &AddressError{Target: r.Target.Name(), Status: first.Status, To: first.To}
	case r.gone != "":
	case all(func(a Answer) bool { return a.Status == 0 }):
		r.gone = "no delivery is answered: " + first.Err
	case all(refusesSecret):
		r.refused = true
		r.gone = fmt.Sprintf("the right secret is refused (%d)", first.Status)
	}
	return nil
}

// refusesSecret reports whether an answer says that the secret is not right.
func refusesSecret(a Answer) bool {
	attempt := a.attempt("")
	trouble, ok := advice.For(&event.Event{Verdict: event.VerdictOK}, attempt)
	return ok && trouble.Trouble == advice.WrongSecret
}

// all makes all checks. A result is reported when the next check has found the
// handler in its place: what goes down a moment after its answer is the fault of the
// delivery before.
func (r *runner) all(ctx context.Context) (Count, error) {
	count := Count{}
	var held *Result
	flush := func() error {
		if held == nil {
			return nil
		}
		count[held.Status]++
		res := *held
		held = nil
		return r.Report(res)
	}
	for i, c := range r.Checks {
		r.Progress(i+1, len(r.Checks), c.Name)
		if r.gone == "" && r.probe(ctx) != nil {
			r.blame(held, r.revive(ctx))
		}
		o, made := r.first[c.Name]
		if !made {
			o = r.attempt(ctx, c)
			if why := r.death(ctx, &o); why != "" {
				o = r.again(ctx, c, o, why, held)
			}
		}
		if err := r.interrupted(ctx); err != nil {
			return count, err
		}
		if err := flush(); err != nil {
			return count, err
		}
		held = r.result(ctx, c, o)
	}
	if r.gone == "" && r.probe(ctx) != nil {
		r.blame(held, r.revive(ctx))
	}
	if err := r.interrupted(ctx); err != nil {
		return count, err
	}
	return count, flush()
}

// again repeats a check after which the handler was down. If it goes well now, the
// handler was already dying of the check before, which is blamed.
func (r *runner) again(ctx context.Context, c Check, o outcome, why string, held *Result) outcome {
	if r.gone == "" {
		second := r.attempt(ctx, c)
		again := r.death(ctx, &second)
		if again == "" && held != nil {
			r.blame(held, why)
			return second
		}
	}
	o.status, o.look = Fail, ""
	if o.says == "" || o.answers[0].refused {
		o.says = why
	} else {
		o.says += "; " + why
	}
	return o
}

// interrupted is why the run ends before all checks are made.
func (r *runner) interrupted(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.worldErr != nil {
		return fmt.Errorf("prepare the stand-in Hub: %w", r.worldErr)
	}
	return nil
}

// attempt makes a check, unless nothing is sent any more.
func (r *runner) attempt(ctx context.Context, c Check) outcome {
	if r.gone != "" && !c.judges {
		return outcome{status: CannotTell, says: "not sent: " + r.gone}
	}
	return c.run(ctx, r)
}

func (r *runner) appOutput() []string {
	if r.AppOutput == nil {
		return nil
	}
	return r.AppOutput()
}

// outputTime is how long the output of an app is waited for that is written with an
// answer.
const outputTime = 50 * time.Millisecond

// result makes the Result of an outcome.
func (r *runner) result(ctx context.Context, c Check, o outcome) *Result {
	if r.AppOutput != nil && (o.status == Fail || o.status == Warn) {
		select { // what it wrote about that is on its way
		case <-ctx.Done():
		case <-time.After(outputTime):
		}
	}
	res := &Result{Check: c, Status: o.status, Says: o.says, Look: o.look, Answers: o.answers, App: r.appOutput(), Curl: o.curl}
	if res.Curl == "" {
		res.Curl = r.curls(o.sent)
	}
	return res
}

// note records from the answer to a delivery how the handler as a whole behaves.
func (r *runner) note(ctx context.Context, q request, a *Answer) {
	r.unseen = true
	if a.timedOut {
		r.timeouts++
		if q.kind != "" {
			r.stuck[q.kind] = true
		}
		a.blocked = !r.responds(ctx, min(r.Timeout, time.Second))
		r.blocked = r.blocked || a.blocked
		switch {
		case a.blocked && !r.responds(ctx, r.Busy):
			r.gone = fmt.Sprintf("the handler answers nothing since %s", cmp.Or(string(q.kind), q.method))
		case r.timeouts >= maxTimeouts:
			r.gone = fmt.Sprintf("%d deliveries were not answered in time", r.timeouts)
		}
		return
	}
	if a.Status != 0 && q.kind != "" && q.secret == secretRight && !q.slow {
		r.measured++
		if a.Took > r.slowest {
			r.slowest, r.slowKind = a.Took, q.kind
		}
	}
}

// said is the beginning of the handler's answer, on one line.
func said(a Answer) string {
	const most = 160
	text := strings.Join(strings.Fields(string(a.Body)), " ")
	if strings.HasPrefix(text, "<") { // a page
		return ""
	}
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	return text
}

// Unreachable reports whether an error of Run says that the handler is down.
func Unreachable(err error) bool {
	var down *DownError
	return errors.As(err, &down)
}
