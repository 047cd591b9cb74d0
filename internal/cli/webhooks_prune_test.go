package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// pruneCalls are the calls of prune for one record, in their order.
var pruneCalls = []string{"GET /api/whoami-v2", "GET " + webhooksAPI, "DELETE " + webhooksAPI + "/*"}

// Whatever keeps prune from deleting a webhook, the record of it stays, is
// listed, and is enough for the next prune.
func TestAPruneThatFailsKeepsTheRecord(t *testing.T) {
	limited := func(call string) func(w *world) *world {
		return func(w *world) *world {
			w.Fault(call, sandbox.Fault{Status: http.StatusTooManyRequests, Times: 1, Header: http.Header{"Retry-After": {"3600"}}})
			return w
		}
	}
	for name, c := range map[string]struct {
		with       func(w *world) *world
		what, hint string
	}{
		"offline": {func(w *world) *world { return w.with("HF_HUB_OFFLINE=1") }, "cannot .*: HF_HUB_OFFLINE is set", "unset HF_HUB_OFFLINE"},
		"without a token": {func(w *world) *world { return w.with("HF_TOKEN=") },
			"there is no Hugging Face token.*", `run "hf auth login", or .*`},
		"with a wrong token": {func(w *world) *world { return w.with("HF_TOKEN=hf_wrong") },
			`the Hub refused the token \(401\).*`, `run "hf auth login", or .*`},
		"with a read token": {func(w *world) *world {
			read, err := w.AddToken("me", sandbox.Token{Role: sandbox.RoleRead})
			if err != nil {
				t.Fatal(err)
			}
			return w.with("HF_TOKEN=" + read)
		}, `.*the Hub does not allow this token to .* \(403\).*`, "use a token with the role write, or .*"},
		"too many whoami":  {limited(pruneCalls[0]), `.*asks to wait 1h0m0s \(429\).*`, "try again in 1h0m0s"},
		"too many lists":   {limited(pruneCalls[1]), `.*asks to wait 1h0m0s \(429\).*`, "try again in 1h0m0s"},
		"too many deletes": {limited(pruneCalls[2]), `.*asks to wait 1h0m0s \(429\).*`, "try again in 1h0m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.killed()
			id := w.left()[0]
			p := c.with(w).run(1, "webhooks", "prune")
			p.says(c.what, c.hint)
			if out := p.stdout.text(); !strings.Contains(out, id) || len(w.records()) != 1 || len(w.left()) != 1 {
				t.Errorf("%d records and %v are left, and it lists %q", len(w.records()), w.left(), out)
			}
			w.run(0, "webhooks", "prune")
			w.nothingLeft()
		})
	}
}

func TestAPruneThatIsInterruptedIsFinishedByTheNextOne(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such signals")
	}
	for _, call := range pruneCalls {
		for _, when := range []sandbox.When{sandbox.Before, sandbox.After} {
			t.Run(fmt.Sprint(call, " side ", when), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.killed()
				hold := w.Hold(call, when)
				p := w.start("webhooks", "prune")
				<-hold.Reached()
				p.signal(os.Interrupt)
				p.ends(130)
				hold.Release()
				if len(w.left()) > 0 && len(w.records()) == 0 {
					t.Errorf("%v has no record", w.left())
				}
				w.run(0, "webhooks", "prune")
				w.nothingLeft()
			})
		}
	}
}
