package promises

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// waysToAnswer are those of --respond.
var waysToAnswer = []string{"ack", "relay"}

func TestWhatWasAnswered200IsInTheHistoryAfterAKill(t *testing.T) {
	t.Parallel()
	for _, respond := range waysToAnswer {
		t.Run(respond, func(t *testing.T) {
			t.Parallel()
			const clients, each = 8, 24
			w := newWorld(t)
			p := w.listen("--json", "--forward", newTarget(t).addr, "--respond", respond)
			url := p.ready(t)
			var all sync.WaitGroup
			for c := range clients {
				s := newSender(t)
				all.Go(func() {
					for i := range each {
						id := fmt.Sprintf("%s%s-%d-%d", payloadPrefix, respond, c, i)
						if status, err := s.post(url, id, payload(id)); err != nil || status != http.StatusOK {
							t.Errorf("delivery %s: answered %d, %v", id, status, err)
							return
						}
						// Another process finds what was printed, while deliveries go on.
						if i%12 == c {
							p.stdout.find(func(line string) bool { return strings.Contains(line, `"`+id+`"`) })
							w.isInHistory(t, id)
						}
					}
				})
			}
			all.Wait()
			p.kill() // what was answered a moment ago, too
			events := byDelivery(w.history(0))
			for c := range clients {
				for i := range each {
					id := fmt.Sprintf("%s%s-%d-%d", payloadPrefix, respond, c, i)
					if list := events[id]; len(list) != 1 || !list[0].bodyIs(payload(id)) {
						t.Errorf("delivery %s was answered 200; the history has %+v", id, list)
					}
				}
			}
		})
	}
}

// isInHistory checks that another process finds a delivery in the history.
func (w *world) isInHistory(t *testing.T, id string) {
	t.Helper()
	p, err := launch(t, w.command("events", "ls", "--json", "-n", "0"))
	if err != nil {
		t.Error(err)
		return
	}
	<-p.exited
	events, err := parseLines(p.stdout.all())
	if err != nil || p.code != 0 || len(byDelivery(events)[id]) != 1 {
		t.Errorf("delivery %s was answered 200 and printed; events ls ended with %d, %v, and found %+v", id, p.code, err, byDelivery(events)[id])
	}
}

func TestWhatWasAnswered200WhileASessionEndsIsInTheHistory(t *testing.T) {
	t.Parallel()
	needsSignals(t)
	for _, respond := range waysToAnswer {
		t.Run(respond, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.listen("--forward", newTarget(t).addr, "--respond", respond)
			l := w.flood(t, p)
			<-l.some
			p.signal(t, syscall.SIGTERM)
			p.ends(t, 0)
			l.wait()
			w.clean(t)
			l.allInHistory(w)
		})
	}
}

// flood is deliveries sent over several connections until the session has ended.
type flood struct {
	t        *testing.T
	some     chan struct{} // closed when some were answered 200
	senders  sync.WaitGroup
	mu       sync.Mutex
	answered []string
}

func (w *world) flood(t *testing.T, p *process) *flood {
	t.Helper()
	url := p.ready(t)
	l := &flood{t: t, some: make(chan struct{})}
	enough := sync.OnceFunc(func() { close(l.some) })
	for c := range 6 {
		s := newSender(t)
		l.senders.Go(func() {
			defer s.CloseIdleConnections()
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s%d-%d", payloadPrefix, c, i)
				status, err := s.post(url, id, payload(id))
				select {
				case <-p.exited: // its port may be somebody else's
					return
				default:
				}
				switch {
				case err != nil:
					return
				case status == http.StatusOK:
					l.mu.Lock()
					l.answered = append(l.answered, id)
					if len(l.answered) == 50 {
						enough()
					}
					l.mu.Unlock()
				case status != http.StatusServiceUnavailable && status != http.StatusNotFound:
					t.Errorf("delivery %s was answered %d", id, status)
					return
				}
			}
		})
	}
	return l
}

// wait waits until the session is gone for all senders.
func (l *flood) wait() { l.senders.Wait() }

// allInHistory checks that the history has each delivery that was answered 200,
// once.
func (l *flood) allInHistory(w *world) {
	l.t.Helper()
	events := byDelivery(w.history(0))
	for _, id := range l.answered {
		if list := events[id]; len(list) != 1 || !list[0].bodyIs(payload(id)) {
			l.t.Errorf("delivery %s was answered 200; the history has %+v", id, list)
		}
	}
}

func TestARecordedDeliveryOutlivesTargetsThatFailHangOrAreDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fails, hangs := newTarget(t, answering(http.StatusInternalServerError)), newTarget(t, hanging)
	p := w.listen("--forward", fails.addr, "--forward", hangs.addr, "--forward", downAddress(t))
	url := p.ready(t)
	s := newSender(t)
	var sent atomic.Int64
	for range 20 {
		id := fmt.Sprint(payloadPrefix, sent.Add(1))
		s.mustPost(t, url, id, payload(id)) // the sender waits for none of them
	}
	hangs.requests(t, 1, p)
	p.kill()
	w.sweeps()
	works := newTarget(t, checking(t))
	w.run(0, "events", "replay", "--pending", "--forward", works.addr)
	if got := works.ids(); len(got) != 20 {
		t.Errorf("of 20 deliveries that not every target had taken, %d were pending", len(got))
	}
}
