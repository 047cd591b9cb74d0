package tunnel

import (
	"context"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// keys gives the ways to be let in, and what ends their use. "None" is tried
// before all of them by the library.
//
// The public services get hf-tap's own key and no other: the keys that people
// use elsewhere are published, by GitHub for one, and would tell who they are.
// The agent's keys and those in the user's folder are for servers that the
// user names.
func (w *sshWay) keys(ctx context.Context) (ways []ssh.AuthMethod, done func()) {
	if w.service.own {
		return w.usersKeys(ctx)
	}
	ways = append(ways, ssh.PublicKeys(w.key))
	if w.service.guest {
		ways = append(ways,
			ssh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
				return make([]string, len(questions)), nil
			}),
			ssh.Password(""))
	}
	return ways, func() {}
}

// usersKeys gives the agent's keys, then those in the user's folder that need
// no passphrase, then hf-tap's own.
func (w *sshWay) usersKeys(ctx context.Context) (ways []ssh.AuthMethod, done func()) {
	done = func() {}
	var fromAgent func() ([]ssh.Signer, error)
	if w.cfg.SSHAgent != "" {
		if conn, err := new(net.Dialer).DialContext(ctx, "unix", w.cfg.SSHAgent); err == nil {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			done = func() { stop(); _ = conn.Close() }
			fromAgent = agent.NewClient(conn).Signers
		}
	}
	return []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
		var signers []ssh.Signer
		if fromAgent != nil {
			signers, _ = fromAgent() // one that does not answer has no keys
		}
		if w.cfg.SSHHome != "" {
			for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
				data, err := os.ReadFile(filepath.Join(w.cfg.SSHHome, name))
				if err != nil {
					continue
				}
				if signer, err := ssh.ParsePrivateKey(data); err == nil {
					signers = append(signers, signer)
				}
			}
		}
		return append(signers, w.key), nil
	})}, done
}
