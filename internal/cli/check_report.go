package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hf-tap/hf-tap/event"
	"github.com/hf-tap/hf-tap/internal/check"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/internal/present"
	"github.com/hf-tap/hf-tap/internal/term"
)

// checkReport prints the results of checks: a row for each as it ends, then details
// about those that did not pass; or JSON lines.
type checkReport struct {
	p       *Process
	json    bool
	verbose bool
	names   int // the width of the names
	results []check.Result
	shows   bool // progress, on a terminal
	noted   bool // a line of progress stands on the terminal
}

// Bounds of what is shown of one check.
const (
	maxDetailBody  = 400 // bytes of an answer
	maxDetailLines = 12  // of what the app wrote
)

func newCheckReport(p *Process, json, verbose bool) *checkReport {
	r := &checkReport{p: p, json: json, verbose: verbose}
	file, ok := p.Err.(*os.File)
	r.shows = ok && isTerminal(file)
	for _, c := range check.All() {
		r.names = max(r.names, len(c.Name))
	}
	return r
}

// note shows the progress on a terminal.
func (r *checkReport) note(text string) {
	if r.shows {
		fmt.Fprintf(r.p.Err, "\r\x1b[K%s", term.Line(text))
		r.noted = true
	}
}

// clear removes the progress from the terminal.
func (r *checkReport) clear() {
	if r.noted {
		fmt.Fprint(r.p.Err, "\r\x1b[K")
		r.noted = false
	}
}

func (r *checkReport) progress(n, of int, name string) {
	r.note(fmt.Sprintf("%d/%d  %s", n, of, name))
}

// shown is a text from outside in one line, made safe for the terminal.
func (r *checkReport) shown(s string) string {
	return term.Line(r.p.notes.Mask.Text(event.MaskText(s)))
}

func (r *checkReport) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(r.p.Out, format, args...)
	return lines.WriteError(err)
}

// add prints a result.
func (r *checkReport) add(res check.Result) error {
	r.clear()
	r.results = append(r.results, res)
	if r.json {
		return r.line(resultLine(res))
	}
	row := fmt.Sprintf("%-13s%-9s%-*s  %s", statusWord(res.Status), res.Group, r.names, res.Name, answersWord(res.Answers))
	if res.Says != "" {
		row = lines.Pad(row, 25+r.names+len("200 in 100.0ms")) + "  " + r.shown(res.Says)
	}
	return r.printf("%s\n", strings.TrimRight(row, " "))
}

func statusWord(s check.Status) string {
	if s == check.Fail {
		return "FAIL"
	}
	return string(s)
}

// answersWord is the short form of the answers to a check.
func answersWord(answers []check.Answer) string {
	if len(answers) == 0 {
		return ""
	}
	var statuses []string
	var longest time.Duration
	for _, a := range answers {
		status := "no answer"
		if a.Status != 0 {
			status = fmt.Sprint(a.Status)
		}
		if !slices.Contains(statuses, status) {
			statuses = append(statuses, status)
		}
		longest = max(longest, a.Took)
	}
	words := strings.Join(statuses, "/")
	if len(answers) > 1 {
		words = fmt.Sprintf("%d × %s", len(answers), words)
	}
	return fmt.Sprintf("%s in %s", words, present.Duration(longest))
}

// failed are the names of the checks that failed.
func (r *checkReport) failed() []string {
	var names []string
	for _, res := range r.results {
		if res.Status == check.Fail {
			names = append(names, res.Name)
		}
	}
	return names
}

// end prints the text after the rows: details, advice and counts.
func (r *checkReport) end(target string, count check.Count, took time.Duration) error {
	if r.json {
		return r.line(checkSummary{
			Type: "summary", V: event.LineVersion, Target: target, Passed: count[check.Pass], Warned: count[check.Warn],
			Failed: count[check.Fail], CannotTell: count[check.CannotTell], MS: float64(took.Microseconds()) / 1000,
		})
	}
	for _, res := range r.results {
		if r.verbose || res.Status == check.Fail || res.Status == check.Warn {
			if err := r.detail(res); err != nil {
				return err
			}
		}
	}
	if err := r.looks(); err != nil {
		return err
	}
	return r.printf("\n%d passed · %s · %d failed · %d cannot tell · %s\n", count[check.Pass], present.Count(count[check.Warn], "warning"), count[check.Fail], count[check.CannotTell], present.Duration(took))
}

