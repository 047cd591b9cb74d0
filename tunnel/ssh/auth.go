package ssh

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
func (d *dialer) keys(ctx context.Context) (ways []ssh.AuthMethod, done func()) {
	if d.service.own {
		return d.usersKeys(ctx)
	}
	ways = append(ways, ssh.PublicKeys(d.key))
	if d.service.guest {
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
func (d *dialer) usersKeys(ctx context.Context) (ways []ssh.AuthMethod, done func()) {
	done = func() {}
	var fromAgent func() ([]ssh.Signer, error)
	if d.cfg.Agent != "" {
		if conn, err := new(net.Dialer).DialContext(ctx, "unix", d.cfg.Agent); err == nil {
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
		if d.cfg.Home != "" {
			for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
				data, err := os.ReadFile(filepath.Join(d.cfg.Home, name))
				if err != nil {
					continue
				}
				if signer, err := ssh.ParsePrivateKey(data); err == nil {
					signers = append(signers, signer)
				}
			}
		}
		return append(signers, d.key), nil
	})}, done
}
