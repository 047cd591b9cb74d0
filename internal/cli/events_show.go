package cli

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/advice"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/term"
	"github.com/spf13/cobra"
)

// showFlags are the flags of events show, as they were given.
type showFlags struct{ json, raw bool }

func newEventsShow(p *Process) *cobra.Command {
	var f showFlags
	cmd := &cobra.Command{
		Use:   "show N",
		Short: "Show one event with its headers, body and attempts",
		Example: `  hf-tap events show 12
  hf-tap events show 12 --raw > payload.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			n, err := f.parse(args)
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
			return lines.WriteError(f.show(p, e))
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print the event as a JSON object (docs/events.md)")
	cmd.Flags().BoolVar(&f.raw, "raw", false, "print only the body, byte for byte")
	return cmd
}

// parse reads the number of the event, and checks the flags.
func (f *showFlags) parse(args []string) (n int64, err error) {
	if f.json && f.raw {
		return 0, usageError(errors.New("--json and --raw exclude each other"), "hf-tap events show --help")
	}
	return parseN(args[0])
}

func (f *showFlags) show(p *Process, e *event.Event) error {
	switch {
	case f.json:
		b, err := e.JSONLine(event.LineEvent)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(p.Out, p.notes.Mask.JSON(b))
		return err
	case f.raw && p.Terminal:
		_, err := fmt.Fprintln(p.Out, p.notes.Mask.Text(term.Text(string(e.Masked().Body))))
		return err
	case f.raw:
		_, err := p.Out.Write(e.Body)
		return err
	}
	_, err := fmt.Fprint(p.Out, p.notes.Mask.Text(eventPage(e)))
	return err
}

// eventPage is the output of events show: all about an event, made safe for the
// terminal.
func eventPage(e *event.Event) string {
	e = e.Masked()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", new(lines.Columns).Event(event.NewRow(e)))
	fmt.Fprintf(&b, "received  %s by session %s from %s\n", e.ReceivedAt.Local().Format("2006-01-02 15:04:05.000 -0700"), e.Session, e.Source)
	fmt.Fprintf(&b, "verdict   %s\n", e.Verdict)
	if e.Delivery != "" {
		fmt.Fprintf(&b, "delivery  %s (%s)\n", term.Line(e.Delivery), present.Ordinal(max(e.DeliveryN, 1)))
	}
	if e.Answer.Status != 0 {
		fmt.Fprintf(&b, "answered  %d in %s\n", e.Answer.Status, present.Duration(e.Answer.Duration))
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
		fmt.Fprintf(&b, "\nattempt %d  %s  %s  %s in %s\n", a.N, term.Line(present.Target(a.Target)),
			a.StartedAt.Local().Format("15:04:05.000"), term.Line(present.Outcome(a)), present.Duration(a.Duration))
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

// bodyText returns a body in its readable form: indented JSON, text, or hex.
func bodyText(body []byte) string {
	indented, isJSON := present.Indent(body)
	switch {
	case len(body) == 0:
		return "(empty body)"
	case isJSON:
		return term.Text(string(indented))
	case utf8.Valid(body):
		return term.Text(string(body))
	}
	return strings.TrimSuffix(hex.Dump(body), "\n")
}
