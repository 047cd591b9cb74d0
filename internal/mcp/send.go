package mcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/history"
	"github.com/hf-tap/hf-tap/internal/jsonedit"
	"github.com/hf-tap/hf-tap/internal/nearest"
	"github.com/hf-tap/hf-tap/internal/session"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/hf-tap/hf-tap/tunnel/local"
)

// maxTimes is how often one call sends an event.
const maxTimes = 100

func (s *server) addSendTools() {
	bounds := func(in *jsonschema.Schema) {
		number(in, "times", 1, maxTimes, 1)
		number(in, "timeout_seconds", 1, 600, 30)
	}
	addTool(s, tool{
		name: "replay_event", title: "Send an event again", waits: true,
		text:  "Send a recorded event to its targets again, byte for byte and with the right secret, and return what they answered. It goes to the target that is named; else through the session that runs; else to the targets that it had.",
		input: bounds,
	}, s.replayEvent)
	addTool(s, tool{
		name: "trigger_event", title: "Send a sample event", waits: true,
		text: "Create a realistic event of a kind, in the form of the Hub, send it with the right secret, and return what the targets answered. It goes to the target that is named; else through the session that runs.",
		input: func(in *jsonschema.Schema) {
			bounds(in)
			for _, k := range event.Kinds() {
				in.Properties["kind"].Enum = append(in.Properties["kind"].Enum, string(k))
			}
		},
	}, s.triggerEvent)
}

// sendIn are the arguments that both tools share.
type sendIn struct {
	Target         string `json:"target,omitempty" jsonschema:"send it there instead: a port and a path on this machine, like 7860/webhook, or a target that the user has configured"`
	Session        string `json:"session,omitempty" jsonschema:"the id of the running session to send it through, where there are several"`
	Times          int    `json:"times,omitempty" jsonschema:"send it so often, one after the other"`
	TimeoutSeconds int    `json:"timeout_seconds,omitempty" jsonschema:"how long to wait for the answers"`
}

type replayIn struct {
	N     int64 `json:"n" jsonschema:"the number of the event"`
	NewID bool  `json:"new_id,omitempty" jsonschema:"give each a Webhook-Id of its own: a handler that drops repeats takes it then"`
	sendIn
}

type triggerIn struct {
	Kind string `json:"kind" jsonschema:"what happens"`
	Repo string `json:"repo,omitempty" jsonschema:"where, like model:me/m, dataset:me/d, space:me/s, bucket:me/b; default one that the session watches"`

	Variant string         `json:"variant,omitempty" jsonschema:"one of the forms of the kind, like tag, new-branch, pull-request, merged, hidden; another word is answered with those that there are"`
	Set     map[string]any `json:"set,omitempty" jsonschema:"values of the payload by their paths, like {\"comment.content\": \"@bot hello\", \"updatedRefs[0].oldSha\": null}"`
	Unset   []string       `json:"unset,omitempty" jsonschema:"paths of the payload to leave out"`
	sendIn
}

type sendOut struct {
	Notice string     `json:"notice"`
	Via    string     `json:"via" jsonschema:"where it was sent: the session or the targets"`
	Sent   []sentView `json:"sent"`
	Why    string     `json:"why,omitempty" jsonschema:"why something is missing"`
}

// sentView is an event that was sent, with the answers of the targets.
type sentView struct {
	Event     rowView       `json:"event"`
	Attempts  []attemptView `json:"attempts"`
	Untrusted sentTexts     `json:"untrusted"`
}

type sentTexts struct {
	Body    *textView    `json:"body,omitempty" jsonschema:"the payload that was sent"`
	Answers []answerText `json:"answers" jsonschema:"what the targets said, one for each of attempts"`
	Hints   []string     `json:"hints,omitempty" jsonschema:"what to try, by what the targets answered, which they may quote"`
}

