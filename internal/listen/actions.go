package listen

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/atotto/clipboard"
	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/loopback"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tui"
)

// actions are the operations of the interface on a session. What happens to events is
// the session's; here it is put into words.
type actions struct {
	mask  *lines.Mask
	live  *session.Live
	roots *x509.CertPool // the certificates that targets may have; nil: the system's

	saveTo string // the folder for saved events; "": the working directory
}

func (a *actions) all() tui.Actions {
	return tui.Actions{
		Replay: a.replay, ReplayFailed: a.replayFailed, Deliver: a.deliver, Trigger: a.trigger, Pause: a.pause,
		SetFault: a.setFault, Pin: a.pin, Save: a.save, SaveApp: a.saveApp, Open: a.open, Copy: a.copy,
	}
}

func (a *actions) replay(ctx context.Context, r tui.Replay) (string, error) {
	how := session.Again{NewID: r.NewID}
	if r.Target != "" {
		name, err := a.target(r.Target)
		if err != nil {
			return "", err
		}
		how.Targets = []string{name}
	}
	var made []string
	for range max(r.Times, 1) {
		for _, n := range r.Numbers {
			sent, err := a.live.Replay(ctx, n, how)
			if err != nil {
				if len(made) > 0 {
					err = fmt.Errorf("%w; sent before: %s", err, shortList(made))
				}
				return "", err
			}
			made = append(made, fmt.Sprintf("#%d → #%d", n, sent.N))
		}
	}
	words := "replayed " + shortList(made)
	if r.Target != "" {
		words += " to " + present.Target(how.Targets[0])
	}
	if r.NewID {
		words += " with a new Webhook-Id"
	}
	return words, nil
}

