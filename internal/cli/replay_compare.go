package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/diff"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/term"
)

// errDiffers says that a target answered a replay otherwise than the first time.
var errDiffers = errors.New("answers differ")

// comparison compares the answers of targets to replays with their earlier answers.
type comparison struct {
	json    bool
	ignored []diff.Path

	same, differ, without int
	worst                 [2]int64 // the first two events that differ
}

// comparedLine is the JSON line of a comparison, described in docs/events.md.
type comparedLine struct {
	Type        string   `json:"type"`
	V           int      `json:"v"`
	N           int64    `json:"n"`
	Of          int64    `json:"of"`
	Target      string   `json:"target"`
	Same        bool     `json:"same"`
	Differences []string `json:"differences"`
}

// lines compares a replay with the event that it repeats, and returns the differences
// to print.
func (c *comparison) lines(old, now *event.Event) (all []string, err error) {
	old, now = old.Masked(), now.Masked()
	compared := false
	for _, target := range now.Targets {
		before := answerBefore(old, now, target)
		if before == nil {
			continue
		}
		compared = true
		differences := []string{}
		names := [2]string{fmt.Sprintf("#%d", old.N), fmt.Sprintf("#%d", now.N)}
		for _, l := range diff.Answers(before, now.Last(target), names, c.ignored) {
			if l.Differs() {
				differences = append(differences, l.String())
			}
		}
		if len(differences) == 0 {
			c.same++
		} else {
			c.differ++
			if c.worst[0] == 0 {
				c.worst = [2]int64{old.N, now.N}
			}
		}
		text, err := c.words(comparedLine{"comparison", event.LineVersion, now.N, old.N, target, len(differences) == 0, differences})
		if err != nil {
			return nil, err
		}
		all = append(all, text...)
	}
	if !compared {
		c.without++
	}
	return all, nil
}

// answerBefore is the attempt of an event to compare with. A handler may have moved:
// where both events had one target, that counts.
func answerBefore(old, now *event.Event, target string) *event.Attempt {
	if a := old.Last(target); a != nil {
		return a
	}
	if len(now.Targets) == 1 && len(old.Targets) == 1 {
		return old.Last(old.Targets[0])
	}
	return nil
}

// words is a comparison as lines for people, none if nothing differs, or as JSON.
func (c *comparison) words(l comparedLine) (all []string, err error) {
	if c.json {
		b, err := json.Marshal(l)
		return []string{string(term.JSON(b))}, err
	}
	if l.Same {
		return nil, nil
	}
	all = []string{fmt.Sprintf("  %s answered #%d differently from #%d:", present.Target(l.Target), l.N, l.Of)}
	for _, d := range l.Differences {
		all = append(all, "    "+term.Line(d))
	}
	return all, nil
}

// result prints how many answers were compared. It returns an error if one differs or
// there was none to compare.
func (c *comparison) result(p *Process) error {
	if c.without > 0 {
		p.tell("%s without an answer to compare with", present.Count(c.without, "event"))
	}
	compared := c.same + c.differ
	switch {
	case compared == 0:
		return withHint(errors.New("nothing was compared: no target answered these events before"), "hf-tap events replay --compare --filter 'status:200..599'")
	case c.differ == 0:
		p.tell("%s compared, all are the same", present.Count(compared, "answer"))
		return nil
	}
	return withHint(fmt.Errorf("%w: %d of %d", errDiffers, c.differ, compared), fmt.Sprintf("hf-tap events diff %d %d", c.worst[0], c.worst[1]))
}
