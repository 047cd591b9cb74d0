package event

import (
	"strings"
	"testing"
)

func TestARowTellsOfTheLastTryAndNoSecret(t *testing.T) {
	const first, second = "http://127.0.0.1:3000/hook", "http://u:s3cret@h/"
	r := NewRow(&Event{Path: "/hf-tap/x?secret=s3cret", Targets: []string{first, second}, Attempts: []Attempt{
		{N: 1, Target: first, Status: 500},
		{N: 2, Target: first, Status: 204},
	}})
	if got := r.Targets[0]; got.Tries != 2 || got.Status != 204 || !got.OK() {
		t.Errorf("the row has %+v of a target that took the event at the second try", got)
	}
	if got := r.Targets[1]; got.Tries != 0 || strings.Contains(got.Name+r.Path+r.SearchText(), "s3cret") {
		t.Errorf("the row tells a secret: %+v", r)
	}
}
