package ssh

import (
	"net/http"
	"testing"

	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
	"github.com/hf-tap/hf-tap/internal/testserver/tunneltest"
	"github.com/hf-tap/hf-tap/tunnel"
)

func keep(t *testing.T, cfg setup, c *http.Client, times tunnel.KeeperTimes) *tunneltest.Kept {
	t.Helper()
	p, err := New(cfg.provider, cfg.Config)
	if err != nil {
		t.Fatal(err)
	}
	return tunneltest.Keep(t, p, c, times)
}

// TestAServiceDropsAndIsOpenedAgainUnderAKeeper: the name is the same, and what
// is posted afterwards arrives.
func TestAServiceDropsAndIsOpenedAgainUnderAKeeper(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Tuns)})
	w := keep(t, settings(t, s, Tuns), tunneltest.Visitor(t, s.Dial), tunneltest.Quick())
	before := w.Status().URL
	w.MustPost(before, 500, "before")
	s.Drop()
	w.Until("away", tunneltest.Is(tunnel.StateAway))
	now := w.Until("up again", tunneltest.Is(tunnel.StateUp))
	if now.URL != before {
		t.Errorf("%s, then %s", before, now.URL)
	}
	w.MustPost(now.URL, 500, "after")

	// Another client has the name by then: the Keeper reports the new address.
	s.Set(func(f *sshtest.Faults) { f.Announce = func(string) string { return "HTTPS: https://other.tuns.sh\n" } })
	s.Drop()
	w.Until("away", tunneltest.Is(tunnel.StateAway))
	if now := w.Until("up again", tunneltest.Is(tunnel.StateUp)); now.URL != "https://other.tuns.sh" {
		t.Errorf("it is %s now", now.URL)
	}
}
