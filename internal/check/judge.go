package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/advice"
)

// judge is a function that returns the outcome for an answer to one delivery.
type judge struct {
	words string // for people
	of    func(r *runner, q request, a Answer) outcome
	// does judges what the handler then did in its World, if the answer does not show
	// it; may be nil.
	does func(r *runner, o *outcome, wrote []string)
}

// one is the check of a single delivery.
func one(made func(*runner) request, j judge) func(context.Context, *runner) outcome {
	return func(ctx context.Context, r *runner) outcome {
		q := made(r)
		if r.stuck[q.kind] && q.secret == secretRight {
			return outcome{status: CannotTell, says: fmt.Sprintf("not sent: %s was not answered within %s", q.kind, r.Timeout)}
		}
		watches := r.World != nil && j.does != nil
		if watches {
			r.wrote(ctx)
		}
		a := r.send(ctx, q)
		o := j.of(r, q, a)
		if watches && o.status == CannotTell {
			j.does(r, &o, r.wrote(ctx))
		}
		o.sent, o.answers = []request{q}, []Answer{a}
		return o
	}
}

// accepted is the judge of what the Hub may send at any time.
var accepted = judge{
	words: "2xx, in time; a warning if its body is an error",
	of: func(r *runner, q request, a Answer) outcome {
		if fault := r.fault(q, a); fault != "" {
			return outcome{status: Fail, says: fault}
		}
		if says := a.attempt("").BodyError(); says != "" {
			return outcome{status: Warn, says: fmt.Sprintf("answered %d, and the body is an error, which the Hub does not see: %s", a.Status, says)}
		}
		return outcome{status: Pass}
	},
}

// fault is the reason why the Hub counts an answer as a failed delivery, "" if it does
// not.
func (r *runner) fault(q request, a Answer) string {
	switch {
	case a.blocked:
		return a.Err + ", and other requests are not answered either: the handler does its work before it answers"
	case a.Err != "":
		return a.Err
	case a.OK():
		return ""
	case a.To != "":
		return fmt.Sprintf("redirects to %s, which the Hub is not known to follow", event.MaskURL(a.To))
	case a.Status == http.StatusUnprocessableEntity:
		if trouble, ok := advice.For(&event.Event{Kind: q.kind}, a.attempt("")); ok {
			return trouble.What
		}
	}
	return answered(a)
}

func answered(a Answer) string {
	words := fmt.Sprintf("answered %d", a.Status)
	if text := said(a); text != "" {
		words += ": " + text
	}
	return words
}

// leftAlone is the judge for events that handlers often confuse with others, and should
// ignore. look is what to look at where the answer does not show it.
func leftAlone(look string) judge {
	return judge{
		words: "2xx, and the answer says that it is ignored, or, with --sandbox, it does nothing; otherwise the result is unknown",
		does: func(r *runner, o *outcome, wrote []string) {
			switch {
			case len(wrote) > 0:
				o.says = "it did " + wrote[0]
			case r.pushed != "":
				o.status, o.look = Pass, ""
				o.says = fmt.Sprintf("it did nothing; for a push to main it did %s", r.pushed)
			}
		},
		of: func(r *runner, q request, a Answer) outcome {
			o := accepted.of(r, q, a)
			if o.status != Pass || saysIgnored(a.Body) {
				return o
			}
			return outcome{status: CannotTell, says: "answered as other deliveries are", look: look}
		},
	}
}

// saysIgnored reports whether an answer says that nothing was done.
func saysIgnored(body []byte) bool {
	return contains(body, "ignor", "skip", "not match", "no action", "nothing to do", "not relevant", "not a push", "unsupported", "unhandled", "not handled")
}

// saysRepeat reports whether an answer says that the delivery is a repeat.
func saysRepeat(body []byte) bool {
	return contains(body, "duplicate", "already", "repeat", "seen before")
}

func contains(body []byte, words ...string) bool {
	text := bytes.ToLower(body)
	return slices.ContainsFunc(words, func(word string) bool { return bytes.Contains(text, []byte(word)) })
}

// refused is the judge of deliveries that are not the Hub's.
var refused = judge{
	words: "4xx; an answer of 2xx is a failure, also with an error in its body",
	of: func(_ *runner, _ request, a Answer) outcome {
		body := a.attempt("").BodyError()
		switch {
		case a.Err != "":
			return outcome{status: Fail, says: a.Err}
		case a.OK() && body != "":
			return outcome{status: Fail, says: fmt.Sprintf("refused in the body only (%s): the answer itself is %d, so that a wrong secret in the webhook's settings is never noticed", body, a.Status)}
		case a.OK():
			return outcome{status: Fail, says: fmt.Sprintf("answered %d: it is handled like a delivery of the Hub", a.Status)}
		case a.Status >= 500:
			return outcome{status: Warn, says: answered(a) + ", as a crash is; want 401 or 403"}
		case a.Status < 400:
			return outcome{status: Warn, says: answered(a) + "; want 401 or 403"}
		}
		return outcome{status: Pass}
	},
}

// notTaken is the judge of bodies that are not payloads.
var notTaken = judge{
	words: "4xx; a warning for 5xx and 2xx, a failure without an answer",
	of: func(_ *runner, _ request, a Answer) outcome {
		switch {
		case a.Err != "":
			return outcome{status: Fail, says: a.Err}
		case a.OK() && a.attempt("").BodyError() == "" && !saysIgnored(a.Body):
			return outcome{status: Warn, says: fmt.Sprintf("answered %d, as if it were a payload; want 400", a.Status)}
		case a.Status >= 500:
			return outcome{status: Warn, says: answered(a) + "; want 400"}
		}
		return outcome{status: Pass}
	},
}

// notAMethod is the judge of deliveries by another method.
var notAMethod = judge{
	words: "anything but what the same POST is answered; a warning for another 2xx that is not a page, and for 5xx",
	of: func(r *runner, q request, a Answer) outcome {
		post := r.usualAnswer()
		switch {
		case a.Err != "":
			return outcome{status: Fail, says: a.Err}
		case a.Status >= 500:
			return outcome{status: Warn, says: answered(a) + "; want 405"}
		case !a.OK() || strings.HasPrefix(a.contentType, "text/html"):
			return outcome{status: Pass}
		case q.method == http.MethodHead:
			return outcome{status: Warn, says: fmt.Sprintf("answered %d; want 405, unless there is a page", a.Status)}
		case post.OK() && a.Status == post.Status && sameShape(a.Body, post.Body):
			return outcome{status: Fail, says: fmt.Sprintf("answered %d as the same POST is: it is handled", a.Status)}
		}
		return outcome{status: Warn, says: answered(a) + "; want 405, unless there is a page"}
	},
}

// usualAnswer is the first answer of 2xx to a usual delivery, the zero value without
// one.
func (r *runner) usualAnswer() Answer {
	for _, kind := range []event.Kind{event.KindRepoContentUpdate, event.KindDiscussionCommentCreate} {
		for _, a := range r.first[string(kind)].answers {
			if a.OK() {
				return a
			}
		}
	}
	return Answer{}
}

// sameShape reports whether two answers say the same, whatever ids and times are in
// them: they are equal, or objects with the same keys.
func sameShape(a, b []byte) bool {
	if bytes.Equal(bytes.TrimSpace(a), bytes.TrimSpace(b)) {
		return true
	}
	var x, y map[string]any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil || len(x) == 0 {
		return false
	}
	keys := func(m map[string]any) []string {
		var all []string
		for key := range m {
			all = append(all, key)
		}
		slices.Sort(all)
		return all
	}
	return reflect.DeepEqual(keys(x), keys(y))
}
