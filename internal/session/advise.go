package session

import (
	"context"
	"sync"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/advice"
	"github.com/hf-tap/hf-tap/receiver"
)

// askPaths is how long a target may take to say at which paths it takes POST.
const askPaths = 3 * time.Second

// advise reports what to try when an answer of a target shows what is wrong.
func (r *run) advise(target receiver.Target, e *event.Event, a event.Attempt) {
	found, ok := r.troubles.Note(e, &a)
	if !ok {
		return
	}
	served, isHTTP := target.(*receiver.HTTPTarget)
	if found.Trouble != advice.WrongPath || !isHTTP || !r.asking.begin() {
		r.reportAdvice(a.Target, found)
		return
	}
	r.spawn(&r.background, func() {
		defer r.asking.done()
		ctx, cancel := context.WithTimeout(context.Background(), askPaths)
		defer cancel()
		paths := served.Paths(ctx, advice.Usual()...)
		if paths.Here {
			return // the answer is the handler's own
		}
		r.reportAdvice(a.Target, advice.Path(&a, paths.Others))
	})
}

// asking counts the running requests for the paths of targets. No target is asked once
// it has ended.
type asking struct {
	mu    sync.Mutex
	ended bool
	group sync.WaitGroup
}

func (a *asking) begin() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return false
	}
	a.group.Add(1)
	return true
}

func (a *asking) done() { a.group.Done() }

// wait returns when no such request is running. None is asked after it.
func (a *asking) wait() {
	a.mu.Lock()
	a.ended = true
	a.mu.Unlock()
	a.group.Wait()
}

func (r *run) reportAdvice(target string, a advice.Advice) {
	if r.AppPicked {
		a = a.WithoutPort(r.AppPort)
	}
	r.report(event.State{Subject: event.SubjectTarget, Name: target, State: string(a.Trouble), Detail: a.String()})
}
