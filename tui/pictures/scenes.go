package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/tui"
)

// scene is a picture: the keys that are pressed in a window of a size.
type scene struct {
	name, about   string
	width, height int
	keys          []string
}

func scenes() []scene {
	return []scene{
		{"screen", "hf-tap: the header, the list of deliveries, and the payload of one", 120, 36, []string{"up", "enter", "jjj", "enter", "jjjjjjjjjjjj", "jjjj"}},
		{"screen-filter", "hf-tap: the list, narrowed by a filter that is being typed", 120, 24, []string{"/", "kind:discussion.* is:"}},
		{"screen-diff", "hf-tap: an event that was replayed, compared with the original", 120, 32, []string{"5"}},
		{"screen-narrow", "hf-tap: in a pane of 40 columns", 40, 20, nil},
	}
}

// pictures draws all scenes, dark and light. They are by the names of their files.
func pictures(ctx context.Context) map[string]string {
	files := map[string]string{}
	for _, s := range scenes() {
		screen := tui.Draw(ctx, config(), s.width, s.height, s.keys...)
		files[s.name+".svg"] = svg(screen, s.width, s.height, dark(), s.about)
		files[s.name+"-light.svg"] = svg(screen, s.width, s.height, light(), s.about)
	}
	return files
}

var began = time.Date(2026, 11, 24, 14, 2, 3, 0, time.UTC)

// config is a session whose events are all in the feed from the start.
func config() tui.Config {
	events, changes := story()
	wake := make(chan struct{})
	close(wake)
	const target = "http://127.0.0.1:3000/webhooks"
	return tui.Config{
		Now:  func() time.Time { return began },
		Zone: time.UTC,
		Feed: tui.Feed{
			Wake: wake,
			Read: func(context.Context, int) ([]event.Change, error) {
				defer func() { changes = nil }()
				return changes, nil
			},
			Get: func(_ context.Context, n int64) (*event.Event, error) {
				e := *events[n-1]
				return &e, nil
			},
		},
		Status: func() tui.Status {
			return tui.Status{
				Provider: "ngrok", URL: "https://grown-ape-nicely.ngrok-free.app", Tunnel: tui.Health{State: "up", Since: began},
				Check: tui.Check{At: began.Add(2 * time.Second), Took: 84 * time.Millisecond}, WebhookID: "6744a1f3c2a1",
				Watches: []string{"space:ada/reviewer", "model:ada/whisper-tiny"}, Domains: []string{"repo", "discussion"}, Deliveries: 37,
				Targets: []tui.TargetStatus{{Name: target, At: began.Add(150 * time.Second), Status: 200}},
			}
		},
		Repo: "model:ada/whisper-tiny",
	}
}

// story is the events of a bot that fails at a comment, is fixed, and gets the comment
// again.
func story() (events []*event.Event, changes []event.Change) {
	at := began
	state := func(s event.State) {
		s.At = at
		changes = append(changes, event.Change{Rev: int64(len(changes) + 1), State: &s})
	}
	deliver := func(after time.Duration, kind event.Kind, repo string, change func(*event.Event)) {
		at = at.Add(after)
		e := delivery(int64(len(events)+1), kind, repo, at)
		if change != nil {
			change(e)
		}
		e.Rev = int64(len(changes) + 1)
		events = append(events, e)
		changes = append(changes, event.Change{Rev: e.Rev, Row: event.NewRow(e)})
	}
	state(event.State{Subject: event.SubjectTunnel, Name: "https://grown-ape-nicely.ngrok-free.app", State: "up"})
	deliver(9*time.Second, "repo.content.update", "model:ada/whisper-tiny", nil)
	deliver(14*time.Second, "repo.config.update", "space:ada/reviewer", nil)
	deliver(31*time.Second, "discussion.create", "space:ada/reviewer", nil)
	deliver(12*time.Second, "discussion.comment.create", "space:ada/reviewer", func(e *event.Event) {
		fail(&e.Attempts[0])
	})
	deliver(22*time.Second, "discussion.comment.create", "model:ada/whisper-tiny", func(e *event.Event) { e.DeliveryN = 2 })
	deliver(17*time.Second, "repo.create", "model:ada/whisper-tiny", func(e *event.Event) {
		e.Verdict, e.Targets, e.Attempts, e.Answer.Status = event.VerdictWrong, nil, nil, 403
	})
	at = at.Add(40 * time.Second)
	state(event.State{Subject: event.SubjectTarget, Name: "http://127.0.0.1:3000/webhooks", State: "down", Detail: "connection refused"})
	deliver(3*time.Second, "discussion.update", "space:ada/reviewer", func(e *event.Event) { e.Attempts[0].Duration = 1240 * time.Millisecond })
	at = at.Add(2 * time.Second)
	state(event.State{Subject: event.SubjectTarget, Name: "http://127.0.0.1:3000/webhooks", State: "up", Detail: "again after 5s (connection refused)"})
	deliver(8*time.Second, "discussion.comment.create", "space:ada/reviewer", nil)
	deliver(11*time.Second, "discussion.comment.create", "space:ada/reviewer", func(e *event.Event) {
		old := events[3]
		e.Body, e.Source, e.ReplayOf, e.Edited = []byte(strings.Replace(string(old.Body), `"open"`, `"draft"`, 1)), event.SourceReplay, old.N, true
		e.Answer = event.Answer{}
	})
	return events, changes
}

func delivery(n int64, kind event.Kind, repo string, at time.Time) *event.Event {
	e := &event.Event{}
	var err error
	if e.Repo, err = hub.ParseRepo(repo); err != nil {
		panic(err) // the scenes are fixed
	}
	p, err := event.Sample(kind, e.Repo, event.SampleOptions{Seed: uint64(n), WebhookID: "6744a1f3c2a1b5d6e7f80912"})
	if err != nil {
		panic(err) // the scenes are fixed
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	const target = "http://127.0.0.1:3000/webhooks"
	e = &event.Event{
		N: n, Session: "896c0a485a76fc1f", Source: event.SourceHub, DeliveryN: 1, ReceivedAt: at, Verdict: event.VerdictOK, Method: "POST", Path: "/hf-tap/4f1c",
		Header: http.Header{"Content-Type": {"application/json"}, "Webhook-Id": {fmt.Sprintf("d-%d", n)}, "X-Webhook-Secret": {"secret"}},
		Body:   body, Phase: event.PhaseSettled, Answer: event.Answer{Status: 200, Duration: 2 * time.Millisecond}, Targets: []string{target},
		Attempts: []event.Attempt{{N: 1, Target: target, StartedAt: at.Add(3 * time.Millisecond), Duration: time.Duration(18+n*7%23) * time.Millisecond, Status: 200,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"ok": true, "replied": true}`)}},
	}
	e.ParseRequest()
	return e
}

func fail(a *event.Attempt) {
	a.Status, a.Duration = 500, 31*time.Millisecond
	a.Body = []byte(`{"error": "KeyError: 'content'"}`)
}