func (s *server) replayEvent(ctx context.Context, c call, in replayIn) (sendOut, error) {
	old, err := s.event(ctx, in.N)
	if err != nil {
		return sendOut{}, err
	}
	to, err := s.destination(in.sendIn, old, hub.Repo{})
	if err != nil {
		return sendOut{}, err
	}
	return s.send(ctx, c, in.sendIn, to, false, func() (*event.Event, error) { return session.Repeat(old, session.Again{NewID: in.NewID}) })
}

func (s *server) triggerEvent(ctx context.Context, c call, in triggerIn) (sendOut, error) {
	kind := event.Kind(in.Kind)
	if !kind.Known() {
		var names []string
		for _, k := range event.Kinds() {
			names = append(names, string(k))
		}
		return sendOut{}, hint.With(fmt.Errorf("the Hub sends no events of the kind %q", kind), cmp.Or(nearest.Word(strings.ToLower(in.Kind), names), strings.Join(names, ", ")))
	}
	var repo hub.Repo
	if in.Repo != "" {
		var err error
		if repo, err = hub.ParseRepo(in.Repo); err != nil {
			return sendOut{}, hint.With(err, "name a repo like model:me/m")
		}
	}
	changes, err := in.changes()
	if err != nil {
		return sendOut{}, err
	}
	to, err := s.destination(in.sendIn, nil, repo)
	if err != nil {
		return sendOut{}, err
	}
	opts := event.SampleOptions{Endpoint: s.Endpoint, Variant: event.Variant(in.Variant)}
	if to.session != nil {
		opts.Endpoint, opts.WebhookID = to.session.Endpoint, to.session.Webhook
	}
	return s.send(ctx, c, in.sendIn, to, true, func() (*event.Event, error) {
		e, err := session.MakeUp(kind, cmp.Or(repo, to.repo()), opts)
		if err != nil {
			return nil, err
		}
		for _, change := range changes {
			if e.Body, _, err = change.Apply(e.Body); err != nil {
				return nil, fmt.Errorf("change the payload: %w", err)
			}
		}
		return e, nil
	})
}

