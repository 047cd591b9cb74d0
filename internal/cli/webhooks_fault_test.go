package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/sandbox"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
)

const webhooksAPI = "/api/settings/webhooks"

// webhookCommand is a command about webhooks, and the calls that it makes.
type webhookCommand struct {
	args   []string
	calls  []string // patterns; each is made once, in this order
	writes bool     // the last call changes something
}

// webhookCommands are all of them but prune, for one webhook.
func webhookCommands(id string) map[string]webhookCommand {
	one, get := webhooksAPI+"/*", "GET "+webhooksAPI+"/*"
	return map[string]webhookCommand{
		"ls":      {[]string{"ls"}, []string{"GET " + webhooksAPI}, false},
		"info":    {[]string{"info", id}, []string{get}, false},
		"create":  {[]string{"create", "--url", exampleURL, "--watch", "model:me/m"}, []string{"POST " + webhooksAPI}, true},
		"update":  {[]string{"update", id, "--domain", "repo"}, []string{get, "POST " + one}, true},
		"enable":  {[]string{"enable", id}, []string{"POST " + one + "/enable"}, true},
		"disable": {[]string{"disable", id}, []string{"POST " + one + "/disable"}, true},
		"delete":  {[]string{"delete", id, "--yes"}, []string{get, "DELETE " + one}, true},
		"replay":  {[]string{"replay", id, "65a2c0ffee33eca76f4639fc"}, []string{"POST " + one + "/replay/*"}, true},
	}
}

// everyCommand runs a test for each command, with a webhook of its own.
func everyCommand(t *testing.T, test func(t *testing.T, w *world, c webhookCommand)) {
	for name := range webhookCommands("") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			test(t, w, webhookCommands(w.create("--url", exampleURL))[name])
		})
	}
}

// fails runs a command in both forms, and checks that the error is on standard
// error and nothing on standard output.
func (w *world) fails(c webhookCommand, code int, what, hint string) {
	w.t.Helper()
	for _, form := range []string{"", "--json", "--quiet"} {
		args := append([]string{"webhooks"}, c.args...)
		if form != "" {
			args = append(args, form)
		}
		p := w.run(code, args...)
		p.says(what, hint)
		if out := p.stdout.text(); out != "" {
			w.t.Errorf("%s: standard output has %s", form, out)
		}
		if n := strings.Count(p.stderr.text(), "\n"); form != "" && n != 1 {
			w.t.Errorf("%s: standard error has more than the error:\n%s", form, p.stderr.text())
		}
	}
}

func TestEveryWebhookCommandOffline(t *testing.T) {
	everyCommand(t, func(t *testing.T, w *world, c webhookCommand) {
		before := len(w.Calls())
		w.with("HF_HUB_OFFLINE=1").fails(c, 1, "cannot .*: HF_HUB_OFFLINE is set", "unset HF_HUB_OFFLINE")
		if len(w.Calls()) != before {
			t.Errorf("it called the Hub: %v", w.Calls())
		}
		w.with("HF_ENDPOINT=http://"+porttest.Addr(t)).fails(c, 1, `cannot .*: the Hub at \S+ does not answer: .*refused.*`, "check the network, .*")
	})
}

func TestEveryWebhookCommandWithoutAToken(t *testing.T) {
	everyCommand(t, func(t *testing.T, w *world, c webhookCommand) {
		w.with("HF_TOKEN=").fails(c, 1, "there is no Hugging Face token.*", `run "hf auth login", or .*`)
		w.with("HF_TOKEN=hf_wrong").fails(c, 1, `the Hub refused the token \(401\).*`, `run "hf auth login", or .*`)
	})
}

func TestEveryWebhookCommandWithAReadToken(t *testing.T) {
	everyCommand(t, func(t *testing.T, w *world, c webhookCommand) {
		read, err := w.AddToken("me", sandbox.Token{Role: sandbox.RoleRead})
		if err != nil {
			t.Fatal(err)
		}
		reader, before := w.with("HF_TOKEN="+read), w.Webhooks("me")
		if !c.writes {
			reader.run(0, append([]string{"webhooks"}, c.args...)...)
			return
		}
		reader.fails(c, 1, `the Hub does not allow this token to .* \(403\).*`, "use a token with the role write, or .*")
		if after := w.Webhooks("me"); len(after) != 1 || after[0].State != before[0].State || len(after[0].Domains) != 2 {
			t.Errorf("it is %+v", after)
		}
	})
}

