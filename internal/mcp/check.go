package mcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/check"
	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/receiver"
)

// Bounds of what a call returns.
const (
	maxResults = 15  // shown in full, the failures first
	maxAnswers = 2   // of one check
	maxChecked = 300 // bytes of an answer
)

func (s *server) addCheckTool() {
	addTool(s, tool{
		name: "check_handler", title: "Check a handler", waits: true,
		text: "Test whether a handler is correct: send it what the Hub sends, what it could send later, and what others send (wrong secrets, repeats, broken bodies), and judge the answers. The handler gets about 80 test deliveries, and does its work for them. Returns the checks that did not pass, and why each matters on the Hub. Takes some seconds, longer if the handler is slow; only makes some of the checks.",
		input: func(in *jsonschema.Schema) {
			number(in, "timeout_seconds", 1, 60, 10)
			var names []string
			for _, g := range check.Groups() {
				names = append(names, string(g))
			}
			in.Properties["only"].Description = "make only these checks: names of checks, or of groups (" + strings.Join(names, ", ") + "); * for any characters"
		},
	}, s.checkHandler)
}

type checkIn struct {
	Target         string   `json:"target,omitempty" jsonschema:"the handler: a port and a path on this machine, like 7860/webhook; default the one that the user has configured"`
	Only           []string `json:"only,omitempty"`
	Skip           []string `json:"skip,omitempty" jsonschema:"leave these checks out"`
	Repo           string   `json:"repo,omitempty" jsonschema:"what most payloads are about, like dataset:me/d; default model:me/my-model"`
	Comment        string   `json:"comment,omitempty" jsonschema:"the text of comments, for a handler that reacts to certain words"`
	TimeoutSeconds int      `json:"timeout_seconds,omitempty" jsonschema:"how long an answer may take"`
	All            bool     `json:"all,omitempty" jsonschema:"return the checks that passed, too"`
}

type checkOut struct {
	Notice     string      `json:"notice"`
	Target     string      `json:"target"`
	Passed     bool        `json:"passed" jsonschema:"no check failed"`
	Pass       int         `json:"pass"`
	Warn       int         `json:"warn"`
	Fail       int         `json:"fail"`
	CannotTell int         `json:"cannot_tell" jsonschema:"the answer does not show it"`
	Results    []checkView `json:"results" jsonschema:"those that did not pass, the failures first"`
	Others     []string    `json:"others,omitempty" jsonschema:"further results, as result and name: call again with only"`
}

// checkView is the result of one check.
type checkView struct {
	Name      string     `json:"name"`
	Group     string     `json:"group"`
	Result    string     `json:"result" jsonschema:"pass, warn, fail, or cannot tell"`
	Sends     string     `json:"sends" jsonschema:"what was sent"`
	Judged    string     `json:"judged" jsonschema:"how the answer is judged"`
	Why       string     `json:"why" jsonschema:"why it matters on the Hub"`
	Look      string     `json:"look,omitempty" jsonschema:"what to look at where the answer does not show it"`
	Untrusted checkTexts `json:"untrusted"`
}

type checkTexts struct {
	Says    string        `json:"says,omitempty" jsonschema:"what was found"`
	Answers []checkAnswer `json:"answers" jsonschema:"what the handler answered, in the order of the deliveries"`
}

type checkAnswer struct {
	Status int     `json:"status" jsonschema:"0: no answer"`
	MS     float64 `json:"ms"`
	Error  string  `json:"error,omitempty"`
	Body   string  `json:"body,omitempty" jsonschema:"its beginning"`
}

func (s *server) checkHandler(ctx context.Context, c call, in checkIn) (out checkOut, err error) {
	out = checkOut{Notice: notice, Results: []checkView{}}
	ctx, cancel := s.untilInputEnds(ctx)
	defer cancel()
	cfg := check.Config{Text: in.Comment, Timeout: time.Duration(cmp.Or(in.TimeoutSeconds, 10)) * time.Second}
	if cfg.Target, err = s.checked(in.Target); err != nil {
		return out, err
	}
	if cfg.Checks, err = check.Select(in.Only, in.Skip); err != nil {
		if wrong, ok := errors.AsType[*check.WordError](err); ok && wrong.Nearest != "" {
			err = hint.With(err, "did you mean "+wrong.Nearest+"?")
		}
		return out, err
	}
	if cfg.Repo, err = hub.ParseRepo(cmp.Or(in.Repo, "model:me/my-model")); err != nil {
		return out, hint.With(err, "name a repo like model:me/m")
	}
	if cfg.Secret, err = s.Secret(); err != nil {
		return out, err
	}
	s.Notes.Mask.Add(cfg.Secret)
	out.Target = cfg.Target.Name()
	cfg.Progress = func(n, of int, name string) { c.progress(ctx, float64(n), float64(of), name) }
	var results []check.Result
	cfg.Report = func(r check.Result) error {
		if in.All || r.Status != check.Pass {
			results = append(results, r)
		}
		return nil
	}
	count, err := check.Run(ctx, cfg)
	if err != nil {
		return out, explainedCheck(err)
	}
	out.Pass, out.Warn, out.Fail, out.CannotTell = count[check.Pass], count[check.Warn], count[check.Fail], count[check.CannotTell]
	out.Passed = out.Fail == 0
	severity := []check.Status{check.Fail, check.Warn, check.CannotTell, check.Pass}
	slices.SortStableFunc(results, func(a, b check.Result) int {
		return slices.Index(severity, a.Status) - slices.Index(severity, b.Status)
	})
	for i, r := range results {
		if i < maxResults {
			out.Results = append(out.Results, viewCheck(r))
		} else {
			out.Others = append(out.Others, string(r.Status)+" "+r.Name)
		}
	}
	return out, nil
}

// checked is the handler to check: the named one, or the only one that the user has
// configured.
func (s *server) checked(named string) (*receiver.HTTPTarget, error) {
	if named == "" && len(s.Targets) != 1 {
		return nil, hint.With(errors.New("name the handler"), `a port and a path on this machine: "target": "7860/webhook"`)
	}
	if named == "" {
		named = s.Targets[0].name()
	}
	route, err := s.oneTarget(named)
	if err != nil {
		return nil, err
	}
	target, ok := route.Target.(*receiver.HTTPTarget)
	if !ok {
		return nil, fmt.Errorf("%q is not a handler over HTTP", named)
	}
	return target, nil
}

// explainedCheck is an error of a run that could check nothing, with its hint.
func explainedCheck(err error) error {
	if check.Unreachable(err) {
		return hint.With(fmt.Errorf("there is no handler at %w", err), "start it, and call this again")
	}
	if address, ok := errors.AsType[*check.AddressError](err); ok {
		next := "name the path that the handler has, behind its port"
		if len(address.Paths) > 0 {
			next = "it takes POST at " + strings.Join(address.Paths[:min(len(address.Paths), 3)], ", ")
		}
		return hint.With(err, next)
	}
	return err
}

func viewCheck(r check.Result) checkView {
	v := checkView{
		Name: r.Name, Group: string(r.Group), Result: string(r.Status), Sends: r.Sends, Judged: r.Judged, Why: r.Why, Look: r.Look,
		Untrusted: checkTexts{Says: cut(r.Says), Answers: []checkAnswer{}},
	}
	for _, a := range r.Answers[:min(len(r.Answers), maxAnswers)] {
		body := viewText(a.Body, part{0, maxChecked}, a.BodyCut)
		v.Untrusted.Answers = append(v.Untrusted.Answers, checkAnswer{Status: a.Status, MS: ms(a.Took), Error: cut(event.MaskText(a.Err)), Body: body.Text})
	}
	return v
}
