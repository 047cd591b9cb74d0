package event

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

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

// StateDeleted is the state of a history, by its subject, after events were deleted.
const StateDeleted = "deleted"

// DeletedState returns a state that lists deleted events. Its Name has their numbers,
// in order, as ranges: "3-17,20".
func DeletedState(numbers []int64) State {
	sorted := slices.Sorted(slices.Values(numbers))
	var name strings.Builder
	for i := 0; i < len(sorted); {
		first, last := i, i
		for last+1 < len(sorted) && sorted[last+1] == sorted[last]+1 {
			last++
		}
		if first > 0 {
			name.WriteByte(',')
		}
		name.WriteString(strconv.FormatInt(sorted[first], 10))
		if last > first {
			name.WriteString("-" + strconv.FormatInt(sorted[last], 10))
		}
		i = last + 1
	}
	words := "1 event"
	if len(sorted) != 1 {
		words = fmt.Sprintf("%d events", len(sorted))
	}
	return State{Subject: SubjectHistory, Name: name.String(), State: StateDeleted, Detail: words}
}

// Deleted returns the events that the change has deleted, as pairs of the first and
// the last number of a range; none if it is about something else.
func (c Change) Deleted() (ranges [][2]int64) {
	if c.State == nil || c.State.Subject != SubjectHistory || c.State.State != StateDeleted {
		return nil
	}
	for part := range strings.SplitSeq(c.State.Name, ",") {
		from, to, _ := strings.Cut(part, "-")
		if to == "" {
			to = from
		}
		first, err := strconv.ParseInt(from, 10, 64)
		last, err2 := strconv.ParseInt(to, 10, 64)
		if err == nil && err2 == nil {
			ranges = append(ranges, [2]int64{first, last})
		}
	}
	return ranges
}
