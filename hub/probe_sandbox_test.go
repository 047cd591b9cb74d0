package hub_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/hub"
	"github.com/hf-tap/hf-tap/internal/sandbox"
)

// probedHub is a sandbox with the user "me", a webhook that is not the probe's,
// and a probe.
func probedHub(t *testing.T) (*sandbox.Hub, *probe, *strings.Builder) {
	t.Helper()
	h := sandbox.New(sandbox.Config{Seed: 1})
	t.Cleanup(h.Close)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(h.AddUser("me"))
	endpoint, err := h.Start("127.0.0.1:0")
	must(err)
	token, err := h.AddToken("me", sandbox.Token{})
	must(err)
	readToken, err := h.AddToken("me", sandbox.Token{Role: "read"})
	must(err)
	client, err := hub.NewClient(hub.ClientConfig{Endpoint: endpoint, Token: token})
	must(err)
	defer client.Close()
	_, err = client.CreateWebhook(t.Context(), hub.WebhookSpec{URL: "http://127.0.0.1:1/mine", Watched: []hub.Watch{{Type: hub.WatchTypeUser, Name: "me"}}, Domains: hub.Domains()})
	must(err)
	out := &strings.Builder{}
	return h, &probe{endpoint: endpoint, token: token, readToken: readToken, out: out}, out
}

// nothingLeft checks that only what is not the probe's is in the sandbox.
func nothingLeft(t *testing.T, h *sandbox.Hub, p *probe, when string) {
	t.Helper()
	if hooks := h.Webhooks("me"); len(hooks) != 1 || hooks[0].URL != "http://127.0.0.1:1/mine" {
		t.Errorf("%s: the webhooks %+v are left", when, hooks)
	}
	if sha, err := h.HeadSHA(p.repo); err == nil {
		t.Errorf("%s: the repo %s is left, at %s", when, p.repo, sha)
	}
}

func TestTheProbeOfTheRealHubAnswersItsQuestionsAndLeavesNothing(t *testing.T) {
	h, p, out := probedHub(t)
	if err := p.run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	nothingLeft(t, h, p, "at the end")
	for _, words := range []string{
		"the token is of the role write",
		"before: hasSecret true, disabled", "afterwards: hasSecret false, disabled", // the sandbox's default
		"? DELETE of an id that does not exist\n    404", "? 401: no token\n    401", "? 403: create with a read token\n    403",
		"everything that was created is deleted",
	} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("%q is not in the report", words)
		}
	}
	if strings.Contains(out.String(), p.token) || strings.Contains(out.String(), p.readToken) {
		t.Error("a token is in the report")
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestAProbeThatIsInterruptedOrPanicsLeavesNothing(t *testing.T) {
	_, all, _ := probedHub(t)
	for i, q := range all.questions() {
		h, p, out := probedHub(t)
		ctx, cancel := context.WithCancel(t.Context())
		p.asked = func(question string) {
			if question == q.text && i%2 == 0 {
				cancel()
			} else if question == q.text {
				panic(question)
			}
		}
		func() {
			defer func() {
				if r := recover(); (r != nil) != (i%2 == 1) {
					t.Errorf("%s: recovered %v", q.text, r)
				}
			}()
			if err := p.run(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v\n%s", q.text, err, out)
			}
		}()
		cancel()
		nothingLeft(t, h, p, q.text)
	}
}

func TestAProbeRemovesWhatAKilledOneLeft(t *testing.T) {
	h, p, out := probedHub(t)
	killed := hub.Repo{Type: hub.RepoTypeModel, Name: "me/" + probePrefix + "killed"}
	if err := h.AddRepo(killed, true); err != nil {
		t.Fatal(err)
	}
	client, err := hub.NewClient(hub.ClientConfig{Endpoint: p.endpoint, Token: p.token})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.CreateWebhook(t.Context(), hub.WebhookSpec{URL: appURL, Watched: []hub.Watch{killed.Watch()}, Domains: hub.Domains()}); err != nil {
		t.Fatal(err)
	}
	if err := p.run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	nothingLeft(t, h, p, "at the end")
	if _, err := h.HeadSHA(killed); err == nil {
		t.Error("the repo of the killed probe is left")
	}
}
