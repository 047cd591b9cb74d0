package ngrok

import (
	"context"
	"slices"
	"time"
)

// Phase is a moment in the life of an agent's connection.
type Phase int

// The phases, in their order. The zero value is none.
const (
	_       Phase = iota
	Connect       // the connection is open, and nothing was sent
	Secured       // TLS is done
	Auth          // the agent has shown its token
	Bind          // the agent has asked for a host
)

// The error codes that ngrok refuses agents with.
const (
	NoToken       = "ERR_NGROK_4018" // at Auth: no token was given
	Malformed     = "ERR_NGROK_105"  // at Auth: the token has not the form of one
	OldToken      = "ERR_NGROK_106"  // at Auth: a token of ngrok 1
	BadToken      = "ERR_NGROK_107"  // at Auth: unknown or revoked
	TooMany       = "ERR_NGROK_108"  // at Auth: the account has too many sessions
	OldAgent      = "ERR_NGROK_120"  // at Auth: the agent is too old
	AlreadyOnline = "ERR_NGROK_334"  // at Bind: another session has the host
	BadURL        = "ERR_NGROK_9037" // at Bind: no host of that name may be had
	Offline       = "ERR_NGROK_3200" // at the public side: nobody has the host
)

// Faults are the ways in which an edge fails. The zero value is an edge that works.
type Faults struct {
	Certificate Certificate   // what is shown to new connections
	Refuse      bool          // new connections of agents are closed at once
	Drop        Phase         // connections are closed in this phase
	Hang        Phase         // nothing is said any more from this phase on
	Garbage     Phase         // in this phase, the answer means nothing
	Slow        time.Duration // before each answer
	AuthCode    string        // each Auth is refused with this code
	BindCode    string        // each Bind is refused with this code
	Silent      bool          // no heartbeat and no question is answered, in sessions that there are, too
	Gateway     int           // bound hosts answer with a page of HTML of this status, in place of the app
}

// Set changes what goes wrong from now on.
func (e *Edge) Set(change func(*Faults)) {
	var hosts []*host
	e.change(func() {
		change(&e.faults)
		if e.faults.Gateway != 0 {
			hosts = e.allHosts()
		}
	})
	for _, h := range hosts {
		h.cut(nil) // a connection that is kept open would still lead to the app
	}
}

// Heal makes everything work again.
func (e *Edge) Heal() { e.Set(func(f *Faults) { *f = Faults{} }) }

func (e *Edge) fault() Faults {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.faults
}

// DropSessions closes the connections of all agents without a word.
func (e *Edge) DropSessions() {
	sessions := e.live()
	// Their agents may be back before they have ended here.
	e.change(func() {
		for _, h := range e.hostList() {
			for _, s := range sessions {
				h.free(s)
			}
		}
	})
	for _, s := range sessions {
		_ = s.conn.Close()
	}
}

// Rehost drops all sessions. An agent that binds afterwards gets another host, even if
// it resumes its session. The old hosts answer with 404 and the code Offline.
func (e *Edge) Rehost() {
	e.change(func() {
		for _, h := range e.hostList() {
			h.bound, h.id = nil, "" // its session ends, and takes its time
			e.former = append(e.former, h)
		}
		clear(e.hosts)
		clear(e.granted)
	})
	e.DropSessions()
}

// Revoke makes a token unknown. Sessions that have it go on.
func (e *Edge) Revoke(token string) { e.change(func() { e.revoked = append(e.revoked, token) }) }

// StopTunnels asks every agent to end its tunnel, with a message and a code
// that may be empty.
func (e *Edge) StopTunnels(message, code string) {
	for _, s := range e.live() {
		s.stopTunnels(message, code)
	}
}

// WaitURL waits until a host is bound, and returns its address.
func (e *Edge) WaitURL(ctx context.Context) (string, error) {
	var url string
	err := e.Wait(ctx, func(Counts) bool {
		urls := e.URLs()
		if len(urls) > 0 {
			url = urls[0]
		}
		return len(urls) > 0
	})
	return url, err
}

func (e *Edge) live() []*session {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]*session, 0, len(e.sessions))
	for s := range e.sessions {
		list = append(list, s)
	}
	return list
}

func (e *Edge) hostList() (list []*host) {
	for _, h := range e.hosts {
		list = append(list, h)
	}
	return list
}

func (e *Edge) allHosts() []*host { return slices.Concat(e.hostList(), e.former) }

// pause waits, and returns false if the edge was closed during the wait.
func (e *Edge) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.end:
		return false
	}
}
