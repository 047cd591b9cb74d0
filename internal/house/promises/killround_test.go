package promises

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// checked reports whether a delivery is one of those that payload makes.
func checked(id string) bool { return strings.HasPrefix(id, payloadPrefix) }

// round starts a session and kills it, and checks what is left of it.
func (k *killing) round() {
	k.t.Helper()
	plan := k.plan()
	replays, endReplays := context.WithCancel(k.t.Context())
	var replaying sync.WaitGroup
	for range 2 {
		rng := rand.New(rand.NewPCG(k.rng.Uint64(), 0))
		replaying.Go(func() { k.replayUntil(replays, rng) })
	}
	k.session(plan)
	endReplays() // a replay through the session would wait for it
	replaying.Wait()
	k.quiet()
	k.verify(k.history(2000))
	if k.t.Failed() {
		k.t.Logf("in a round of %s", plan)
	}
}

// session runs a session as planned, up to its end.
func (k *killing) session(plan plan) {
	k.t.Helper()
	began := time.Now()
	p := k.listen(plan.args...)
	if plan.starting > 0 {
		after(plan.starting, p)
		p.kill()
		k.wasPrinted(p)
		return
	}
	url := p.ready(k.t)
	if k.startTime == 0 {
		k.startTime = time.Since(began)
	}
	k.checkSwept(p)
	k.happen("discussion.comment.create", 1+k.rng.IntN(5))
	l := k.load(plan, url)
	select {
	case <-l.moment:
	case <-l.done:
	}
	l.dying.Store(true)
	if plan.stopping {
		p.signal(k.t, os.Interrupt)
	}
	after(plan.pause, p)
	p.kill()
	<-l.done
	k.wasPrinted(p)
}

// after waits for the given time, or for the end of the process. It chooses a
// moment; nothing is expected of it.
func after(d time.Duration, p *process) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.exited:
	}
}

// load is deliveries on their way to a session.
type load struct {
	moment chan struct{} // closed when the session is to be killed
	done   chan struct{} // closed when all are answered, or have failed
	dying  atomic.Bool   // deliveries may fail from now on
}

// load sends deliveries over several connections.
func (k *killing) load(plan plan, url string) *load {
	l := &load{moment: make(chan struct{}), done: make(chan struct{})}
	reached := sync.OnceFunc(func() { close(l.moment) })
	var answers atomic.Int64
	var senders sync.WaitGroup
	for range 6 {
		s := newSender(k.t)
		senders.Go(func() {
			defer s.CloseIdleConnections()
			for range deliveries / 6 {
				id := k.newID()
				status, err := s.post(url, id, payload(id))
				switch {
				case err != nil && l.dying.Load():
					return
				case err != nil:
					k.t.Errorf("delivery %s: %v", id, err)
					return
				case status == http.StatusOK:
					k.wasAnswered(id)
					if int(answers.Add(1)) == plan.answers {
						reached()
					}
				case plan.relay || l.dying.Load() && status == http.StatusServiceUnavailable:
				default:
					k.t.Errorf("delivery %s was answered %d", id, status)
				}
			}
		})
	}
	go func() {
		senders.Wait()
		close(l.done)
	}()
	if plan.forwards > 0 {
		want := len(k.works.all()) + plan.forwards
		go func() {
			if k.works.atLeast(want, l.done) {
				reached()
			}
		}()
	}
	return l
}

// replayUntil replays events of the history, some of them with a process that
// is killed, until ctx ends.
func (k *killing) replayUntil(ctx context.Context, rng *rand.Rand) {
	for ctx.Err() == nil {
		numbers := k.someNumbers(rng)
		if len(numbers) == 0 {
			return
		}
		args := []string{"events", "replay", "--json"}
		own := rng.IntN(2) == 0
		if own {
			args = append(args, "--forward", k.works.addr)
		}
		switch rng.IntN(8) {
		case 0:
			args = append(args, "--failed")
		case 1:
			args = append(args, "--pending")
		default:
			args = append(args, numbers...)
		}
		p, err := launch(k.t, k.command(args...))
		if err != nil {
			k.t.Error(err)
			return
		}
		life := ctx
		if rng.IntN(3) == 0 {
			var end context.CancelFunc
			life, end = context.WithTimeout(ctx, time.Duration(rng.IntN(150))*time.Millisecond)
			defer end()
		}
		select {
		case <-p.exited:
			// Without a live session in it, nothing that happens here can stop it.
			if own && p.code != 0 {
				k.t.Errorf("hf-tap %q: exit code %d\n%s", args, p.code, p.said())
			}
		case <-life.Done():
			p.kill()
		}
		k.wasPrinted(p)
	}
}

// someNumbers chooses events to replay, none while the history is empty.
func (k *killing) someNumbers(rng *rand.Rand) (numbers []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.replay) == 0 {
		return nil
	}
	for range 1 + rng.IntN(4) {
		numbers = append(numbers, strconv.FormatInt(k.replay[rng.IntN(len(k.replay))], 10))
	}
	return numbers
}
