package filter_test

import (
	"fmt"
	"log"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/hub"
)

func Example() {
	f, err := filter.Parse("kind:discussion.* -repo:me/noisy")
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"me/m", "me/noisy"} {
		e := &event.Event{Kind: event.KindDiscussionCreate, Repo: hub.Repo{Type: hub.RepoTypeModel, Name: name}}
		fmt.Println(name, f.Match(e))
	}
	// Output:
	// me/m true
	// me/noisy false
}
