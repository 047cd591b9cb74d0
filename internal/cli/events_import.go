package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/spf13/cobra"
)

func newEventsImport(p *Process) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE …",
		Short: "Read events from NDJSON and fixtures into the history",
		Long: `Read events that "hf-tap events export" or "save" has written, or "listen --json", into the
history: files, folders of fixtures, or "-" for standard input. They get numbers of their
own and the source "import"; all else stays as it was, except for secrets, which are not in
files. States and arrivals are left out. If a file is cut off or invalid, everything
before that is imported, and the exit code is 1.`,
		Example: `  hf-tap events import events.ndjson
  hf-tap events import fixtures
  hf-tap listen model:me/m --json --count 1 | hf-tap events import -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if slices.Contains(args, "") {
				return usageError(errors.New("the name of a file is empty"), "hf-tap events import events.ndjson")
			}
			return p.importEvents(cmd.Context(), args)
		},
	}
}

func (p *Process) importEvents(ctx context.Context, args []string) (err error) {
	var groups [][]string // what stands in one argument may refer to each other
	for _, arg := range args {
		files, err := importable(arg)
		if err != nil {
			return err
		}
		groups = append(groups, files)
	}
	store, _, err := p.openHistory(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	im := &importer{progress: newProgress(p.Err, p.ErrTerminal, "imported", 0)}
	for _, files := range groups {
		im.into = store.NewImport(strings.ToLower("import-" + rand.Text()[:9]))
		for _, file := range files {
			if err == nil {
				err = im.file(ctx, p, file)
			}
		}
	}
	im.progress.Done()
	if im.leftOut > 0 {
		p.tell("left out %s: not settled events", present.Count(im.leftOut, "line"))
	}
	words := "imported " + present.Count(im.taken, "event")
	if im.taken > 0 {
		words += fmt.Sprintf(", #%d to #%d", im.first, im.last)
	}
	_, printed := fmt.Fprintln(p.Out, words)
	return errors.Join(err, lines.WriteError(printed))
}

// importable returns the files that an argument names. For a folder, they are its
// fixtures, in the order in which their events were received.
func importable(arg string) ([]string, error) {
	info, err := os.Stat(arg)
	switch {
	case arg == "-":
		return []string{arg}, nil
	case err != nil:
		return nil, withHint(fmt.Errorf("cannot read %q: %w", arg, bare(err)), "hf-tap events import events.ndjson")
	case !info.IsDir():
		return []string{arg}, nil
	}
	names, err := filepath.Glob(filepath.Join(escapeGlob(arg), "*.json"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, withHint(fmt.Errorf("the folder %q has no fixtures", arg), "hf-tap events export --format fixtures --output "+quoted(arg))
	}
	received := map[string]time.Time{}
	for _, name := range names {
		b, err := readAtMost(name, maxImported)
		if err != nil {
			return nil, err
		}
		var e struct {
			At time.Time `json:"received_at"`
		}
		_ = json.Unmarshal(b, &e) // the import reports what is wrong with it
		received[name] = e.At
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Or(received[a].Compare(received[b]), cmp.Compare(a, b)) })
	return names, nil
}

// escapeGlob escapes a path for use in a glob pattern.
func escapeGlob(path string) string {
	var b bytes.Buffer
	for _, r := range path {
		if r == '*' || r == '?' || r == '[' {
			b.WriteString("[" + string(r) + "]")
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// maxImported is how many bytes one event may have in a file: the largest body in
// base64, and answers.
const maxImported = 128 << 20

func readAtMost(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("read %q: it is larger than %s", name, present.Size(most))
	}
	return b, err
}

// importer reads files into the history, a transaction for each batch.
type importer struct {
	into        *history.Import
	progress    *progress
	batch       []*event.Event
	size        int // bytes of the batch
	taken       int
	leftOut     int
	first, last int64 // numbers of what was taken
}

// Bounds of a batch.
const (
	importBatch = 500
	importBytes = 8 << 20
)

// file imports a file. The events before an error are imported.
func (im *importer) file(ctx context.Context, p *Process, name string) error {
	shown, open := name, func() (io.ReadCloser, error) { return os.Open(name) }
	if name == "-" {
		shown, open = "standard input", func() (io.ReadCloser, error) { return io.NopCloser(p.In), nil }
	}
	in := readUntil(ctx, open)
	defer in.Close()
	err := im.read(ctx, in)
	if stored := im.flush(ctx); stored != nil {
		return stored // it is the first that went wrong
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("import %q: %w", shown, err)
	if errors.Is(err, event.ErrNewerLine) {
		return withHint(err, "update hf-tap")
	}
	if ctx.Err() != nil || im.taken == 0 {
		return err
	}
	return withHint(err, fmt.Sprintf("the events before it are imported; to undo that: hf-tap events rm --filter 'source:import n:%d..%d'", im.first, im.last))
}

// read reads JSON values, each an event or a list of events.
func (im *importer) read(ctx context.Context, in io.Reader) error {
	limited := &allowance{in: in}
	values := json.NewDecoder(limited)
	for at := 1; ; at++ {
		limited.left = maxImported
		var value json.RawMessage
		switch err := values.Decode(&value); {
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("it is cut off in the middle of value %d", at)
		case err != nil:
			return fmt.Errorf("value %d: %w", at, err)
		}
		if err := im.value(ctx, value); err != nil {
			return fmt.Errorf("value %d: %w", at, err)
		}
	}
}

// value imports an event, or a list of events.
func (im *importer) value(ctx context.Context, value json.RawMessage) error {
	if value[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(value, &list); err != nil {
			return err
		}
		for _, one := range list {
			if err := im.one(ctx, one); err != nil {
				return err
			}
		}
		return nil
	}
	return im.one(ctx, value)
}

func (im *importer) one(ctx context.Context, value json.RawMessage) error {
	e, err := event.ParseLine(value)
	if errors.Is(err, event.ErrNotEvent) {
		im.leftOut++
		return nil
	}
	if err != nil {
		return err
	}
	im.batch, im.size = append(im.batch, e), im.size+len(value)
	if len(im.batch) < importBatch && im.size < importBytes {
		return nil
	}
	return im.flush(ctx)
}

// flush stores the batch.
func (im *importer) flush(ctx context.Context) error {
	if len(im.batch) == 0 {
		return nil
	}
	batch := im.batch
	im.batch, im.size = nil, 0
	if err := im.into.Add(ctx, batch); err != nil {
		return err
	}
	im.first = cmp.Or(im.first, batch[0].N)
	im.last = batch[len(batch)-1].N
	im.taken += len(batch)
	im.progress.Add(len(batch))
	return nil
}

// allowance is a reader with a limit of bytes, which can be raised. It keeps one value
// from filling the memory.
type allowance struct {
	in   io.Reader
	left int
}

// Read reads up to the limit.
func (a *allowance) Read(b []byte) (int, error) {
	if a.left <= 0 {
		return 0, fmt.Errorf("larger than %s", present.Size(maxImported))
	}
	n, err := a.in.Read(b[:min(len(b), a.left)])
	a.left -= n
	return n, err
}

// readUntil opens a file with open and reads it, until ctx ends. Nothing interrupts the
// opening and the reading of a pipe: the goroutine then lasts as long as the process,
// which is about to end.
func readUntil(ctx context.Context, open func() (io.ReadCloser, error)) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		in, err := open()
		if err == nil {
			_, err = io.Copy(w, in)
			err = errors.Join(err, in.Close())
		}
		w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { r.CloseWithError(ctx.Err()) })
	return r
}
