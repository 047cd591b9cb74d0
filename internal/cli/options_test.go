package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/lines"
	"github.com/hf-tap/hf-tap/receiver"
	"github.com/spf13/pflag"
)

// parser is a process that only reads flags, with what it tells people.
func parser(env ...string) (*Process, *bytes.Buffer) {
	var told bytes.Buffer
	p := &Process{Err: &told, Getenv: func(name string) string {
		for _, kv := range env {
			if key, value, _ := strings.Cut(kv, "="); key == name {
				return value
			}
		}
		return ""
	}}
	p.notes = lines.NewNotes(p.Err, &lines.Mask{})
	return p, &told
}

// typed reads a command line into flags and returns its arguments.
func typed(t *testing.T, register func(*pflag.FlagSet), line string) []string {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	register(fs)
	if err := fs.Parse(strings.Fields(line)); err != nil {
		t.Fatal(err)
	}
	return fs.Args()
}

func names(routes []receiver.Route) (names []string) {
	for _, r := range routes {
		names = append(names, routeText(r))
	}
	return names
}

func TestTheFlagsOfListenSayWhatIsRun(t *testing.T) {
	var f listenFlags
	p, _ := parser()
	args := typed(t, f.register, "model:me/m user:me --forward discussion.*=3000 --forward default=8000 --domain repo --mute 65a14fd933eca76f4639fc84 --json --count 2 --until repo.* --wait 3s"+
		" --fail-on-error --ready-file r.txt --respond relay --concurrency 1 --retry 5 --wait-target 0")
	o, err := f.parse(p, args)
	if err != nil {
		t.Fatal(err)
	}
	if want := []hub.Watch{{Type: "model", Name: "me/m"}, {Type: "user", Name: "me"}}; !cmp.Equal(o.Session.Watches, want) {
		t.Errorf("it watches %v", o.Session.Watches)
	}
	if want := []string{"discussion.*=http://127.0.0.1:3000", "default=http://127.0.0.1:8000"}; !cmp.Equal(names(o.Session.Receiver.Routes), want) {
		t.Errorf("its targets are %q", names(o.Session.Receiver.Routes))
	}
	if !cmp.Equal(o.Session.Domains, []hub.Domain{hub.DomainRepo}) || !cmp.Equal(o.Session.Mute, []string{"65a14fd933eca76f4639fc84"}) {
		t.Errorf("domains %v, muted %v", o.Session.Domains, o.Session.Mute)
	}
	if r := o.Session.Receiver; r.Respond != receiver.Relay || r.Concurrency != 1 || r.Retries != 5 || r.WaitTarget >= 0 {
		t.Errorf("it receives as %+v", r)
	}
	if o.Stop.Count != 2 || o.Stop.Wait != 3*time.Second || o.Stop.Until == nil {
		t.Errorf("it ends at %+v", o.Stop)
	}
	if !o.JSON || o.Screen || !o.FailOnError || o.ReadyFile != "r.txt" {
		t.Errorf("it is shown as %+v", o)
	}
}

func TestTheScreenIsShownOnATerminalUnlessLinesAreAskedFor(t *testing.T) {
	for _, c := range []struct {
		line     string
		terminal bool
		screen   bool
	}{{"", true, true}, {"", false, false}, {"--plain", true, false}, {"--json", true, false}} {
		var f viewFlags
		p, _ := parser("TERM=xterm-256color")
		p.Interactive = c.terminal
		typed(t, f.register, c.line)
		if view, err := f.view(p, "help"); err != nil || view.Screen != c.screen {
			t.Errorf("%q, terminal %v: screen %v, %v", c.line, c.terminal, view.Screen, err)
		}
	}
}

func TestTheFlagsOfReplayChooseEvents(t *testing.T) {
	var f replayFlags
	p, told := parser()
	named, routes, err := f.parse(p, typed(t, f.register, "12 #13 --forward 9000 --forward 9000"))
	if err != nil || !cmp.Equal(named, []int64{12, 13}) || !cmp.Equal(names(routes), []string{"http://127.0.0.1:9000"}) {
		t.Errorf("%v to %q: %v", named, names(routes), err)
	}
	if want := "--forward http://127.0.0.1:9000 is given twice: once is enough\n"; told.String() != want {
		t.Errorf("it says %q, want %q", told, want)
	}
}

func TestTheFlagsOfTheSandboxNameItsRepos(t *testing.T) {
	p, _ := parser()
	for line, want := range map[string][]string{
		"--user ada": {"model:ada/m", "dataset:ada/d", "space:ada/s", "bucket:ada/b"},
		"--repo dataset:ada/notes --repo dataset:ada/notes": {"dataset:ada/notes"},
	} {
		var o sandboxOptions
		typed(t, o.register, line)
		repos, err := o.parse(p)
		var got []string
		for _, r := range repos {
			got = append(got, r.String())
		}
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
}

func TestFlagsThatContradictEachOtherAreWrongUse(t *testing.T) {
	p, _ := parser("WEBHOOK_SECRET=s3cret")
	parsers := map[string]func(flags string) error{
		"listen": func(flags string) error {
			var f listenFlags
			_, err := f.parse(p, typed(t, f.register, flags))
			return err
		},
		"ls": func(flags string) error {
			var f listFlags
			_, err := f.parse(typed(t, f.register, flags))
			return err
		},
		"replay": func(flags string) error {
			var f replayFlags
			_, _, err := f.parse(p, typed(t, f.register, flags))
			return err
		},
		"dismiss": func(flags string) error {
			var f dismissFlags
			_, err := f.parse(typed(t, f.register, flags))
			return err
		},
		"sandbox": func(flags string) error {
			var o sandboxOptions
			typed(t, o.register, flags)
			_, err := o.parse(p)
			return err
		},
	}
	for _, line := range []string{
		"listen --plain --json", "listen --count -1", "listen --no-webhook user:me", "listen --respond x", "ls --limit -1", "replay 12 --failed", "replay 12 --new-secret",
		"replay", "dismiss 12 --pending", "dismiss", "sandbox --port 70000", "sandbox --repo user:me",
	} {
		command, flags, _ := strings.Cut(line, " ")
		if err, wrong := parsers[command](flags), (*wrongUse)(nil); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", line, err)
		}
	}
}
