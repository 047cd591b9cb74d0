package webhooks

import (
	"crypto/sha256"
	"sync"
)

// maxRepeats is the number of deliveries that repeats remembers: ten days of
// the 1,000 that the Hub delivers for a webhook in 24 hours.
const maxRepeats = 10_000

// idHash is the hash of a Webhook-Id. Ids come from the network and can be as long as
// headers can; their hashes bound the memory for them.
type idHash [sha256.Size]byte

func hashID(id string) idHash { return sha256.Sum256([]byte(id)) }

// repeats remembers which deliveries of an endpoint were handled.
type repeats struct {
	mu      sync.Mutex
	current map[idHash]chan struct{} // those being handled; closed at the end, nil if nobody waits for it
	handled map[idHash]struct{}
	order   []idHash // the keys of handled as a ring, the oldest at next
	next    int
}

func newRepeats() *repeats {
	return &repeats{current: map[idHash]chan struct{}{}, handled: map[idHash]struct{}{}}
}

// begin reports whether a delivery was handled already. If another request with
// the same id is being handled, busy is closed at its end. If neither, the
// caller has to handle the delivery and call finish.
func (r *repeats) begin(id idHash) (handled bool, busy <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.handled[id]; ok {
		return true, nil
	}
	done, ok := r.current[id]
	if ok && done == nil {
		done = make(chan struct{})
	}
	r.current[id] = done
	return false, done
}

// finish records the result of a delivery for which begin returned false. Only a
// delivery that was handled is a repeat when it comes again.
func (r *repeats) finish(id idHash, handled bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if done := r.current[id]; done != nil {
		close(done)
	}
	delete(r.current, id)
	if !handled {
		return
	}
	r.handled[id] = struct{}{}
	if len(r.order) < maxRepeats {
		r.order = append(r.order, id)
		return
	}
	delete(r.handled, r.order[r.next])
	r.order[r.next] = id
	r.next = (r.next + 1) % maxRepeats
}
