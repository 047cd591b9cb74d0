package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/event/filter"
	"github.com/hf-tap/hf-tap/internal/advice"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newEvents(p *Process) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "Look at recorded events and send them again",
		Example: "  hf-tap events ls",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEventsLs(p), newEventsShow(p), newEventsReplay(p), newEventsDismiss(p), newEventsRecover(p))
	return cmd
}

// openHistory opens the history of this machine's sessions, to change it. What
// killed ones were to hand over counts as pending from then on.
func (p *Process) openHistory(ctx context.Context) (*history.Store, session.Dir, error) {
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return nil, "", err
	}
	if err := dir.Make(); err != nil {
		return nil, "", err
	}
	p.hide(dir.KeptSecret())
	store, err := history.Open(ctx, dir.History())
	if err != nil {
		return nil, "", err
	}
	if err := dir.EndDead(ctx, store); err != nil {
		return nil, "", errors.Join(err, store.Close())
	}
	return store, dir, nil
}

// readHistory opens the history to read it: a read-only one will do, and nothing
// is made. reader is nil when there is none yet.
func (p *Process) readHistory(ctx context.Context) (reader *history.Reader, err error) {
	dir, err := session.FindDir(p.Getenv)
	if err != nil {
		return nil, err
	}
	p.hide(dir.KeptSecret())
	reader, err = history.OpenReader(ctx, dir.History())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return reader, err
}

func newEventsLs(p *Process) *cobra.Command {
	var sel selectFlags
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls [filter]",
		Short: "List recorded events, the newest last",
		Long: `List recorded events of all sessions, the newest last. In a filter all terms have
to fit: words, key:value, kinds and repos in which * stands for anything, and jq:
with an expression. A "-" in front of a term turns it around. docs/filter.md has
them all.`,
		Example: `  hf-tap events ls
  hf-tap events ls 'discussion.*' --limit 5
  hf-tap events ls kind:repo.* 'latency:>1s' -- -repo:me/noisy
  hf-tap events ls --failed --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var f *filter.Filter
			if len(args) > 0 {
				var err error
				if f, err = parseFilter(strings.Join(args, " "), "hf-tap events ls", "discussion.* latency:>1s"); err != nil {
					return err
				}
			}
			if limit < 0 {
				return usageError(errors.New("--limit must be 0 or more"), "hf-tap events ls --limit 0")
			}
			return p.listEvents(cmd.Context(), sel, f, limit, asJSON)
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if errors.As(err, &unknown) && strings.Contains(unknown.GetSpecifiedShortnames(), ":") {
			return usageError(err, "a filter's term that begins with - stands behind --: hf-tap events ls -- -kind:repo.*")
		}
		return usageError(err, flagHint(cmd, err))
	})
	sel.register(cmd.Flags())
	cmd.Flags().IntVarP(&limit, "limit", "n", 50, "at most so many of the newest; 0 lists all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each event, as docs/events.md describes")
	return cmd
}

func (p *Process) listEvents(ctx context.Context, sel selectFlags, f *filter.Filter, limit int, asJSON bool) (err error) {
	reader, err := p.readHistory(ctx)
	if err != nil {
		return err
	}
	q := sel.query()
	q.Filter = f
	if limit > 0 {
		q.Limit = limit + 1 // one more says that there are more
	}
	// Numbers alone are kept while paging backwards: a history may hold millions.
	var numbers []int64
	var missing *history.UnreadableError
	var lines columns
	now := time.Now()
	if reader != nil {
		defer func() { err = errors.Join(err, reader.Close()) }()
		err := reader.Search(ctx, q, func(row *event.Row) error {
			if limit == 0 || len(numbers) < limit {
				lines.fit(row, now)
			}
			numbers = append(numbers, row.N)
			return nil
		})
		if err != nil && !errors.As(err, &missing) {
			return err
		}
	}
	if n := q.Filter.JQCutOff(); n > 0 {
		p.tell("the jq expression took too long, or too much memory, on %s, which are left out", count(n, "event"))
	}
	if len(numbers) == 0 && missing == nil {
		if err := sel.known(ctx, reader, "hf-tap events ls"); err != nil {
			return err
		}
		if !asJSON {
			p.tell("no events")
		}
	}
	if limit > 0 && len(numbers) > limit {
		numbers = numbers[:limit]
		defer func() {
			if err == nil {
				p.tell("stopped after the newest %s: --limit 0 lists all", count(limit, "event"))
			}
		}()
	}
	out := bufio.NewWriter(p.Out)
	for _, n := range slices.Backward(numbers) {
		e, err := reader.Get(ctx, n)
		switch {
		case errors.Is(err, history.ErrNotFound):
			continue // deleted meanwhile
		case errors.Is(err, history.ErrDamaged):
			if missing == nil {
				missing = &history.UnreadableError{Err: err}
			}
			missing.Events++
			continue
		case err != nil:
			return err
		}
		line := p.hidden.mask(lines.event(event.NewRow(e)))
		if asJSON {
			b, err := e.JSONLine(event.LineEvent)
			if err != nil {
				return err
			}
			line = p.hidden.maskJSON(b)
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return closedOutput(err)
		}
	}
	if err := closedOutput(out.Flush()); err != nil {
		return err
	}
	if missing != nil {
		return missing
	}
	return nil
}

// getEvent reads one event whole.
func getEvent(ctx context.Context, store *history.Reader, n int64) (*event.Event, error) {
	e, err := store.Get(ctx, n)
	if errors.Is(err, history.ErrNotFound) {
		return nil, noEvent(n)
	}
	return e, err
}

func noEvent(n int64) error {
	return withHint(fmt.Errorf("there is no event %d", n), "hf-tap events ls")
}

func newEventsShow(p *Process) *cobra.Command {
	var asJSON, raw bool
	cmd := &cobra.Command{
		Use:   "show N",
		Short: "Show one event with its headers, body and attempts",
		Example: `  hf-tap events show 12
  hf-tap events show 12 --raw > payload.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if asJSON && raw {
				return usageError(errors.New("--json and --raw exclude each other"), "hf-tap events show --help")
			}
			n, err := parseN(args[0])
			if err != nil {
				return err
			}
			reader, err := p.readHistory(cmd.Context())
			if err != nil {
				return err
			}
			if reader == nil {
				return noEvent(n)
			}
			defer func() { err = errors.Join(err, reader.Close()) }()
			e, err := getEvent(cmd.Context(), reader, n)
			if err != nil {
				return err
			}
			return closedOutput(p.showEvent(e, asJSON, raw))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the event as a JSON object, as docs/events.md describes")
	cmd.Flags().BoolVar(&raw, "raw", false, "print the body alone, byte for byte")
	return cmd
}

