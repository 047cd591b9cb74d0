package tui

import (
	"encoding/json"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/hf-tap/hf-tap/event"
)

// A bot that answers its own comments brings so many of them to one discussion
// in so short a time.
const (
	loopComments = 10
	loopWindow   = time.Minute
)

// loopWatch looks for bots that answer themselves. Rows say only which repo a
// comment came to; who wrote it in which discussion is in the bodies, which are
// read when a repo gets many comments.
type loopWatch struct {
	comments map[string][]comment // by repo, those of the last minute
	looking  bool
}

type comment struct {
	n  int64
	at time.Time
}

// looped is what the bodies said.
type looped struct {
	words string // empty: no loop
}

// watchLoops takes the new comments, and looks into the bodies of those that
// came to one repo within a minute when there are enough.
func (m *model) watchLoops(changes []event.Change) tea.Cmd {
	w := &m.loops
	var suspect []comment
	for _, c := range changes {
		if c.Row == nil || c.Row.Kind != "discussion.comment.create" || c.Row.Repo == "" || !c.Row.Verdict.Trusted() {
			continue
		}
		if w.comments == nil {
			w.comments = map[string][]comment{}
		}
		recent := w.comments[c.Row.Repo]
		if len(recent) > 0 && recent[len(recent)-1].n >= c.Row.N {
			continue // an update of one that was counted
		}
		recent = append(recent, comment{c.Row.N, c.Row.At})
		for len(recent) > 0 && c.Row.At.Sub(recent[0].at) > loopWindow || len(recent) > 200 {
			recent = recent[1:]
		}
		w.comments[c.Row.Repo] = recent
		if len(recent) >= loopComments {
			suspect = recent
		}
	}
	if suspect == nil || w.looking || m.cfg.Feed.Get == nil {
		return nil
	}
	w.looking = true
	get := m.cfg.Feed.Get
	suspect = append([]comment(nil), suspect...)
	return m.work.do(func(ctx ctx) tea.Msg {
		type writer struct{ discussion, author string }
		counts := map[writer]int{}
		for _, c := range suspect {
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
			who := writer{p.Discussion.ID, p.Comment.Author.ID}
			if counts[who]++; counts[who] >= loopComments {
				return looped{fmt.Sprintf("%d comments by one author in discussion %d of %s within a minute: a bot that answers itself?", counts[who], p.Discussion.Num, e.RepoTitle())}
			}
		}
		return looped{}
	})
}

func (m *model) takeLoop(l looped) {
	m.loops.looking = false
	if l.words != "" {
		m.header.loop = l.words
	}
}
