package promises

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// rounds is how often the program is killed at a random moment.
func rounds(t testing.TB) int {
	value := os.Getenv("HF_TAP_PROMISES_ROUNDS")
	if value == "" {
		return 10
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		t.Fatalf("HF_TAP_PROMISES_ROUNDS=%q is not a number of rounds", value)
	}
	return n
}

// renewAfter is after how many rounds the Hub is replaced: an account has 1,000
// calls in five minutes.
const renewAfter = 50

// TestKilledAtAnyMomentNothingIsLostOrLeft kills sessions at random moments:
// while they start, under deliveries and replays with targets that work, fail,
// hang and are down, and while they stop. After each kill the next start has to
// sweep, and the history has to hold all that was answered 200 or printed.
func TestKilledAtAnyMomentNothingIsLostOrLeft(t *testing.T) {
	t.Parallel()
	k := newKilling(t)
	n := rounds(t)
	for i := range n {
		k.round()
		if t.Failed() {
			return
		}
		if i%renewAfter == renewAfter-1 && i < n-1 {
			k.cleanSession()
			k.renew()
		}
	}
	k.cleanSession()
	k.handOverTheRest()
	k.verify(k.history(0))
	k.mu.Lock()
	defer k.mu.Unlock()
	t.Logf("%d rounds: %d deliveries answered 200, %d events printed by listen and replay, %d events in the history", n, len(k.answered), k.printed, len(k.numbers))
}

// killing is a world whose sessions are killed, and what the history of it has
// to hold.
type killing struct {
	*world
	rng *rand.Rand

	works, fails, hangs *target
	down                string
	startTime           time.Duration // of the first session, from its start to ready

	hooks map[string]bool // ids of webhooks of killed sessions

	mu       sync.Mutex
	sent     int             // deliveries so far
	answered map[string]bool // Webhook-Ids answered 200
	numbers  map[int64]event // what each number of the history stands for
	unseen   map[int64]event // printed, and not yet looked for in the history
	printed  int
	replay   []int64 // numbers that may be replayed
}

// event is what a number of the history stands for, for as long as the history
// exists.
type event struct {
	session, source, delivery, receivedAt string
	replayOf                              int64
}

func (e *eventLine) identity() event {
	return event{e.Session, e.Source, e.Delivery, e.ReceivedAt, e.ReplayOf}
}

func newKilling(t *testing.T) *killing {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	k := &killing{
		world: newWorld(t), rng: rand.New(rand.NewPCG(seed, 0)),
		works: newTarget(t, checking(t)), hangs: newTarget(t, checking(t), hanging), down: downAddress(t),
		hooks: map[string]bool{}, answered: map[string]bool{}, numbers: map[int64]event{}, unseen: map[int64]event{},
	}
	k.fails = newTarget(t, checking(t), func(a *target) {
		a.status = func(r request) int { return 500 + int(r.length)%2*3 }
	})
	return k
}

// newID makes the Webhook-Id of one more delivery.
func (k *killing) newID() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sent++
	return payloadPrefix + strconv.Itoa(k.sent)
}

func (k *killing) wasAnswered(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answered[id] = true
}