// detail prints all about one check.
func (r *checkReport) detail(res check.Result) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s %s\n", statusWord(res.Status), res.Name)
	field := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&out, "  %-8s%s\n", name, r.shown(text))
		}
	}
	field("found", res.Says)
	field("sent", res.Sends)
	field("judged", res.Judged)
	field("why", res.Why)
	field("look", res.Look)
	for i, a := range res.Answers {
		name := ""
		if i == 0 {
			name = "answer"
		}
		field(name, answersWord([]check.Answer{a})+beginning(a))
	}
	for i, line := range res.App[max(0, len(res.App)-maxDetailLines):] {
		name := ""
		if i == 0 {
			name = "app"
		}
		field(name, line)
	}
	if res.Curl != "" {
		fmt.Fprintf(&out, "  again\n%s\n", term.Text(r.p.notes.Mask.Text(res.Curl)))
	}
	return r.printf("%s", out.String())
}

// beginning is the first of an answer's body, on a line.
func beginning(a check.Answer) string {
	text := strings.Join(strings.Fields(string(a.Body)), " ")
	if len(text) > maxDetailBody {
		text = strings.ToValidUTF8(text[:maxDetailBody], "") + "…"
	}
	switch {
	case a.Status == 0 || a.Err != "":
		return "  " + a.Err
	case text != "":
		return "  " + text
	}
	return ""
}

// looks prints what to look at for the checks without a result. Checks with the same
// advice share a line.
func (r *checkReport) looks() error {
	var order []string
	names := map[string][]string{}
	for _, res := range r.results {
		if res.Look == "" || res.Status != check.CannotTell {
			continue
		}
		if names[res.Look] == nil {
			order = append(order, res.Look)
		}
		names[res.Look] = append(names[res.Look], res.Name)
	}
	for i, look := range order {
		if i == 0 {
			if err := r.printf("\nthe answers do not show these:\n"); err != nil {
				return err
			}
		}
		if err := r.printf("  %s: %s\n", strings.Join(names[look], ", "), r.shown(look)); err != nil {
			return err
		}
	}
	return nil
}

// checkLine is a result as a JSON line.
type checkLine struct {
	Type    string            `json:"type"`
	V       int               `json:"v"`
	Name    string            `json:"name"`
	Group   check.Group       `json:"group"`
	Result  string            `json:"result"`
	Says    string            `json:"says,omitempty"`
	Look    string            `json:"look,omitempty"`
	Sends   string            `json:"sends"`
	Judged  string            `json:"judged"`
	Why     string            `json:"why"`
	Curl    string            `json:"curl,omitempty"`
	Answers []checkLineAnswer `json:"answers"`
	App     []string          `json:"app,omitempty"`
}

type checkLineAnswer struct {
	Status     int     `json:"status"`
	MS         float64 `json:"ms"`
	Error      string  `json:"error,omitempty"`
	Redirect   string  `json:"redirect,omitempty"`
	Body       *string `json:"body,omitempty"`
	BodyBase64 []byte  `json:"body_base64,omitempty"`
	BodyCut    bool    `json:"body_cut,omitempty"`
}

// checkSummary is the last JSON line.
type checkSummary struct {
	Type       string  `json:"type"`
	V          int     `json:"v"`
	Target     string  `json:"target"`
	Passed     int     `json:"passed"`
	Warned     int     `json:"warned"`
	Failed     int     `json:"failed"`
	CannotTell int     `json:"cannot_tell"`
	MS         float64 `json:"ms"`
}

func resultLine(res check.Result) checkLine {
	l := checkLine{
		Type: "check", V: event.LineVersion, Name: res.Name, Group: res.Group, Result: strings.ReplaceAll(string(res.Status), " ", "_"),
		Says: event.MaskText(res.Says), Look: res.Look, Sends: res.Sends, Judged: res.Judged, Why: res.Why, Curl: res.Curl, App: res.App, Answers: []checkLineAnswer{},
	}
	for _, a := range res.Answers {
		answer := checkLineAnswer{Status: a.Status, MS: float64(a.Took.Microseconds()) / 1000, Error: a.Err, Redirect: event.MaskURL(a.To), BodyCut: a.BodyCut}
		if text := string(a.Body); utf8.ValidString(text) {
			answer.Body = &text
		} else {
			answer.BodyBase64 = a.Body
		}
		l.Answers = append(l.Answers, answer)
	}
	return l
}

func (r *checkReport) line(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = io.WriteString(r.p.Out, r.p.notes.Mask.JSON(b)+"\n")
	return lines.WriteError(err)
}
