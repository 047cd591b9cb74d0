package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
)

// Matches reports whether an event fits a filter. It reads the body if the filter needs
// it. A deleted event fits no filter.
func (r *Reader) Matches(ctx context.Context, f *filter.Filter, row *event.Row) (bool, error) {
	if fit := f.MatchRow(row); fit != filter.FitUnknown {
		return fit == filter.FitYes, nil
	}
	whole, err := r.Get(ctx, row.N)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return f.Match(whole), nil
}

// matchedTogether is how many events Search reads whole, if it has to, before it
// calls found with the first of them.
const matchedTogether = 100

// Search calls found with the events that q selects and its filter fits, the
// newest first, until q.Limit of them were found (0 or less: all). What SQL can
// leave out is never read. Of a damaged history it searches what is readable; the
// error is an *UnreadableError then.
func (r *Reader) Search(ctx context.Context, q Query, found func(*event.Row) error) error {
	wanted := q.Limit
	q.Limit = rowsPerPage
	var unreadable *UnreadableError
	for n := 0; ; {
		rows, err := r.List(ctx, q)
		if part, ok := errors.AsType[*UnreadableError](err); ok {
			unreadable = unreadable.add(part.Events, r.fault("list", part.Err))
		} else if err != nil {
			return err
		}
		for some := range slices.Chunk(rows, matchedTogether) {
			fits, err := r.matchAll(ctx, q.Filter, some)
			if err != nil {
				return err
			}
			for i, row := range some {
				fit, err := fits != nil && fits[i], error(nil)
				if fits == nil {
					fit, err = r.Matches(ctx, q.Filter, row)
				}
				if errors.Is(err, ErrDamaged) {
					unreadable = unreadable.add(1, err)
				} else if err != nil {
					return err
				}
				if !fit {
					continue
				}
				if err := found(row); err != nil {
					return err
				}
				if n++; n == wanted {
					return unreadable.result()
				}
			}
		}
		if len(rows) < rowsPerPage {
			return unreadable.result()
		}
		q.Before = rows[len(rows)-1].N
	}
}

// matchAll reports which events of a page fit a filter; nil if one of them is damaged.
// Those that have to be read whole are read together: a snapshot for each takes
// longer than all else.
func (r *Reader) matchAll(ctx context.Context, f *filter.Filter, rows []*event.Row) (fits []bool, err error) {
	fits = make([]bool, len(rows))
	var unknown []int
	for i, row := range rows {
		fit := f.MatchRow(row)
		fits[i] = fit == filter.FitYes
		if fit == filter.FitUnknown {
			unknown = append(unknown, i)
		}
	}
	for len(unknown) > 0 {
		var whole []*event.Event
		err := r.read(ctx, func(v *view) (err error) {
			whole, err = v.whole(rows, unknown)
			return err
		})
		if classify(err) == ErrDamaged {
			return nil, nil
		}
		if err != nil {
			return nil, r.fault("search", err)
		}
		for j, e := range whole {
			fits[unknown[j]] = e != nil && f.Match(e)
		}
		unknown = unknown[len(whole):]
	}
	return fits, nil
}

// whole reads events of a page, as many as bytesPerPage allow; nil for a deleted one.
func (v *view) whole(rows []*event.Row, wanted []int) (all []*event.Event, err error) {
	one, err := v.tx.PrepareContext(v.ctx, sqlPayload)
	if err != nil {
		return nil, err
	}
	defer one.Close()
	tried, err := v.tx.PrepareContext(v.ctx, sqlAttempts)
	if err != nil {
		return nil, err
	}
	defer tried.Close()
	for size := 0; len(all) < len(wanted) && size < bytesPerPage; {
		var p payload
		e := wholeEvent(rows[wanted[len(all)]])
		err := one.QueryRowContext(v.ctx, e.N).Scan(&p.stored, &p.header, &p.body)
		if errors.Is(err, sql.ErrNoRows) {
			all = append(all, nil)
			continue
		}
		if err == nil {
			e.Header, e.Body, err = p.decode(e.N)
		}
		if err == nil {
			err = addAttempts(v.ctx, tried, e)
		}
		if err != nil {
			return nil, err
		}
		if e.Body == nil {
			e.Body = []byte{}
		}
		all = append(all, e)
		size += wholeSize(e)
	}
	return all, nil
}

// columns are those that hold what a key of the filter asks for.
var (
	textColumns = map[string][]string{
		"repo": {"e.repo", "substr(e.repo, instr(e.repo, ':') + 1)"}, "delivery": {"e.delivery"}, "webhook": {"e.webhook_id"},
		"session": {"e.session"}, "verdict": {"e.verdict"}, "source": {"e.source"},
	}
	numberColumns = map[string]string{"n": "e.n", "size": "e.size", "answer": "e.answer_status", "replay": "e.replay_of"}
)

// narrow translates a condition of a filter to SQL on events as e. The SQL selects all
// events that meet the condition, and possibly more. It is "" if no SQL does. SQLite
// folds the case of ASCII alone, so that other texts are left to Matches.
func narrow(c filter.Condition) (condition string, args []any) {
	if columns, ok := textColumns[c.Key]; ok {
		condition, args = textIs(c, columns...)
	} else if column, ok := numberColumns[c.Key]; ok {
		condition, args = numberIs(c, column)
	} else if c.Not {
		if c.Key == "kind" {
			condition, args = textIs(c, "e.kind")
		}
	} else {
		condition, args = narrowMore(c)
	}
	if c.Not && condition != "" { // what these let through meets the condition
		condition = "NOT (" + condition + ")"
	}
	return condition, args
}