// wasPrinted notes the events that a process has printed: whatever is printed
// is in the history.
func (k *killing) wasPrinted(p *process) {
	k.t.Helper()
	events, err := parseLines(p.stdout.all())
	if err != nil {
		k.t.Errorf("%v\n%s", err, p.said())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range events {
		k.printed++
		if was, ok := k.unseen[e.N]; ok && was != e.identity() {
			k.t.Errorf("number %d was printed for %+v, and for %+v", e.N, was, e.identity())
		}
		k.unseen[e.N] = e.identity()
	}
}

// verify compares the history, or its newest part, with what has to be in it.
// No process may run.
func (k *killing) verify(events []eventLine) {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	listed := map[int64]bool{}
	for _, e := range events {
		if listed[e.N] {
			k.t.Errorf("number %d is listed twice", e.N)
		}
		listed[e.N] = true
		id := e.identity()
		if was, ok := k.numbers[e.N]; ok && was != id {
			k.t.Errorf("number %d was %+v, and is now %+v", e.N, was, id)
		}
		k.numbers[e.N] = id
	}
	for n, want := range k.unseen {
		if got, ok := k.numbers[n]; !ok || got != want {
			k.t.Errorf("event %d was printed as %+v; in the history it is %+v", n, want, got)
		}
	}
	clear(k.unseen)
	k.verifyDeliveries(events)
	k.replay = slices.Collect(maps.Keys(k.numbers))
	slices.Sort(k.replay)
}

// verifyDeliveries checks each event's body, and that no delivery that was
// answered 200 is missing, as far back as the events go.
func (k *killing) verifyDeliveries(events []eventLine) {
	k.t.Helper()
	for _, e := range events {
		if checked(e.Delivery) && !e.bodyIs(payload(e.Delivery)) {
			k.t.Errorf("event %d, delivery %s: its body of %d bytes is not the one of %d bytes that was sent", e.N, e.Delivery, e.Size, len(payload(e.Delivery)))
		}
	}
	in := map[string]int{}
	for _, e := range k.numbers {
		if e.replayOf == 0 {
			in[e.delivery]++
		}
	}
	for id := range k.answered {
		if in[id] == 0 {
			k.t.Errorf("delivery %s was answered 200, and is not in the history", id)
		}
	}
	for id, n := range in {
		if checked(id) && n > 1 {
			k.t.Errorf("delivery %s came once and is in the history %d times", id, n)
		}
	}
}

// cleanSession runs a session that nobody kills, and checks that it leaves
// nothing: not on the account, and no event under way.
func (k *killing) cleanSession() {
	k.t.Helper()
	p := k.listen("--json", "--forward", k.works.addr)
	url := p.ready(k.t)
	k.checkSwept(p)
	id := k.newID()
	newSender(k.t).mustPost(k.t, url, id, payload(id))
	k.wasAnswered(id)
	k.interrupt(p)
	k.wasPrinted(p)
	k.clean(k.t)
	for _, e := range k.history(0) {
		if e.Phase != "settled" && e.Phase != "pending" {
			k.t.Errorf("no session runs, and event %d is %q", e.N, e.Phase)
		}
	}
}

// checkSwept checks, when a session is ready, that its own webhook is the only
// one on the account.
func (k *killing) checkSwept(p *process) {
	k.t.Helper()
	ids := k.webhooks()
	if len(ids) != 1 || k.hooks[ids[0]] {
		k.t.Errorf("a session is ready and the account has %v, of which %v are those of killed sessions\n%s", ids, slices.Collect(maps.Keys(k.hooks)), p.said())
	}
	for _, id := range ids {
		k.hooks[id] = true
	}
}

// handOverTheRest replays what no target may have got: then the target that
// works has had every delivery that was answered 200.
func (k *killing) handOverTheRest() {
	k.t.Helper()
	k.wasPrinted(k.run(0, "events", "replay", "--pending", "--forward", k.works.addr, "--json"))
	got := k.works.ids()
	k.mu.Lock()
	defer k.mu.Unlock()
	for id := range k.answered {
		if !got[id] {
			k.t.Errorf("delivery %s was answered 200; no target got it, and it was not among the pending ones", id)
		}
	}
}

// plan is what a round does, and when the session is killed.
type plan struct {
	args     []string
	relay    bool
	starting time.Duration // kill it so long after its start; 0: later
	answers  int           // kill it after so many deliveries were answered 200; 0: not
	forwards int           // kill it after so many more requests to the target that works; 0: not
	pause    time.Duration // and then so much later
	stopping bool          // interrupt it first
}

func (p plan) String() string {
	return fmt.Sprintf("%q, killed %v after its start, or after %d answers or %d forwards and %v, while stopping: %t", p.args, p.starting, p.answers, p.forwards, p.pause, p.stopping)
}

// deliveries is how many deliveries a round sends at most.
const deliveries = 60

func (k *killing) plan() plan {
	p := plan{args: []string{"--json", "--forward", k.works.addr}, relay: k.rng.IntN(4) == 0}
	chance := func(n int) bool { return k.rng.IntN(n) == 0 }
	if chance(2) {
		p.args = append(p.args, "--forward", k.fails.addr)
		if !p.relay && chance(2) { // the sender would wait for the pauses between tries
			p.args = append(p.args, "--retry", "2")
		}
	}
	if p.relay {
		p.args = append(p.args, "--respond", "relay")
	} else {
		if chance(2) {
			p.args = append(p.args, "--forward", k.hangs.addr)
		}
		if chance(2) {
			p.args = append(p.args, "--forward", k.down)
		}
	}
	p.pause = time.Duration(k.rng.IntN(5000)) * time.Microsecond
	switch what := k.rng.IntN(10); {
	case what < 2 && k.startTime > 0:
		p.starting = 1 + time.Duration(k.rng.Float64()*1.2*float64(k.startTime))
	case what < 5:
		p.forwards = 1 + k.rng.IntN(deliveries/2)
	default:
		p.answers = 1 + k.rng.IntN(deliveries)
	}
	if p.starting == 0 && chance(5) {
		p.stopping = true
		p.pause *= 10
	}
	return p
}
