package event

// Change is one change of a history: an event as it is afterwards, or a new
// state. Exactly one of Row and State is set. All followers of the history share
// it, and must not modify it.
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