func narrowMore(c filter.Condition) (string, []any) {
	switch c.Key {
	case "kind":
		return kindIs(c.Values, c.Plain)
	case "match":
		if m, err := event.ParseMatch(strings.Join(c.Values, ",")); err == nil && len(m.Kinds) > 0 {
			return kindIs(m.Kinds, make([]bool, len(m.Kinds)))
		}
	case "status":
		return attemptIs(c, "a.status")
	case "latency":
		return attemptIs(c, "a.duration_ns")
	case "is":
		return stateIs(c.Values)
	case "body":
		return bodyHas(c.Values)
	case "":
		return wordsAre(c.Values)
	}
	return "", nil
}

// either joins SQL conditions with OR. One that cannot be put into SQL makes all of
// them useless.
func either(alternatives []string, args []any) (string, []any) {
	for _, a := range alternatives {
		if a == "" {
			return "", nil
		}
	}
	return strings.Join(alternatives, " OR "), args
}

func kindIs(values []string, plain []bool) (string, []any) {
	condition, args := textIs(filter.Condition{Values: values, Plain: plain}, "e.kind")
	if condition == "" {
		return "", nil
	}
	// Kinds that are new count as the broader one that is known.
	known := make([]string, len(event.Kinds()))
	for i, kind := range event.Kinds() {
		known[i] = "'" + string(kind) + "'"
	}
	return condition + " OR e.kind NOT IN (" + strings.Join(known, ", ") + ")", args
}

// textIs is SQL for: one of the texts matches one of the values, as a glob or as a part
// of it.
func textIs(c filter.Condition, texts ...string) (string, []any) {
	var alternatives []string
	var args []any
	for i, value := range c.Values {
		if !ascii(value) {
			return "", nil
		}
		for _, text := range texts {
			if !c.Plain[i] && strings.Contains(value, "*") {
				alternatives = append(alternatives, "lower("+text+") GLOB ?")
				args = append(args, globs.Replace(strings.ToLower(value)))
				continue
			}
			alternatives = append(alternatives, "instr(lower("+text+"), ?) > 0")
			args = append(args, strings.ToLower(value))
		}
	}
	return either(alternatives, args)
}

// globs takes their meaning from the characters that only SQLite's GLOB has.
var globs = strings.NewReplacer("?", "[?]", "[", "[[]")

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func numberIs(c filter.Condition, number string) (string, []any) {
	var alternatives []string
	var args []any
	for _, span := range c.Ranges {
		alternatives = append(alternatives, number+" BETWEEN ? AND ?")
		args = append(args, span[0], span[1])
	}
	return either(alternatives, args)
}

// attemptIs is SQL for: some attempt has the number. The filter itself compares the
// last attempt at a target, or 0 if there was none.
func attemptIs(c filter.Condition, number string) (string, []any) {
	for _, span := range c.Ranges {
		if span[0] <= 0 {
			return "", nil
		}
	}
	condition, args := numberIs(c, number)
	if condition == "" {
		return "", nil
	}
	return "EXISTS (SELECT 1 FROM attempts a WHERE a.event = e.n AND (" + condition + "))", args
}

func stateIs(values []string) (string, []any) {
	var alternatives []string
	var args []any
	for _, value := range values {
		condition := map[string]string{
			"failed": "e.failed = 1", "pinned": "e.pinned = 1", "edited": "e.edited = 1", "again": "e.delivery_n > 1",
			"handed": "e.phase = 'settled'", "trusted": "e.verdict IN ('ok', 'unchecked')",
		}[value]
		switch value {
		case "open", "settled", "waiting", "pending":
			condition = "e.phase = '" + value + "'"
		case "replay", "trigger":
			condition = "e.source = '" + value + "'"
		}
		alternatives = append(alternatives, condition)
	}
	return either(alternatives, args)
}

// bodyHas is SQL for: the body contains one of the texts. A text that JSON writes in
// another way may stand there in either.
func bodyHas(values []string) (string, []any) {
	var alternatives []string
	var args []any
	for _, value := range values {
		written, err := json.Marshal(value)
		if err != nil || !ascii(value) || strings.Trim(string(written), `"`) != value {
			return "", nil
		}
		alternatives = append(alternatives, "EXISTS (SELECT 1 FROM payloads b WHERE b.n = e.n AND instr(lower(CAST(b.body AS TEXT)), ?) > 0)")
		args = append(args, strings.ToLower(value))
	}
	return either(alternatives, args)
}

// wordsAre is SQL for: the words are in the body or in the texts that lists show.
func wordsAre(values []string) (string, []any) {
	inBody, args := bodyHas(values)
	if inBody == "" || len(values) != 1 || strings.Contains(values[0], "*") { // masks are made of stars
		return "", nil
	}
	shown := `instr(lower(e.kind || char(10) || e.repo || char(10) || e.verdict || char(10) || e.source || char(10) ||
		e.phase || char(10) || e.delivery || char(10) || e.summary || char(10) || '#' || e.n || char(10) || ifnull(e.targets, '')), ?) > 0`
	tried := `EXISTS (SELECT 1 FROM attempts a WHERE a.event = e.n
		AND instr(lower(a.target || ' ' || iif(a.status = 0, '', a.status) || a.err), ?) > 0)`
	// An event without a kind is shown under a title of its own.
	return "e.kind = '' OR " + shown + " OR " + tried + " OR " + inBody, append([]any{args[0], args[0]}, args...)
}
