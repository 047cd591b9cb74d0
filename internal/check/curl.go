package check

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/hf-tap/hf-tap/event"
)

// curls is the commands that send requests one after the other.
func (r *runner) curls(sent []request) string {
	var all []string
	times := 0
	for i, q := range sent {
		times++
		command := r.curl(q)
		if i+1 < len(sent) && r.curl(sent[i+1]) == command {
			continue
		}
		if times > 1 {
			command = fmt.Sprintf("for n in $(seq %d); do\n%s\ndone", times, command)
		}
		all = append(all, command)
		times = 0
	}
	return strings.Join(all, "\n")
}

// atOnce is the commands that send requests at the same time.
func (r *runner) atOnce(sent []request) string {
	var all strings.Builder
	for _, q := range sent {
		all.WriteString(r.curl(q) + " &\n")
	}
	return all.String() + "wait"
}

// curl is the command that sends a request, and shows the status of its answer. It
// takes the secret from $WEBHOOK_SECRET.
func (r *runner) curl(q request) string {
	e := &event.Event{Method: q.method, Header: r.headers(q), Body: q.body, Verdict: event.VerdictOK}
	if e.Method == "" {
		e.Method = http.MethodPost
	}
	before, behind := "", ""
	switch q.secret {
	case secretWrong:
		e.Verdict = event.VerdictWrong
	case secretEmpty:
		e.Header.Del(event.SecretHeader)
		behind = " \\\n  -H '" + event.SecretHeader + ";'"
	}
	switch {
	case q.shell != "":
		e.Body = nil
		before, behind = "{ "+strings.ReplaceAll(q.shell, "\n", "; ")+"; } |\n", behind+" \\\n  --data-binary @-"
	case q.slow:
		before, behind = inPieces(q.body, r.Pieces.Seconds()), behind+fmt.Sprintf(" \\\n  -H 'Content-Length: %d' -H Expect: -H Transfer-Encoding: -T -", len(q.body))
		e.Body = nil
	}
	command := event.Curl(e, r.address(q).String())
	if q.secret == secretLonger {
		command = strings.Replace(command, "$WEBHOOK_SECRET\"", "${WEBHOOK_SECRET}x\"", 1)
	}
	if q.secret == secretInQuery {
		command = strings.Replace(command, "secret="+event.Masked, "secret='\"$WEBHOOK_SECRET\"'", 1)
	}
	command = strings.Replace(command, "curl -sS -X HEAD ", "curl -sS --head ", 1)
	return before + strings.Replace(command, "curl -sS ", "curl -sSi ", 1) + behind
}

// inPieces is the commands that write a body slowly.
func inPieces(body []byte, pause float64) string {
	var all strings.Builder
	size := len(body)/slowPieces + 1
	all.WriteString("{ ")
	for i := 0; i < len(body); i += size {
		if i > 0 {
			fmt.Fprintf(&all, "sleep %g; ", pause)
		}
		fmt.Fprintf(&all, "printf %%s %s; ", quoted(string(body[i:min(i+size, len(body))])))
	}
	return all.String() + "} |\n"
}

// quoted is a text that is one word for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
