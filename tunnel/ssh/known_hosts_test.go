package ssh

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
	"github.com/hf-tap/hf-tap/tunnel"
	"golang.org/x/crypto/ssh"
)

func TestOurKeyIsMadeOnceAndIsTheOnlyOneThatServicesSee(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(SrvUs), KeyOnly: true})
	cfg := settings(t, s, SrvUs)
	cfg.Home = t.TempDir()
	theirs := newUserKey(t, cfg.Home, "id_ed25519")
	var seen []string
	for range 2 {
		tun := must(t, cfg)
		tun.Close()
		for _, line := range s.Log() {
			if key, ok := strings.CutPrefix(line, "key "); ok && !slices.Contains(seen, key) {
				seen = append(seen, key)
			}
		}
	}
	info, err := os.Stat(cfg.KeyFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	ours, err := ownKey(cfg.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{ssh.FingerprintSHA256(ours.PublicKey())}; !slices.Equal(seen, want) || seen[0] == ssh.FingerprintSHA256(theirs.PublicKey()) {
		t.Errorf("it saw %q, want %q", seen, want)
	}
}

func TestTwoProcessesThatCreateTheKeyAtOnceHaveOneKey(t *testing.T) {
	file := t.TempDir() + "/state/id"
	var wg sync.WaitGroup
	keys := make([]string, 8)
	for i := range keys {
		wg.Go(func() {
			signer, err := ownKey(file)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = ssh.FingerprintSHA256(signer.PublicKey())
		})
	}
	wg.Wait()
	if len(slices.Compact(keys)) != 1 {
		t.Errorf("%q", keys)
	}
}

func TestAServerIsTrustedOnFirstUseAndRefusedOnChange(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
	cfg := settings(t, s, Serveo)
	must(t, cfg).Close()
	must(t, cfg).Close()
	known, err := os.ReadFile(cfg.KnownHosts)
	if err != nil || strings.Count(string(known), "\n") != 1 {
		t.Errorf("%q, %v", known, err)
	}
	was := ssh.FingerprintSHA256(s.HostKey())
	if err := s.NewHostKey(); err != nil {
		t.Fatal(err)
	}
	is := ssh.FingerprintSHA256(s.HostKey())
	_, err = try(t.Context(), cfg)
	var changed *tunnel.HostKeyError
	if !errors.As(err, &changed) || !strings.Contains(err.Error(), was) || !strings.Contains(err.Error(), is) {
		t.Errorf("%v", err)
	}
	if after, _ := os.ReadFile(cfg.KnownHosts); !bytes.Equal(known, after) {
		t.Errorf("known hosts are now %q", after)
	}
	if log := s.Log(); log[len(log)-1] != "forward localhost:80" {
		t.Errorf("after the host key: %q", log)
	}
}

func TestAnotherKindOfHostKeyIsNotAChange(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
	cfg := settings(t, s, Serveo)
	must(t, cfg).Close()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.AddHostKey(second)
	must(t, cfg)
}

func TestAFileOfKnownHostsThatCannotBeReadIsAnError(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Serveo)})
	cfg := settings(t, s, Serveo)
	must(t, cfg).Close()
	for _, file := range []string{cfg.KnownHosts, cfg.KeyFile} {
		was, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("not what it was\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := try(t.Context(), cfg); !errors.Is(err, ErrFiles) || !strings.Contains(err.Error(), file) {
			t.Errorf("%v", err)
		}
		if err := os.WriteFile(file, was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg.KnownHosts = ""
	if _, err := try(t.Context(), cfg); !errors.Is(err, ErrFiles) {
		t.Errorf("without a file: %v", err)
	}
}

func TestGuestsAnswerWithNothing(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Pinggy), Guests: true})
	must(t, settings(t, s, Pinggy))
	// Where no guests are expected, no question is answered.
	s.Set(func(f *sshtest.Faults) { f.Announce = sshtest.Words(Serveo) })
	if _, err := try(t.Context(), settings(t, s, Serveo)); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("got %v", err)
	}
}

func TestARefusedGuestGetsPermissionDenied(t *testing.T) {
	for name, faults := range map[string]sshtest.Faults{
		"at once":            {Refuse: true},
		"after a question":   {Refuse: true, Questions: true},
		"without a question": {Refuse: true, Questions: true, Mute: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := startService(t, faults)
			_, err := try(t.Context(), settings(t, s, Pinggy))
			var refused *tunnel.ProviderError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTunnelsByNameHaveTheSameNameInEachRun(t *testing.T) {
	s := startService(t, sshtest.Faults{Announce: sshtest.Words(Tuns)})
	cfg := settings(t, s, Tuns)
	first := must(t, cfg).URL()
	if second := must(t, cfg).URL(); first != second || !strings.HasPrefix(first, "https://tap-") {
		t.Errorf("%s, then %s", first, second)
	}
	// Taken: the server gives another, and that is the address.
	s.Set(func(f *sshtest.Faults) {
		f.Announce = func(string) string {
			return "The subdomain is unavailable. Assigning a random subdomain.\nHTTPS: https://other.tuns.sh\n"
		}
	})
	if got := must(t, cfg).URL(); got != "https://other.tuns.sh" {
		t.Errorf("got %s", got)
	}
}

// newUserKey makes a key of the user's.
func newUserKey(t testing.TB, dir, name string) ssh.Signer {
	t.Helper()
	signer, err := ownKey(dir + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}
