package session

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheNameForGradioIsKeptAndNeverShared(t *testing.T) {
	d := Dir(t.TempDir())
	hold := func(renew bool) gradioName {
		t.Helper()
		n, err := d.holdGradioName(renew)
		if err != nil || !plainName(n.name) {
			t.Fatalf("%q, %v", n.name, err)
		}
		return n
	}
	drop := func(n gradioName) {
		t.Helper()
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	first := hold(false)
	second := hold(false)
	if second.name == first.name || second.lock != nil {
		t.Error("two sessions have the same name at once")
	}
	drop(second)
	drop(first)
	again := hold(false)
	if again.name != first.name {
		t.Errorf("the name was %q and is %q", first.name, again.name)
	}
	drop(again)
	renewed := hold(true)
	drop(renewed)
	if kept := hold(false); renewed.name == first.name || kept.name != renewed.name {
		t.Errorf("renewed as %q, kept as %q", renewed.name, kept.name)
	} else {
		drop(kept)
	}
	for _, spoilt := range []string{"", "short", "../../etc/passwd-and-more", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"} {
		if err := os.WriteFile(filepath.Join(string(d), "gradio-name"), []byte(spoilt), 0o600); err != nil {
			t.Fatal(err)
		}
		drop(hold(false))
	}
}

func TestANameForGradioStaysTakenWhenItsLockIsRemoved(t *testing.T) {
	d := Dir(t.TempDir())
	first, err := d.holdGradioName(false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(first.lock.Path()); err != nil {
		t.Fatal(err)
	}
	first.relock(d)
	second, err := d.holdGradioName(false)
	if err != nil || second.name == first.name {
		t.Errorf("two sessions have the same name at once: %q, %v", second.name, err)
	}
	for _, n := range []gradioName{first, second} {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}