// shortList returns a list as text; a long list without its middle items, but with
// their number.
func shortList(all []string) string {
	if len(all) <= 4 {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s, %s … %s (%d)", all[0], all[1], all[len(all)-1], len(all))
}

// target returns the name of a target of the session, which is added when it is a
// new one.
func (a *actions) target(s string) (string, error) {
	if a.live.Receiver.HasTarget(s) {
		return s, nil
	}
	if event.IsCommand(s) {
		return "", fmt.Errorf("%q is not a command of this session, and commands are run only when --exec gives them", s)
	}
	route, err := receiver.ParseRoute(s)
	if err != nil {
		return "", err
	}
	if route.Default || route.Match.String() != "" {
		return "", fmt.Errorf("%q is not a target alone: leave out the filter and the =", s)
	}
	receiver.TrustRoots(a.roots, route)
	return a.live.Receiver.AddTarget(route.Target), nil
}

func (a *actions) replayFailed(ctx context.Context) (string, error) {
	sent, err := a.live.ReplayFailed(ctx)
	if err != nil {
		return "", err
	}
	if sent == 0 {
		return "no event has failed", nil
	}
	return "replayed " + present.Count(sent, "failed event"), nil
}

func (a *actions) deliver(ctx context.Context, d tui.Draft) (string, error) {
	targets := make([]string, len(d.Targets))
	for i, t := range d.Targets {
		name, err := a.target(t)
		if err != nil {
			return "", err
		}
		targets[i] = name
	}
	sent, err := a.live.Send(ctx, &event.Event{
		Source: event.SourceReplay, ReplayOf: d.Of, Edited: true, Targets: targets,
		Method: d.Method, Path: d.Path, Header: d.Header, Body: d.Body,
	}, !d.KeepSecret)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("#%d, edited → #%d", d.Of, sent.N), nil
}

func (a *actions) trigger(ctx context.Context, kind event.Kind, repo string) (string, error) {
	named, err := hub.ParseRepo(repo)
	if err != nil {
		return "", err
	}
	sent, err := a.live.Trigger(ctx, kind, named)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("triggered %s of %s as #%d", kind, named, sent.N), nil
}

func (a *actions) pause(_ context.Context, on bool) (string, error) {
	a.live.Pause(on)
	if on {
		return "paused: events are recorded and answered, and wait for their targets", nil
	}
	return "resumed", nil
}

func (a *actions) setFault(_ context.Context, f *tui.Fault) (string, error) {
	if f == nil {
		return "answers are right again", a.live.SetFault(nil)
	}
	fault := &receiver.Fault{Status: f.Status, Delay: f.Delay, Drop: f.Drop, Times: f.Times, Filter: f.Filter}
	return fault.String(), a.live.SetFault(fault)
}

func (a *actions) pin(ctx context.Context, numbers []int64, on bool) (string, error) {
	if _, err := a.live.Pin(ctx, on, numbers...); err != nil {
		return "", err
	}
	if on {
		return "pinned " + listOfEvents(numbers), nil
	}
	return "unpinned " + listOfEvents(numbers), nil
}

// listOfEvents is the numbers of some events.
func listOfEvents(numbers []int64) string {
	var names []string
	for _, n := range numbers {
		names = append(names, fmt.Sprintf("#%d", n))
	}
	return shortList(names)
}

// save writes events into a new file.
func (a *actions) save(ctx context.Context, numbers []int64, format tui.Format) (string, error) {
	if len(numbers) == 0 {
		return "", errors.New("no event to save")
	}
	var text []byte
	for i, n := range numbers {
		e, err := a.live.Event(ctx, n)
		if err != nil {
			return "", err
		}
		b := e.Body
		if format != tui.FormatFixture {
			if b, err = e.JSONLine(event.LineEvent); err != nil {
				return "", err
			}
			b = a.mask.Secrets().MaskBody(b)
		}
		if format == tui.FormatJSON {
			if indented, ok := present.Indent(b); ok {
				b = indented
			}
		}
		if i > 0 && format == tui.FormatJSON {
			text = append(text, ",\n"...)
		}
		text = append(text, b...)
		if format == tui.FormatNDJSON {
			text = append(text, '\n')
		}
		if format == tui.FormatFixture && len(numbers) > 1 {
			return "", errors.New("a fixture is the body of one event: choose one")
		}
	}
	name, ending := fmt.Sprintf("event-%d", numbers[0]), ".json"
	switch {
	case format == tui.FormatNDJSON:
		ending = ".ndjson"
	case format == tui.FormatJSON && len(numbers) > 1:
		text = append(append([]byte("[\n"), text...), "\n]"...)
	}
	if len(numbers) > 1 {
		name = fmt.Sprintf("events-%d-and-%d-more", numbers[0], len(numbers)-1)
	}
	if format == tui.FormatFixture {
		name += "-body"
	} else if format == tui.FormatJSON {
		text = append(text, '\n')
	}
	return a.write(name, ending, text)
}

// saveApp writes the output of the app to a file.
func (a *actions) saveApp(_ context.Context, text string) (string, error) {
	return a.write("app-"+time.Now().Format("2006-01-02-150405"), ".log", []byte(text))
}

// restartApp ends the app and starts it again.
func (a *actions) restartApp(ctx context.Context) (string, error) {
	if err := a.live.RestartApp(ctx); err != nil {
		return "", err
	}
	return "started the app again", nil
}

// write writes a new file, and returns its name in words.
func (a *actions) write(name, ending string, text []byte) (string, error) {
	file, err := writeNew(filepath.Join(a.saveTo, name), ending, text)
	if err != nil {
		return "", fmt.Errorf("save: %w", err)
	}
	if whole, err := filepath.Abs(file); err == nil {
		file = whole
	}
	if a.saveTo != "" {
		return "saved as " + file + ", which is deleted at the end", nil
	}
	return "saved as " + file, nil
}

// writeNew writes a file with a name that is free: nothing is overwritten.
func writeNew(name, ending string, text []byte) (string, error) {
	for i := 1; ; i++ {
		file := name + ending
		if i > 1 {
			file = fmt.Sprintf("%s-%d%s", name, i, ending)
		}
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) && i < 1000 {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(text)
		return file, errors.Join(err, f.Close())
	}
}

// open shows a page of the Hub. The address stands in a payload, which anybody
// may have sent: only the Hub's own host is opened.
func (a *actions) open(ctx context.Context, address string) (string, error) {
	if err := ofTheHub(address, a.live.Endpoint); err != nil {
		return "", err
	}
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := exec.CommandContext(ctx, name, args...).Run(); err != nil {
		return "", fmt.Errorf("open %s: %w", address, err)
	}
	return "opened " + address, nil
}

// ofTheHub returns an error if an address is not a page of the Hub.
func ofTheHub(address, endpoint string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("the payload names no page that can be opened")
	}
	e, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	local := loopback.Is(e.Hostname()) && u.Scheme == "http" // the stand-in Hub
	if u.Scheme != "https" && !local || u.Host != e.Host || u.User != nil {
		return fmt.Errorf("%q is not a page of %s, and is not opened", address, e.Host)
	}
	return nil
}

func (a *actions) copy(_ context.Context, text string) error { return clipboard.WriteAll(text) }
