package mcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/present"
)

// Bounds of what a call returns.
const (
	defaultRows = 20
	maxRows     = 200
	defaultBody = 4_000   // bytes
	maxBody     = 200_000 // bytes
)

// filterHelp describes the filter argument.
const filterHelp = `terms with spaces between them, which must all fit: words in the event, kind:discussion.*, repo:me/*, status:>=500, verdict:wrong, is:failed, source:trigger, latency:>1s, "a phrase", jq:.body.repo.private (to the end of the filter); a leading "-" negates a term`

func (s *server) addEventTools() {
	addTool(s, tool{
		name: "list_events", title: "List events", reads: true,
		text: "List the recorded webhook events of all sessions, the newest first, without their bodies.",
		input: func(in *jsonschema.Schema) {
			in.Properties["filter"].Description = "which events; all without it: " + filterHelp
			number(in, "limit", 1, maxRows, defaultRows)
		},
	}, s.listEvents)
	addTool(s, tool{
		name: "get_event", title: "Show an event", reads: true,
		text: "Show one event: headers, body, and every attempt to hand it to a target with what the target answered. Long bodies are cut; their full size is stated, and offset and limit get the rest.",
		input: func(in *jsonschema.Schema) {
			number(in, "offset", 0, 1<<30, 0)
			number(in, "limit", 1, maxBody, defaultBody)
			number(in, "attempt", 0, 1<<20, 0)
		},
	}, s.getEvent)
	addTool(s, tool{
		name: "wait_for_event", title: "Wait for an event", waits: true, reads: true,
		text: "Wait for the next event that fits a filter, has the right secret, and is done: its targets have answered. Returns it whole, or matched: false when the time is over.",
		input: func(in *jsonschema.Schema) {
			in.Properties["filter"].Description = "which event; any without it: " + filterHelp
			number(in, "timeout_seconds", 1, 600, 50)
			number(in, "after", 0, 1<<53, -1)
		},
	}, s.waitForEvent)
}

type listIn struct {
	Filter string `json:"filter,omitempty"`
	Limit  int    `json:"limit,omitempty" jsonschema:"at most so many"`
	Cursor int64  `json:"cursor,omitempty" jsonschema:"next_cursor of the result before this one: goes on with older events"`
}

type listOut struct {
	Notice     string    `json:"notice"`
	Events     []rowView `json:"events"`
	NextCursor int64     `json:"next_cursor,omitempty" jsonschema:"there are more: call again with this cursor"`
	Trouble    string    `json:"trouble,omitempty" jsonschema:"why the list may be incomplete"`
}

func (s *server) listEvents(ctx context.Context, _ call, in listIn) (listOut, error) {
	out := listOut{Notice: notice, Events: []rowView{}}
	f, err := parseFilter(in.Filter)
	if err != nil {
		return out, err
	}
	limit := cmp.Or(in.Limit, defaultRows)
	err = s.read(ctx, func(r *history.Reader) error {
		return r.Search(ctx, history.Query{Filter: f, Before: in.Cursor, Limit: limit + 1}, func(row *event.Row) error {
			if len(out.Events) == limit {
				out.NextCursor = out.Events[limit-1].N
				return nil
			}
			out.Events = append(out.Events, viewRow(row))
			return nil
		})
	})
	if part, ok := errors.AsType[*history.UnreadableError](err); ok { // the rest of a damaged history is worth having
		out.Trouble, err = errorText(part), nil
	}
	if n := f.JQCutOff(); n > 0 {
		out.Trouble = fmt.Sprintf("the jq expression took too long, or too much memory, on %s, which are left out", present.Count(n, "event"))
	}
	if errors.Is(err, errNoHistory) {
		err = nil
	}
	return out, err
}

type getIn struct {
	N       int64 `json:"n" jsonschema:"the number of the event"`
	Offset  int   `json:"offset,omitempty" jsonschema:"where to begin in the body: next_offset of the part before"`
	Limit   int   `json:"limit,omitempty" jsonschema:"at most this many bytes of the body"`
	Attempt int   `json:"attempt,omitempty" jsonschema:"offset and limit mean what the target answered at this attempt, from 1, instead of the event's body"`
}

type getOut struct {
	Notice string `json:"notice"`
	eventView
}

func (s *server) getEvent(ctx context.Context, _ call, in getIn) (out getOut, err error) {
	out.Notice = notice
	e, err := s.event(ctx, in.N)
	if err != nil {
		return out, err
	}
	if in.Attempt > len(e.Attempts) {
		return out, fmt.Errorf("event %d has %s, and not number %d", in.N, present.Count(len(e.Attempts), "attempt"), in.Attempt)
	}
	asked, usual := part{in.Offset, cmp.Or(in.Limit, defaultBody)}, part{0, defaultBody}
	show := parts{body: asked, answer: usual, last: 5}
	if in.Attempt > 0 {
		e.Attempts = e.Attempts[in.Attempt-1 : in.Attempt]
		show = parts{body: part{}, answer: asked}
	}
	out.eventView = s.viewEvent(e, show)
	return out, nil
}

// event reads one event whole. Of a damaged history it is what is readable.
func (s *server) event(ctx context.Context, n int64) (e *event.Event, err error) {
	err = s.read(ctx, func(r *history.Reader) error {
		e, err = r.Get(ctx, n)
		return err
	})
	if errors.Is(err, history.ErrNotFound) || errors.Is(err, errNoHistory) {
		return nil, fmt.Errorf("there is no event %d: list_events has those that exist", n)
	}
	return e, err
}

// errNoHistory says that nothing was recorded yet.
var errNoHistory = hint.With(errors.New("no event is recorded yet"), "trigger_event sends one to a handler")

// read calls f with the history, which is opened for it: other processes may remove it
// and make another.
func (s *server) read(ctx context.Context, f func(*history.Reader) error) error {
	r, err := history.OpenReader(ctx, s.Dir.History())
	if errors.Is(err, fs.ErrNotExist) {
		return errNoHistory
	}
	if err != nil {
		return err
	}
	return errors.Join(f(r), r.Close())
}

// parseFilter reads a filter. The hint of its error is the corrected one.
func parseFilter(text string) (*filter.Filter, error) {
	f, err := filter.Parse(text)
	if wrong, ok := errors.AsType[*filter.Error](err); ok {
		return nil, hint.With(err, cmp.Or(wrong.Corrected(), filterHelp))
	}
	return f, err
}
