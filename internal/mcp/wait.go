package mcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
)

// Times of waiting. The history is looked at because another process may write it.
const (
	lookEvery     = 100 * time.Millisecond
	reopenEvery   = time.Second // another file may be in its place
	progressEvery = 2 * time.Second
)

type waitIn struct {
	Filter         string `json:"filter,omitempty"`
	TimeoutSeconds int    `json:"timeout_seconds,omitempty" jsonschema:"how long to wait; many clients give up after 60 s by default"`
	After          *int64 `json:"after,omitempty" jsonschema:"events with larger numbers count; default: those that come from now on"`
}

type waitOut struct {
	Notice    string     `json:"notice"`
	Matched   bool       `json:"matched"`
	LastN     int64      `json:"last_n" jsonschema:"the number of the latest event: as after of the next call, nothing is missed"`
	Strangers int        `json:"strangers,omitempty" jsonschema:"number of deliveries with a wrong or missing secret during the wait, which do not count"`
	Why       string     `json:"why,omitempty" jsonschema:"why nothing matched"`
	Event     *eventView `json:"event,omitempty"`
}

func (s *server) waitForEvent(ctx context.Context, c call, in waitIn) (waitOut, error) {
	out := waitOut{Notice: notice}
	if _, err := parseFilter(in.Filter); err != nil {
		return out, err
	}
	ctx, cancel := s.untilInputEnds(ctx)
	defer cancel()
	limit := time.Duration(cmp.Or(in.TimeoutSeconds, 50)) * time.Second
	w := watcher{server: s, filter: in.Filter, after: -1}
	if in.After != nil {
		w.after = *in.After
	}
	defer w.close()
	began := time.Now()
	late := time.NewTimer(limit)
	defer late.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for told := began; ; {
		found, err := w.look(ctx)
		out.LastN, out.Strangers = w.last, w.strangers
		switch {
		case err != nil:
			return out, err
		case found != nil:
			view := s.viewEvent(found, parts{body: part{0, defaultBody}, answer: part{0, defaultBody}, last: 5})
			out.Matched, out.Event = true, &view
			return out, nil
		}
		if time.Since(told) >= progressEvery {
			told = time.Now()
			c.progress(ctx, told.Sub(began).Seconds(), limit.Seconds(), fmt.Sprintf("waiting; the latest event is %d", w.last))
		}
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-late.C:
			out.Why = fmt.Sprintf("no such event came within %s", limit)
			return out, nil
		case <-look.C:
		}
	}
}

// watcher looks for the first event that fits, in a history that other processes write.
type watcher struct {
	*server
	filter    string
	after     int64 // -1: what is there at the first look
	last      int64
	strangers int

	reader *history.Reader // nil: there is none yet
	opened time.Time
}

// look returns the first event after w.after that fits and is done, nil if there is none.
func (w *watcher) look(ctx context.Context) (*event.Event, error) {
	if err := w.open(ctx); err != nil || w.reader == nil {
		w.after = max(w.after, 0) // all that comes is new
		return nil, err
	}
	newest, err := w.reader.List(ctx, history.Query{Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(newest) > 0 {
		w.last = newest[0].N
	}
	if w.after < 0 {
		w.after = w.last
	}
	if w.last <= w.after {
		return nil, nil
	}
	first := int64(0)
	w.strangers = 0
	err = w.each(ctx, w.filter, func(row *event.Row) {
		if row.Done() && row.Verdict.Trusted() && !row.Refused() {
			first = row.N // the newest comes first
		}
	})
	if err == nil && first == 0 {
		err = w.each(ctx, "", func(row *event.Row) {
			if !row.Verdict.Trusted() {
				w.strangers++
			}
		})
	}
	if err != nil || first == 0 {
		return nil, err
	}
	e, err := w.reader.Get(ctx, first)
	if errors.Is(err, history.ErrNotFound) {
		return nil, nil // it was deleted just now
	}
	return e, err
}

// each calls f with the events after w.after that fit a filter.
func (w *watcher) each(ctx context.Context, filter string, f func(*event.Row)) error {
	narrowed, err := parseFilter(fmt.Sprintf("n:>%d %s", w.after, filter))
	if err != nil {
		return err
	}
	return w.reader.Search(ctx, history.Query{Filter: narrowed}, func(row *event.Row) error {
		f(row)
		return nil
	})
}

// open opens the history, if there is one, and opens it anew now and then.
func (w *watcher) open(ctx context.Context) error {
	if w.reader != nil && time.Since(w.opened) < reopenEvery {
		return nil
	}
	w.close()
	r, err := history.OpenReader(ctx, w.Dir.History())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	w.reader, w.opened = r, time.Now()
	return nil
}

func (w *watcher) close() {
	if w.reader != nil {
		_ = w.reader.Close() // it was only read
		w.reader = nil
	}
}