func (p *Process) showEvent(e *event.Event, asJSON, raw bool) error {
	switch {
	case asJSON:
		b, err := e.JSONLine(event.LineEvent)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(p.Out, p.hidden.maskJSON(b))
		return err
	case raw && p.Terminal:
		_, err := fmt.Fprintln(p.Out, p.hidden.mask(term.Text(string(e.Masked().Body))))
		return err
	case raw:
		_, err := p.Out.Write(e.Body)
		return err
	}
	_, err := fmt.Fprint(p.Out, p.hidden.mask(eventPage(e)))
	return err
}

// eventPage is all there is to say about an event, made safe for the terminal.
func eventPage(e *event.Event) string {
	e = e.Masked()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", eventLine(event.NewRow(e)))
	fmt.Fprintf(&b, "received  %s by session %s from %s\n", e.ReceivedAt.Local().Format("2006-01-02 15:04:05.000 -0700"), e.Session, e.Source)
	fmt.Fprintf(&b, "verdict   %s\n", e.Verdict)
	if e.Delivery != "" {
		fmt.Fprintf(&b, "delivery  %s (%s)\n", term.Line(e.Delivery), ordinal(max(e.DeliveryN, 1)))
	}
	if e.Answer.Status != 0 {
		fmt.Fprintf(&b, "answered  %d in %s\n", e.Answer.Status, round(e.Answer.Duration))
	}
	fmt.Fprintf(&b, "\n%s\n", term.Line(e.Method+" "+e.Path))
	b.WriteString(headerText(e.Header))
	fmt.Fprintf(&b, "\n%s\n", bodyText(e.Body))
	switch {
	case e.Refused():
		fmt.Fprintf(&b, "(%s: of %d bytes only the beginning was kept)\n", e.Refusal(), e.Size)
	case e.BodyCut && e.Verdict.Trusted():
		b.WriteString("(the body is lost, or a part of it)\n")
	case e.BodyCut:
		b.WriteString("(only the beginning was kept)\n")
	}
	for _, a := range e.Attempts {
		fmt.Fprintf(&b, "\nattempt %d  %s  %s  %s in %s\n", a.N, term.Line(shortTarget(a.Target)),
			a.StartedAt.Local().Format("15:04:05.000"), term.Line(outcome(a)), round(a.Duration))
		if says := a.BodyError(); says != "" {
			fmt.Fprintf(&b, "ERROR IN BODY: %s\n", term.Line(says))
		}
		b.WriteString(headerText(a.Header))
		if len(a.Body) > 0 {
			fmt.Fprintf(&b, "\n%s\n", bodyText(a.Body))
		}
		if a.BodyCut {
			b.WriteString("(only the beginning was kept)\n")
		}
		if advice, ok := advice.For(e, &a); ok {
			fmt.Fprintf(&b, "hint: %s\n", term.Line(advice.Hint))
		}
	}
	return b.String()
}

func headerText(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fmt.Fprintf(&b, "%s\n", term.Line(name+": "+value))
		}
	}
	return b.String()
}

// bodyText shows a body as what it is: JSON indented, text, or hex.
func bodyText(body []byte) string {
	var indented bytes.Buffer
	switch {
	case len(body) == 0:
		return "(empty body)"
	case json.Indent(&indented, body, "", "  ") == nil:
		return term.Text(indented.String())
	case utf8.Valid(body):
		return term.Text(string(body))
	}
	return strings.TrimSuffix(hex.Dump(body), "\n")
}

// waitPoll is how often another process's history is looked at.
const waitPoll = 50 * time.Millisecond

// waitSettled waits until an event that another process hands over can change
// no more.
func waitSettled(ctx context.Context, store *history.Store, n int64) (*event.Event, error) {
	tick := time.NewTicker(waitPoll)
	defer tick.Stop()
	for {
		e, err := store.Get(ctx, n)
		if err != nil {
			return nil, err
		}
		if e.Phase == event.PhaseSettled || e.Phase == event.PhasePending {
			return e, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}
