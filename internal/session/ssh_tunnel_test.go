package session

import (
	"path/filepath"
	"testing"

	sshtest "github.com/hf-tap/hf-tap/internal/testserver/ssh"
	"github.com/hf-tap/hf-tap/tunnel/ssh"
)

func TestThousandDeliveriesSurviveTheEndOfEachSSHService(t *testing.T) {
	for _, c := range []struct {
		provider string
		moves    bool // the service has another address for each connection
	}{
		{ssh.LocalhostRun, true}, {ssh.Serveo, true}, {ssh.Pinggy, true}, {ssh.SrvUs, false}, {ssh.Tuns, false},
	} {
		t.Run(c.provider, func(t *testing.T) {
			faults := sshtest.Faults{Announce: sshtest.Words(c.provider)}
			if c.moves {
				faults.Announce = sshtest.FreshWords(c.provider)
			}
			s, err := sshtest.StartService(faults)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			e := publicEdge(t, s.Dial)
			dir := t.TempDir()
			outage{
				tunnel: TunnelConfig{
					Provider: c.provider,
					SSH:      ssh.Config{Server: s.Addr(), KeyFile: filepath.Join(dir, "id_ed25519"), KnownHosts: filepath.Join(dir, "known_hosts")},
				},
				public: e, moves: c.moves, strike: s.Stop,
				mend: func() {
					if err := s.Resume(); err != nil {
						t.Fatal(err)
					}
				},
				ended: func() {
					if err := s.Idle(t.Context()); err != nil {
						t.Error(err)
					}
				},
			}.survive(t)
		})
	}
}
