package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The formats of exports.
const (
	formatNDJSON   = "ndjson"
	formatHAR      = "har"
	formatCurl     = "curl"
	formatFixtures = "fixtures"
)

// exportFlags are the flags of events export, as they were given.
type exportFlags struct {
	sel                selectFlags
	span               spanFlags
	format, output, to string
	force              bool
}

func newEventsExport(p *Process) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export [N …]",
		Short: "Write events as NDJSON, HAR, a curl script or fixtures",
		Long: `Write events for other programs, the oldest first and with their secrets masked: those
named by number, those that the flags select, or all.

The formats:
  ndjson    the JSON lines of docs/events.md
  har       an HTTP archive, HAR 1.2: the requests to targets and their answers
  curl      a shell script that sends them again, with $WEBHOOK_SECRET
  fixtures  test data: a file for each event, with the same name each time`,
		Example: `  hf-tap events export > events.ndjson
  hf-tap events export --filter 'discussion.*' --format fixtures --output fixtures
  hf-tap events export --since 2h --format har --output events.har
  hf-tap events export 12 --format curl --to 7860 > again.sh`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, named, err := f.parse(args)
			if err != nil {
				return err
			}
			return f.export(cmd.Context(), p, q, named)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *exportFlags) register(fs *pflag.FlagSet) {
	f.sel.register(fs)
	f.span.register(fs)
	fs.StringVar(&f.format, "format", formatNDJSON, "ndjson, har, curl or fixtures")
	fs.StringVarP(&f.output, "output", "o", "", "write to this file, or fixtures to this folder")
	fs.StringVar(&f.to, "to", "", "the `TARGET` of the curl commands")
	fs.BoolVar(&f.force, "force", false, "replace files that exist")
}

// parse reads the numbers of the events that are named, or the query for those
// that the flags choose.
func (f *exportFlags) parse(args []string) (q history.Query, named []int64, err error) {
	const command = "hf-tap events export"
	q = f.sel.query()
	chosen := f.sel.failed || f.sel.pending || f.sel.session != "" || f.span.given()
	if len(args) > 0 && chosen {
		return q, nil, usageError(errors.New("name the events by number, or choose them by flags"), command+" --since 2h")
	}
	if named, err = parseNumbers(args); err != nil {
		return q, nil, err
	}
	if err := oneOf("--format", f.format, command, formatNDJSON, formatHAR, formatCurl, formatFixtures); err != nil {
		return q, nil, err
	}
	switch {
	case f.format == formatFixtures && f.output == "":
		return q, nil, usageError(errors.New("fixtures are files: --output names their folder"), command+" --format fixtures --output fixtures")
	case f.force && f.output == "":
		return q, nil, usageError(errors.New("--force has no effect without --output"), command+" --output events.ndjson --force")
	case f.to != "" && f.format != formatCurl:
		return q, nil, usageError(errors.New("--to has no effect without --format curl"), command+" --format curl --to 7860")
	case f.to != "":
		target, err := receiver.ParseTarget(f.to)
		if err != nil || event.IsCommand(target.Name()) {
			return q, nil, usageError(fmt.Errorf("--to %q is not a target over HTTP", event.MaskURL(f.to)), command+" --format curl --to 7860")
		}
		f.to = target.Name()
	}
	return q, named, f.span.narrow(&q, command)
}

func (f *exportFlags) export(ctx context.Context, p *Process, q history.Query, named []int64) (err error) {
	reader, err := p.readHistory(ctx)
	if err != nil {
		return err
	}
	if reader == nil && len(named) > 0 {
		return noEvent(named[0])
	}
	if reader == nil {
		p.tell("no events")
		return nil
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	total := len(named)
	shows := p.ErrTerminal && (f.output != "" || !p.Terminal) // else the events themselves show it
	if total == 0 && shows {
		if total, err = reader.Count(ctx, q); err != nil && !errors.Is(err, history.ErrDamaged) {
			return err
		}
	}
	out, finish, err := f.open(p)
	if err != nil {
		return err
	}
	progress := newProgress(p.Err, shows, "exported", total)
	written := 0
	err = eachOf(ctx, reader, q, named, func(e *event.Event) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		written++
		progress.Add(1)
		return out.event(e)
	})
	progress.Done()
	missing, damaged := errors.AsType[*history.UnreadableError](err)
	if damaged {
		err = nil // the others are written
	}
	if err == nil {
		err = out.end()
	}
	if err := finish(err); err != nil {
		return err
	}
	if damaged {
		return missing
	}
	p.tellCutOff(q.Filter)
	if written == 0 {
		if err := f.sel.known(ctx, reader, "hf-tap events export"); err != nil {
			return err
		}
		p.tell("no events")
	}
	if f.output == "" {
		return nil
	}
	_, err = fmt.Fprintln(p.Out, p.notes.Shown("exported "+present.Count(written, "event")+" to "+f.output))
	return lines.WriteError(err)
}

// eachOf calls found with each named event, or with the events of a query if none is
// named.
func eachOf(ctx context.Context, reader *history.Reader, q history.Query, named []int64, found func(*event.Event) error) error {
	if len(named) == 0 {
		return reader.Each(ctx, q, found)
	}
	for _, n := range named {
		e, err := getEvent(ctx, reader, n)
		if err != nil {
			return err
		}
		if err := found(e); err != nil {
			return err
		}
	}
	return nil
}

