package webhooks

import (
	"crypto/sha256"
	"sync"
)

// maxRepeats is the number of deliveries that repeats remembers: ten days of
// the 1,000 that the Hub delivers for a webhook in 24 hours.
const maxRepeats = 10_000

// idHash stands for a Webhook-Id. Ids come from the network and can be as long
// as headers can; their hashes bound the memory for them.
type idHash [sha256.Size]byte

// repeats remembers which deliveries of an endpoint were handled.
type repeats struct {
	mu      sync.Mutex
	current map[idHash]chan struct{} // those being handled; closed at the end
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
func (r *repeats) begin(id string) (handled bool, busy <-chan struct{}) {
	key := idHash(sha256.Sum256([]byte(id)))
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.handled[key]; ok {
		return true, nil
	}
	if busy, ok := r.current[key]; ok {
		return false, busy
	}
	r.current[key] = make(chan struct{})
	return false, nil
}

// finish ends what begin began. Only a delivery that was handled is a repeat
// when it comes again.
func (r *repeats) finish(id string, handled bool) {
	key := idHash(sha256.Sum256([]byte(id)))
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.current[key])
	delete(r.current, key)
	if !handled {
		return
	}
	r.handled[key] = struct{}{}
	if len(r.order) < maxRepeats {
		r.order = append(r.order, key)
		return
	}
	delete(r.handled, r.order[r.next])
	r.order[r.next] = key
	r.next = (r.next + 1) % maxRepeats
}
