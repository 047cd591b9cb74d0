package tui

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hf-tap/hf-tap/event"
)

// A bot that answers its own comments writes botComments in one discussion within
// botWindow.
const (
	botComments = 10
	botWindow   = time.Minute
)

// maxRecent is how many comments of one repo are read at most to find a bot.
const maxRecent = 200

// botWatch looks for bots that answer themselves. A row names only the repo of a
// comment. Its author and its discussion are in the body, which is read when a repo
// gets many comments.
type botWatch struct {
	recent  map[string][]comment // the comments of the last minute, by repo
	reading bool
}

type comment struct {
	n  int64
	at time.Time
}

// add adds an event if it is a new comment, and returns the recent comments of its repo.
func (w *botWatch) add(r *event.Row) []comment {
	if r.Kind != "discussion.comment.create" || r.Repo == "" || !r.Verdict.Trusted() || !r.Source.AwaitsAnswer() {
		return nil // not a loop: the user replayed or triggered it
	}
	recent := w.recent[r.Repo]
	if len(recent) > 0 && recent[len(recent)-1].n >= r.N {
		return nil // a change of an event that is counted already
	}
	recent = append(recent, comment{r.N, r.At})
	for len(recent) > 0 && r.At.Sub(recent[0].at) > botWindow || len(recent) > maxRecent {
		recent = recent[1:]
	}
	if w.recent == nil {
		w.recent = map[string][]comment{}
	}
	w.recent[r.Repo] = recent
	return recent
}

// findBot returns a warning if one author wrote too many of the comments in one
// discussion.
func findBot(ctx context.Context, get func(context.Context, int64) (*event.Event, error), comments []comment) string {
	type thread struct{ discussion, author string }
	counts := map[thread]int{}
	for _, c := range comments {
		e, err := get(ctx, c.n)
		if err != nil {
			continue
		}
		var p struct {
			Discussion struct {
				ID  string `json:"id"`
				Num int    `json:"num"`
			} `json:"discussion"`
			Comment struct {
				Author struct {
					ID string `json:"id"`
				} `json:"author"`
			} `json:"comment"`
		}
		if json.Unmarshal(e.Body, &p) != nil || p.Comment.Author.ID == "" {
			continue
		}
		in := thread{p.Discussion.ID, p.Comment.Author.ID}
		if counts[in]++; counts[in] >= botComments {
			return fmt.Sprintf("%d comments by one author in a minute in %s #%d: a bot that answers itself?", counts[in], e.RepoTitle(), p.Discussion.Num)
		}
	}
	return ""
}
