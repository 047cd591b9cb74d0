package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/jsonedit"
	"github.com/hf-tap/hf-tap/internal/listen"
	"github.com/hf-tap/hf-tap/internal/nearest"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/session"
)

// maxPayload is the largest body that a session takes, in bytes.
const maxPayload = 32 << 20

// readFile reads the payload of --file, nil without one.
func (f *triggerFlags) readFile(p *Process) ([]byte, error) {
	if f.file == "" {
		return nil, nil
	}
	body, err := readPayload(f.file, p.In)
	if err != nil {
		return nil, usageError(fmt.Errorf("--file %s: %w", f.file, err), "hf-tap trigger repo.update --dry-run shows what a payload is like")
	}
	if err := checkJSON(body); err != nil {
		return nil, usageError(fmt.Errorf("--file %s: %w", f.file, err), "check it with: jq . "+quoted(f.file))
	}
	return body, nil
}

// readPayload reads a regular file, or standard input for "-". A pipe that nobody
// writes to would never end.
func readPayload(path string, in io.Reader) ([]byte, error) {
	if path != "-" {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, errors.Unwrap(err)
		case info.IsDir():
			return nil, errors.New("it is a folder")
		case !info.Mode().IsRegular():
			return nil, errors.New("it is not a file: give - for standard input")
		case info.Size() > maxPayload:
			return nil, tooLarge(info.Size())
		}
		file, err := os.Open(path)
		if err != nil {
			return nil, errors.Unwrap(err)
		}
		defer file.Close()
		in = file
	}
	body, err := io.ReadAll(io.LimitReader(in, maxPayload+1))
	if len(body) > maxPayload {
		return nil, tooLarge(int64(len(body)))
	}
	return body, err
}

func tooLarge(size int64) error {
	return fmt.Errorf("it has %s, and a delivery may have %s", present.Size(size), present.Size(maxPayload))
}

// checkJSON returns the error of a text that is not JSON, with its line.
func checkJSON(text []byte) error {
	var v json.RawMessage
	err := json.Unmarshal(text, &v)
	var at *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case len(bytes.TrimSpace(text)) == 0:
		return errors.New("it is empty")
	case errors.As(err, &at):
		line := 1 + bytes.Count(text[:min(int(at.Offset), len(text))], []byte("\n"))
		return fmt.Errorf("line %d: invalid JSON: %w", line, err)
	}
	return fmt.Errorf("invalid JSON: %w", err)
}

// events makes the requests that the flags ask for, without their secrets.
func (f *triggerFlags) events(ctx context.Context, p *Process, plan triggerPlan, body []byte, d destination, env hub.Env) ([]*event.Event, error) {
	var bodies [][]byte
	if body != nil {
		bodies = [][]byte{body}
	} else {
		var err error
		if bodies, err = f.samples(ctx, p, plan, d, env); err != nil {
			return nil, err
		}
	}
	var events []*event.Event
	for i, body := range bodies {
		body, notes, err := f.change(plan.changes, body, true)
		if err != nil {
			return nil, err
		}
		for _, note := range notes {
			if i == 0 { // it is the same for the others
				p.tell("--set %s%s", note.Text, meantWords(note.Meant))
			}
		}
		if f.edit {
			if body, err = p.editJSON(ctx, body); err != nil {
				return nil, err
			}
		}
		events = append(events, &event.Event{
			Source: event.SourceTrigger, Method: http.MethodPost, Body: body,
			Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"hf-tap"}, "Webhook-Id": {session.NewDeliveryID()}},
		})
	}
	return events, nil
}

// change makes the changes of --set, and returns notes about unusual ones. With --all,
// what is to be deleted need not be in every payload. Before the Hub is asked, the tags
// of a repo are not known, and changes of them wait.
func (f *triggerFlags) change(changes []jsonedit.Change, body []byte, asked bool) (after []byte, notes []*jsonedit.Note, err error) {
	for i, c := range changes {
		if !asked && strings.HasPrefix(c.String(), "repo.tags") {
			continue
		}
		after, note, err := c.Apply(body)
		var fault *jsonedit.Error
		switch {
		case errors.As(err, &fault) && f.all && c.Delete:
			continue
		case errors.As(err, &fault):
			hint := "hf-tap trigger … --dry-run shows the payload"
			if fault.Meant != "" {
				_, value, _ := strings.Cut(f.sets[i], "=")
				hint = "--set " + quoted(fault.Meant+"="+value)
			}
			return nil, nil, usageError(fmt.Errorf("--set %w", fault), hint)
		case err != nil:
			return nil, nil, err
		}
		if note != nil {
			notes = append(notes, note)
		}
		body = after
	}
	return body, notes, nil
}

func meantWords(meant string) string {
	if meant == "" {
		return ""
	}
	return ": did you mean " + quoted(meant) + "?"
}

