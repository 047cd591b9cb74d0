package detail

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/diff"
	"github.com/hf-tap/hf-tap/tui/line"
)

// Prepared is a subject that was read and laid out.
type Prepared struct {
	subject Subject
	event   *event.Event
	err     error
	tree    *tree // nil: no JSON, or the tree that is shown stays
	panes   [Tabs]line.Rows
}

// preparation reads a subject and lays it out.
type preparation struct {
	subject Subject
	get     Get
	zone    *time.Location
	secrets event.Secrets
	paths   pathHints

	// The body that is shown. A body does not change with its event, so its tree and
	// the state of its folds are kept.
	shownN    int64
	shown     []byte
	shownTree bool
}

func (p preparation) run(ctx context.Context) Prepared {
	s := p.subject
	e, err := p.get(ctx, s.N)
	if err != nil {
		return Prepared{subject: s, err: err}
	}
	e = e.Masked(p.secrets)
	out := Prepared{subject: s, event: e}
	isTree := false
	if p.shownN == e.N && len(p.shown) == len(e.Body) {
		e.Body, isTree = p.shown, p.shownTree // the tree points into it
	} else if len(e.Body) > 0 && json.Valid(e.Body) {
		out.tree, isTree = newTree(e.Body), true
	}
	switch {
	case isTree && !s.raw:
	case len(e.Body) == 0:
		out.panes[Payload] = line.WrapAll([]line.Line{line.Text(line.Faint, "the body is empty")}, s.Width)
	case !diff.IsText(e.Body[:min(len(e.Body), 64<<10)]):
		out.panes[Payload] = newHexRows(e.Body, s.Width)
	default:
		out.panes[Payload] = line.WrapAll(bodyLines(e.Body, e.Header.Get("Content-Type"), s.raw), s.Width)
	}
	var base *event.Event
	if s.Base != 0 {
		if base, err = p.get(ctx, s.Base); err != nil {
			base = nil
		} else {
			base = base.Masked(p.secrets)
		}
	}
	out.panes[Request] = line.WrapAll(requestLines(e, p.zone), s.Width)
	out.panes[Attempts] = line.WrapAll(attemptLines(e, p.zone, p.paths, s.raw), s.Width)
	out.panes[Timeline] = line.WrapAll(timelineLines(e, p.zone), s.Width)
	out.panes[Diff] = line.WrapAll(diffLines(e, base, s.BaseReason, s.whole), s.Width)
	return out
}
