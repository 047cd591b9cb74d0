package dev

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/hint"
	ngroktest "github.com/hf-tap/hf-tap/internal/testserver/ngrok"
	"github.com/hf-tap/hf-tap/internal/testserver/porttest"
	"github.com/hf-tap/hf-tap/webhooks"
)

func nothing(context.Context, *webhooks.Delivery) (any, error) { return nil, nil }

func TestHintsNameOptionsThatExist(t *testing.T) {
	named := regexp.MustCompile(`dev\.Options(?:\{|\.)(\w+)`)
	for _, flag := range []string{
		"--tunnel gradio", "--tunnel", "--public-url https://…", "--port 4567", "--port", "--ngrok-domain", "--gradio-server", "--ssh-domain tunnels.example", "--new-url", "--ca FILE",
	} {
		text := hint.InProgram("try " + flag + ", then again")
		found := named.FindStringSubmatch(text)
		if found == nil || strings.Contains(text, "--") {
			t.Errorf("%s is %q in a program", flag, text)
			continue
		}
		if _, ok := reflect.TypeFor[Options]().FieldByName(found[1]); !ok {
			t.Errorf("%s is %q in a program, and Options has no %s", flag, text, found[1])
		}
	}
}

func TestAPortThatIsTakenAndACAThatIsNoneAreSaidInOptions(t *testing.T) {
	w := newWorld(t)
	s := newServer(t, webhooks.Config{})
	must(t, s, "train", nothing, webhooks.Match("model:me/m"))
	ln, err := porttest.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	taken, _ := strconv.Atoi(port)
	none := filepath.Join(t.TempDir(), "none.pem")
	if err := os.WriteFile(none, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options Options
		want    string
	}{
		"a port that is taken":   {Options{Port: taken}, "dev.Options.Port"},
		"a port that is none":    {Options{Port: 70000}, "dev.Options.Port"},
		"a file of none":         {Options{CA: none}, "dev.Options.CA"},
		"a public URL of gradio": {Options{Tunnel: "gradio", PublicURL: "https://hooks.example.com"}, "dev.Options.PublicURL"},
		"a server without port":  {Options{Tunnel: "gradio", GradioServer: "nonsense"}, "dev.Options.GradioServer"},
		"a domain that is none":  {Options{Tunnel: "ssh://me@host.example", SSHDomains: []string{"a/b"}}, "dev.Options.SSHDomains"},
	} {
		r := w.start(s, c.options)
		<-r.done
		if r.failed == nil {
			t.Errorf("%s is no error", name)
			continue
		}
		_, next, _ := strings.Cut(r.failed.Error(), "\nhint: ")
		if !strings.Contains(next, c.want) || strings.Contains(next, "--") {
			t.Errorf("%s: %v", name, r.failed)
		}
	}
	w.nothingLeft()
}

func TestATunnelOfOnesOwnLeadsToThePortThatIsGiven(t *testing.T) {
	w, c := newWorld(t), counter{}
	s := newServer(t, webhooks.Config{})
	must(t, s, "train", c.handler("train"), webhooks.Match("model:me/m"))
	ln, err := porttest.Listen()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	own, _ := strconv.Atoi(port)
	ln.Close()
	r := w.start(s, Options{PublicURL: "http://localhost:" + port, Port: own}).up()
	if url := r.url("train"); !strings.HasPrefix(url, "http://localhost:"+port+"/") {
		t.Errorf("the endpoint is at %s", url)
	}
	w.happen("discussion.create", modelM)
	r.wait(&r.out, "train 200 in")
	r.stop()
	w.nothingLeft()
}

func TestEndpointsAreNamedAgainWhenTheTunnelGotAnotherAddress(t *testing.T) {
	e, err := ngroktest.Start(ngroktest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	w, c := newWorld(t), counter{}
	w.env["LOCALAPPDATA"] = filepath.Join(w.env["HOME"], "Local")
	file := map[string]string{"windows": "Local/ngrok/ngrok.yml", "darwin": "Library/Application Support/ngrok/ngrok.yml"}[runtime.GOOS]
	if file == "" {
		file = ".config/ngrok/ngrok.yml"
	}
	if err := e.WriteConfig(filepath.Join(w.env["HOME"], filepath.FromSlash(file)), "any"); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, webhooks.Config{Secret: "s3cret"})
	must(t, s, "train", c.handler("train"), webhooks.Match("dataset:me/d"))
	must(t, s, "by_hand", c.handler("by_hand"))
	r := w.start(s, Options{Tunnel: "ngrok"}).up()
	first := w.Webhooks("me")[0].URL
	e.Rehost()
	r.wait(&r.out, "re-pointed")
	second := w.Webhooks("me")[0].URL
	if second == first {
		t.Fatalf("the webhook still points to %s", first)
	}
	r.wait(&r.err, second+"/webhooks/train ")
	r.wait(&r.err, second+"/webhooks/by_hand ")
	r.wait(&r.err, "ready: "+second)
	w.happen("repo.content.update", datasetD)
	r.wait(&r.out, "train 200 in")
	if status := send(t, second+"/webhooks/by_hand", "s3cret"); status != 200 {
		t.Errorf("the new URL of an endpoint answers %d", status)
	}
	r.stop()
	w.nothingLeft()
}