// samples makes a payload for each kind, and prints which of its details are real.
func (f *triggerFlags) samples(ctx context.Context, p *Process, plan triggerPlan, d destination, env hub.Env) ([][]byte, error) {
	opts := event.SampleOptions{Seed: f.seed, Endpoint: env.Endpoint, Variant: event.Variant(f.variant)}
	if !f.given.Changed("seed") {
		opts.Seed = rand.Uint64()
	}
	if d.session != nil {
		opts.Endpoint, opts.WebhookID = d.session.Endpoint, d.session.Webhook
	}
	repo, known := f.sampleRepo(ctx, p, plan, d)
	facts := &repoFacts{repo: repo}
	if known {
		facts.lookUp(ctx, p, f, plan, d, env)
		p.tell("%s", facts.words())
	} else {
		p.tell("%s is an invented repo: name a real one with --repo", repo)
	}
	repos := []hub.Repo{repo}
	if f.all && (plan.repo == hub.Repo{}) {
		p.tell("the repos of other types are invented, too")
		for _, t := range hub.RepoTypes() {
			if t != repo.Type {
				repos = append(repos, hub.Repo{Type: t, Name: event.OwnerOf(repo.Name) + "/example"})
			}
		}
	}
	var bodies [][]byte
	for i, r := range repos {
		for _, kind := range plan.kinds {
			if f.all && !slices.Contains(event.KindsOf(r.Type), kind) {
				continue
			}
			of := opts
			if i == 0 {
				of = facts.fill(opts, kind)
			}
			payload, err := event.Sample(kind, r, of)
			if err != nil {
				return nil, f.sampleError(err, kind, r)
			}
			body, err := plainJSON(payload)
			if err != nil {
				return nil, err
			}
			bodies = append(bodies, body)
		}
	}
	return bodies, nil
}

// sampleError is the error of an event that the Hub never sends.
func (f *triggerFlags) sampleError(err error, kind event.Kind, repo hub.Repo) error {
	hint := "hf-tap trigger " + string(kind)
	variants := event.Variants(kind, repo.Type)
	switch near := nearest.Word(strings.ToLower(f.variant), texts(variants)); {
	case len(variants) == 0:
		hint += " --repo model:me/my-model"
	case near != "":
		hint += " --variant " + near
	case variants[0] != "":
		hint += " --variant " + string(variants[0])
	}
	return usageError(err, hint)
}

// sampleRepo returns the repo that events are made of: the named one; one that the
// session watches; the Hub repo of this folder; else an example. known is whether
// somebody named it, so that the Hub may know it.
func (f *triggerFlags) sampleRepo(ctx context.Context, p *Process, plan triggerPlan, d destination) (repo hub.Repo, known bool) {
	if plan.repo != (hub.Repo{}) {
		return plan.repo, true
	}
	example := hub.Repo{Type: hub.RepoTypeModel, Name: "me/example"}
	if d.session != nil && len(d.session.Watches) > 0 {
		for _, w := range d.session.Watches {
			if repo, ok := w.Repo(); ok {
				return repo, true
			}
		}
		example.Name = d.session.Watches[0].Name + "/example"
		return example, false
	}
	if repo, why := folderRepo(ctx, p.Getenv); why == "" {
		return repo, true
	}
	return example, false
}

// plainJSON writes a payload as the Hub does, with "<" and "&" as they are.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write the payload: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// editJSON lets the user change a payload in the editor, until it is JSON.
func (p *Process) editJSON(ctx context.Context, body []byte) ([]byte, error) {
	editor := listen.Editor(p.Getenv)
	if len(editor) == 0 {
		return nil, withHint(errors.New("there is no editor"), "set VISUAL or EDITOR")
	}
	dir, err := os.MkdirTemp("", "hf-tap-edit-") // readable by the user only
	if err != nil {
		return nil, fmt.Errorf("edit the payload: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "payload.json")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "  "); err != nil {
		return nil, fmt.Errorf("edit the payload: %w", err)
	}
	pretty.WriteByte('\n')
	if err := os.WriteFile(file, pretty.Bytes(), 0o600); err != nil {
		return nil, fmt.Errorf("edit the payload: %w", err)
	}
	for {
		cmd := exec.CommandContext(ctx, editor[0], append(editor[1:], file)...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("edit the payload with %s: %w", editor[0], err)
		}
		text, err := readPayload(file, nil)
		if err != nil {
			return nil, fmt.Errorf("edit the payload: %w", err)
		}
		if len(bytes.TrimSpace(text)) == 0 {
			return nil, withHint(errors.New("the payload is empty: nothing was sent"), triggerHelp)
		}
		fault := checkJSON(text)
		if fault == nil {
			var plain bytes.Buffer
			err := json.Compact(&plain, text)
			return plain.Bytes(), err
		}
		again, err := p.confirm(ctx, fmt.Sprintf("%v\nedit it again?", fault))
		if err != nil {
			return nil, err
		}
		if !again {
			return nil, withHint(fmt.Errorf("the payload cannot be sent: %w", fault), triggerHelp)
		}
	}
}