// exporter writes events in a format.
type exporter interface {
	event(*event.Event) error
	end() error
}

// open opens the output. The caller calls finish at the end, with the error if there
// was one.
func (f *exportFlags) open(p *Process) (exporter, func(error) error, error) {
	const command = "hf-tap events export --output FILE"
	if f.format == formatFixtures {
		if err := os.MkdirAll(f.output, 0o700); err != nil {
			return nil, nil, fmt.Errorf("make the folder for fixtures: %w", err)
		}
		return &fixtures{folder: f.output, force: f.force, mask: p.notes.Mask, names: map[string]bool{}}, func(err error) error { return err }, nil
	}
	out := bufio.NewWriterSize(p.Out, 64<<10)
	finish := func(err error) error { return errors.Join(err, lines.WriteError(out.Flush())) }
	if f.output != "" {
		file, err := createFile(f.output, f.force, command)
		if err != nil {
			return nil, nil, err
		}
		out, finish = file.Writer, func(err error) error { return file.finish(err, command) }
	}
	switch f.format {
	case formatHAR:
		return &harFile{out: out, mask: p.notes.Mask, version: p.Version}, finish, nil
	case formatCurl:
		return &curlScript{out: out, mask: p.notes.Mask, to: f.to}, finish, nil
	}
	return &ndjson{out, p.notes.Mask}, finish, nil
}

// ndjson writes a JSON line for each event.
type ndjson struct {
	out  io.Writer
	mask *lines.Mask
}

func (x *ndjson) event(e *event.Event) error {
	line, err := e.JSONLine(event.LineEvent)
	if err != nil {
		return err
	}
	_, err = io.WriteString(x.out, x.mask.JSON(line)+"\n")
	return lines.WriteError(err)
}

func (x *ndjson) end() error { return nil }

// harFile writes an HTTP archive.
type harFile struct {
	out     io.Writer
	mask    *lines.Mask
	version string
	written bool
}

func (x *harFile) event(e *event.Event) error {
	entries, err := e.HAREntries()
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := x.separate(); err != nil {
			return err
		}
		if _, err := io.WriteString(x.out, x.mask.JSON(entry)); err != nil {
			return lines.WriteError(err)
		}
	}
	return nil
}

// separate writes the text before an entry: the start of the archive, or a comma.
func (x *harFile) separate() error {
	text := []byte(",\n")
	if !x.written {
		before, _ := event.HARLog(x.version)
		text, x.written = append(before, '\n'), true
	}
	_, err := x.out.Write(text)
	return lines.WriteError(err)
}

func (x *harFile) end() error {
	before, after := event.HARLog(x.version)
	if !x.written {
		after = append(before, after...)
	}
	_, err := x.out.Write(append(after, '\n'))
	return lines.WriteError(err)
}

// curlScript writes a shell script that sends the events again.
type curlScript struct {
	out     io.Writer
	mask    *lines.Mask
	to      string // "": to the targets that they had
	written bool
}

func (x *curlScript) event(e *event.Event) error {
	if err := x.begin(); err != nil {
		return err
	}
	targets := []string{x.to}
	if x.to == "" {
		targets = nil
		for _, target := range e.Targets {
			if !event.IsCommand(target) {
				targets = append(targets, target)
			}
		}
	}
	text := fmt.Sprintf("\n# event %d %s\n", e.N, fixtureName(e))
	switch {
	case e.BodyCut || !e.Verdict.Trusted():
		text += "# cannot be sent again: its secret is wrong, or its body is incomplete\n"
	case len(targets) == 0:
		text += "# had no HTTP target: add --to TARGET\n"
	default:
		for _, target := range targets {
			text += x.mask.Text(event.Curl(e, target)) + " -o /dev/null -w '" + fmt.Sprintf("event %d: %%{http_code}\\n", e.N) + "'\n"
		}
	}
	_, err := io.WriteString(x.out, text)
	return lines.WriteError(err)
}

func (x *curlScript) begin() error {
	if x.written {
		return nil
	}
	x.written = true
	_, err := io.WriteString(x.out, `#!/bin/sh
# Sends recorded deliveries again, in their order, and prints what is answered.
: "${WEBHOOK_SECRET:?is not set: export WEBHOOK_SECRET=\$(hf-tap secret)}"
`)
	return lines.WriteError(err)
}

func (x *curlScript) end() error { return x.begin() }

// fixtures writes a file for each event.
type fixtures struct {
	folder string
	force  bool
	mask   *lines.Mask
	names  map[string]bool // that are written: an event that was imported twice is one file
}

func (x *fixtures) event(e *event.Event) error {
	name := fixtureName(e)
	if x.names[name] {
		return nil
	}
	x.names[name] = true
	text, err := fixture(e, x.mask)
	if err != nil {
		return err
	}
	const command = "hf-tap events export --format fixtures"
	f, err := createFile(filepath.Join(x.folder, name), x.force, command)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return f.finish(err, command)
}

func (x *fixtures) end() error { return nil }
