package event

// Change is one step in a history as its followers see it: an event as it is
// after the step, or a state. Exactly one of Row and State is set. A Change and
// all it points to is shared by every follower and never modified.
type Change struct {
	Rev   int64 // grows with each change of a history; 0 for a state that could not be stored
	Row   *Row
	State *State
}

// Session returns the session that the change belongs to.
func (c Change) Session() string {
	if c.State != nil {
		return c.State.Session
	}
	return c.Row.Session
}