func TestEveryWebhookCommandAtTheRateLimit(t *testing.T) {
	everyCommand(t, func(t *testing.T, w *world, c webhookCommand) {
		w.Fault(c.calls[len(c.calls)-1], sandbox.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"3600"}}})
		w.fails(c, 1, `too many requests to the Hub, which asks to wait 1h0m0s \(429\).*`, "try again in 1h0m0s")
		if len(w.left()) != 1 {
			t.Errorf("left are %v", w.left())
		}
	})
}

// Ctrl+C before and after the Hub has done the work: the exit code is the
// shell's, and a change whose outcome is unknown is said to be.
func TestEveryWebhookCommandInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such signals")
	}
	for name, any := range webhookCommands("") {
		for i := range any.calls {
			for _, when := range []sandbox.When{sandbox.Before, sandbox.After} {
				t.Run(fmt.Sprint(name, " call ", i, " side ", when), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					c := webhookCommands(w.create("--url", exampleURL))[name]
					hold := w.Hold(c.calls[i], when)
					p := w.start(append([]string{"webhooks"}, c.args...)...)
					<-hold.Reached()
					p.signal(os.Interrupt)
					p.ends(130)
					hold.Release()
					want := "^$"
					if c.writes && i == len(c.calls)-1 {
						want = "^interrupted: whether .* is unknown: .+"
					}
					if s := p.stderr.text(); !regexp.MustCompile(want).MatchString(s) {
						t.Errorf("standard error has %q", s)
					}
					if out := p.stdout.text(); out != "" {
						t.Errorf("standard output has %s", out)
					}
				})
			}
		}
	}
}

func TestTheWebhookOfAnotherAccountIsNotFound(t *testing.T) {
	w := newWorld(t)
	if err := w.AddUser("you"); err != nil {
		t.Fatal(err)
	}
	token, err := w.AddToken("you", sandbox.Token{})
	if err != nil {
		t.Fatal(err)
	}
	theirs := w.with("HF_TOKEN="+token).create("--url", exampleURL)
	for name, c := range webhookCommands(theirs) {
		if name != "ls" && name != "create" {
			w.fails(c, 1, `cannot .*`+theirs+`.*: not found on the Hub \(404\).*`, `(see what this token's user has: "hf-tap webhooks ls"|its page .*: hf-tap webhooks info `+theirs+")")
		}
	}
	hooks := w.Webhooks("you")
	if len(hooks) != 1 || len(hooks[0].Domains) != 2 {
		t.Errorf("theirs is %+v", hooks)
	}
}

func TestASecretThatTheHubWouldRefuseIsNotSent(t *testing.T) {
	w := newWorld(t)
	id := w.create("--url", exampleURL)
	before := len(w.Calls())
	for _, secret := range []string{"", "schlüssel", "a\tb", " blank", "blank ", "two\nlines", "\x7f"} {
		file := w.secretFile(secret)
		w.run(1, "webhooks", "create", "--url", exampleURL, "--watch", "model:me/m", "--secret-file", file).says(".*secret cannot be used.*", "use a secret of printable ASCII .*")
		w.run(1, "webhooks", "update", id, "--secret-file", file).says(".*secret cannot be used.*", "use a secret of printable ASCII .*")
	}
	w.run(1, "webhooks", "update", id, "--secret-file", filepath.Join(t.TempDir(), "none")).says(".*none.*", "hf-tap secret > .*none")
	w.with("WEBHOOK_SECRET=a\tb").run(1, "webhooks", "update", id, "--use-kept-secret").says("WEBHOOK_SECRET: .*", ".+")
	if after := len(w.Calls()); after != before {
		t.Errorf("it called the Hub: %v", w.Calls())
	}
}

