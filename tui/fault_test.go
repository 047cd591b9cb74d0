package tui

import (
	"errors"
	"testing"
	"time"

	"github.com/hf-tap/hf-tap/event/filter"
)

func TestFaultsAreShownInWords(t *testing.T) {
	repo, err := filter.Parse("kind:repo.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fault Fault
		left  int
		want  string
	}{
		{Fault{Status: 500}, 3418, "the next 3,418 deliveries: answered 500"},
		{Fault{Status: 500}, 1, "the next delivery: answered 500"},
		{Fault{Status: 500}, 0, "every delivery: answered 500"},
		{Fault{Drop: true, Filter: repo}, 0, "every delivery that fits kind:repo.*: no answer, the connection is dropped"},
		{Fault{Delay: 2 * time.Second, Filter: repo}, 2, "the next 2 deliveries that fit kind:repo.*: answered late after 2.0s"},
	} {
		if got := faultWords(&c.fault, c.left); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestFaultsAreParsed(t *testing.T) {
	f, err := parseFault("delay 1m drop next 2 for is:replay or not")
	if err != nil || f.Delay.Minutes() != 1 || !f.Drop || f.Times != 2 || f.Filter.String() != "is:replay or not" {
		t.Errorf("got %+v, %v", f, err)
	}
	for _, s := range []string{"", "delay", "delay 5", "next 0", "99", "600", "500 for jq:|"} {
		if _, err := parseFault(s); err == nil {
			t.Errorf("%q was taken for a fault", s)
		}
	}
	var wrong *filter.Error
	if _, err := parseFault("500 for foo:x"); !errors.As(err, &wrong) {
		t.Errorf("a wrong filter is said to be %v", err)
	}
}