// changes are those that set and unset ask for, in the order of their paths.
func (in triggerIn) changes() (all []jsonedit.Change, err error) {
	add := func(path, value string) error {
		if strings.Contains(path, "=") {
			return fmt.Errorf("the path %q has a = in it", path)
		}
		change, err := jsonedit.Parse(path + "=" + value)
		all = append(all, change)
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(in.Set)) {
		value, err := plainJSON(in.Set[path])
		if err != nil {
			return nil, err
		}
		if err := add(path, string(value)); err != nil {
			return nil, err
		}
	}
	for _, path := range in.Unset {
		if err := add(path, ""); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// send sends the events of next, with the repeats that the call asks for, and returns
// their results. With new events, the first result has the body.
func (s *server) send(ctx context.Context, c call, in sendIn, to destination, isNew bool, next func() (*event.Event, error)) (sendOut, error) {
	out := sendOut{Notice: notice, Sent: []sentView{}}
	out.Via = to.String()
	limit := time.Duration(cmp.Or(in.TimeoutSeconds, 30)) * time.Second
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	times := cmp.Or(in.Times, 1)
	var numbers []int64
	each := func(ctx context.Context, send func(ctx context.Context, e *event.Event) (n int64, settled func(context.Context) error, err error)) error {
		for i := range times {
			e, err := next()
			if err != nil {
				return err
			}
			n, settled, err := send(ctx, e)
			if err != nil {
				return err
			}
			numbers = append(numbers, n)
			if err := settled(ctx); err != nil {
				return err
			}
			if times > 1 {
				c.progress(ctx, float64(i+1), float64(times), fmt.Sprintf("sent %d of %d", i+1, times))
			}
		}
		return nil
	}
	var err error
	if to.session != nil {
		err = each(timed, s.throughSession(to.session))
	} else {
		err = s.toTargets(timed, to, each)
	}
	switch {
	case err == nil && timed.Err() == nil:
	case ctx.Err() != nil:
		return out, ctx.Err()
	case timed.Err() != nil:
		out.Why = fmt.Sprintf("%d of %d were sent within %s, and the last was not answered: get_event shows later what became of it", len(numbers), times, limit)
	case len(numbers) == 0:
		return out, err
	default:
		out.Why = errorText(err)
	}
	return out, s.viewSent(ctx, &out, numbers, isNew)
}

// throughSession sends events through a session that runs, perhaps in another process.
func (s *server) throughSession(to *session.Running) func(context.Context, *event.Event) (int64, func(context.Context) error, error) {
	return func(ctx context.Context, e *event.Event) (int64, func(context.Context) error, error) {
		n, err := to.Local.Send(ctx, e)
		if err != nil {
			return 0, nil, fmt.Errorf("send the event through the session %s: %w", to.ID, err)
		}
		return n, func(ctx context.Context) error { return s.settled(ctx, to.ID, n) }, nil
	}
}

// settled waits until an event is settled that a session hands over.
func (s *server) settled(ctx context.Context, id string, n int64) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for asked := time.Now(); ; {
		e, err := s.event(ctx, n)
		if err != nil || e.Phase == event.PhaseSettled || e.Phase == event.PhasePending {
			return err
		}
		if time.Since(asked) > reopenEvery {
			asked = time.Now()
			if live, err := session.LiveAt(s.Dir); err == nil && live[id].URL == "" {
				return hint.With(fmt.Errorf("the session %s has ended before event %d was settled", id, n), "replay_event sends it again")
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
}

// toTargets sends events in a session made for it, without Hub or tunnel.
func (s *server) toTargets(ctx context.Context, to destination, each func(context.Context, func(context.Context, *event.Event) (int64, func(context.Context) error, error)) error) error {
	s.sending.Add(1)
	defer s.sending.Done()
	if err := s.Dir.Make(); err != nil {
		return err
	}
	secret, err := s.Secret()
	if err != nil {
		return err
	}
	s.Notes.Mask.Add(secret)
	cfg := session.Config{
		Dir: s.Dir, Endpoint: s.Endpoint, NoWebhook: true, Local: true, Secret: secret, Log: s.Log,
		Tunnel: session.TunnelConfig{Provider: local.Loopback, HubURL: "http://127.0.0.1"},
		Times:  session.Times{Drain: time.Second},
		Tell:   func(line string) { s.Notes.Print("%s", line) },
		// The user is waiting: a target that does not answer is reported at once.
		Receiver: receiver.Config{Routes: to.routes, WaitTarget: time.Second},
	}
	_, err = session.Run(ctx, cfg, front(func(ctx context.Context, live *session.Live) error {
		return each(ctx, func(ctx context.Context, e *event.Event) (int64, func(context.Context) error, error) {
			sent, err := live.Send(ctx, e, true)
			return sent.N, func(ctx context.Context) error {
				select {
				case <-sent.Settled:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}, err
		})
	}))
	return err
}

// front is a session's front end that calls a function.
type front func(ctx context.Context, live *session.Live) error

// Run calls the function.
func (f front) Run(ctx context.Context, live *session.Live) error { return f(ctx, live) }

// Last has nothing to show.
func (front) Last(context.Context, *session.Live) error { return nil }

// viewSent adds the results of events.
func (s *server) viewSent(ctx context.Context, out *sendOut, numbers []int64, withBody bool) error {
	answer := part{0, max(defaultBody/max(len(numbers), 1), 200)}
	return s.read(ctx, func(r *history.Reader) error {
		for _, n := range numbers {
			e, err := r.Get(ctx, n)
			if errors.Is(err, history.ErrNotFound) {
				out.Why = fmt.Sprintf("event %d was deleted", n)
				continue
			}
			if err != nil {
				return err
			}
			v := s.viewEvent(e, parts{body: part{0, defaultBody}, answer: answer})
			sent := sentView{Event: v.Event, Attempts: v.Attempts, Untrusted: sentTexts{Answers: v.Untrusted.Answers, Hints: v.Untrusted.Hints}}
			if withBody && len(out.Sent) == 0 {
				sent.Untrusted.Body = &v.Untrusted.Body
			}
			out.Sent = append(out.Sent, sent)
		}
		return nil
	})
}