func TestWrongUseOfWebhookCommandsComesBeforeAnyCall(t *testing.T) {
	w := newWorld(t)
	base := []string{"--url", exampleURL, "--watch", "model:me/m"}
	create := func(args ...string) []string { return append([]string{"create"}, args...) }
	for name, c := range map[string]struct {
		args       []string
		what, hint string
	}{
		"command":       {[]string{"lst"}, `unknown command "lst" for "hf-tap webhooks"`, "did you mean: hf-tap webhooks ls"},
		"command, del":  {[]string{"del"}, `unknown command "del".*`, "did you mean: hf-tap webhooks delete"},
		"command, swap": {[]string{"craete"}, `unknown command "craete".*`, "did you mean: hf-tap webhooks create"},
		"command, far":  {[]string{"qqqqqq"}, `unknown command "qqqqqq".*`, "hf-tap webhooks --help"},
		"flag":          {create("--wach", "model:me/m"), "unknown flag: --wach", "did you mean --watch.*"},
		"secret":        {create("--secret", "s3cret"), "unknown flag: --secret", "did you mean --secret-file.*"},
		"type":          {create("--url", exampleURL, "--watch", "modle:me/m"), `watch "modle:me/m" has the unknown type "modle".*`, ".* --watch model:me/m"},
		"watch":         {create("--url", exampleURL, "--watch", "gpt2"), `watch "gpt2" has no type.*`, ".* --watch model:gpt2"},
		"domain":        {create(append(base, "--domain", "discusion")...), `unknown domain "discusion".*`, ".* --domain discussion"},
		"no watch":      {create("--url", exampleURL), "a webhook must watch something", "add --watch .*"},
		"no target":     {create("--watch", "model:me/m"), "a webhook needs a URL .*", ".* --url .*"},
		"both":          {create(append(base, "--job-id", "1")...), ".*not both", "leave .*"},
		"empty URL":     {create("--url", "", "--watch", "model:me/m"), "--url is empty", "leave it out, .*"},
		"no URL":        {create("--url", "example.com", "--watch", "model:me/m"), ".*not an http or https URL", ".* --url https://.*"},
		"empty Job":     {create("--job-id", "", "--watch", "model:me/m"), "--job-id is empty", "leave it out, .*"},
		"no Job":        {create("--job-id", "a b", "--watch", "model:me/m"), ".*not the id of a Job", ".* --job-id .*"},
		"two secrets":   {create(append(base, "--use-kept-secret", "--secret-file", "f")...), "more than one flag sets the secret", "use only one of .*"},
		"empty file":    {create(append(base, "--secret-file", "")...), "--secret-file is empty", ".+"},
		"two forms":     {create(append(base, "--json", "-q")...), "--json and --quiet exclude each other", ".+"},
		"nothing":       {[]string{"update", unknownID}, "nothing to change", "hf-tap webhooks update .*"},
		"clears twice":  {[]string{"update", unknownID, "--clear-secret", "--use-kept-secret"}, "more than one flag sets the secret", ".+"},
		"no log":        {[]string{"replay", unknownID}, "missing the id of a delivery", "hf-tap webhooks replay --help"},
		"log":           {[]string{"replay", unknownID, "../x"}, `"../x" is not the id of a delivery`, ".+"},
		"two ids":       {[]string{"delete", unknownID, unknownID}, `one argument too many: .*`, "hf-tap webhooks delete --help"},
		"unasked":       {[]string{"delete", unknownID}, "webhooks delete needs --yes.*", ".* --yes"},
		"ls":            {[]string{"ls", "--json", "--quiet"}, "--json and --quiet exclude each other", ".+"},
	} {
		t.Run(name, func(t *testing.T) {
			v := *w
			v.t = t
			v.run(2, append([]string{"webhooks"}, c.args...)...).says(c.what, c.hint)
		})
	}
	for name, c := range webhookCommands("zz") {
		if name == "ls" || name == "create" {
			continue
		}
		for _, id := range []string{"zz", "", "../whoami-v2", strings.Repeat("a", 23), "\x1b[31m"} {
			c.args[1] = id
			w.run(2, append([]string{"webhooks"}, c.args...)...).says(`.* is not a webhook id.*`, "hf-tap webhooks ls")
		}
		w.run(2, "webhooks", name).says("missing webhook id", "hf-tap webhooks ls")
	}
	if len(w.Calls()) > 0 {
		t.Errorf("it called the Hub: %v", w.Calls())
	}
}
