package ssh

import (
	"context"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// authMethods returns the methods to log in with, and a function that ends their use.
// The library tries "none" before all of them.
//
// The public services get the key in Config.KeyFile and no other. The keys that
// people use elsewhere are published, for example by GitHub, and would identify the
// user. The agent's keys and those in the user's folder are for the user's servers.
func (d *dialer) authMethods(ctx context.Context) (ways []ssh.AuthMethod, done func()) {
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

// usersKeys returns the agent's keys, then those in the user's folder that have no
// passphrase, then the one in Config.KeyFile.
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
			signers, _ = fromAgent() // an agent that does not answer has no keys
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
