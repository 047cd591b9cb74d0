package network

import (
	"crypto/x509"
	"errors"
)

// VerifyPeer checks a server's chain of certificates against several pools,
// because pools cannot be merged: one that trusts the chain is enough. If none
// does, an error that says more than that the authority is unknown is preferred.
func VerifyPeer(chain []*x509.Certificate, name string, pools []*x509.CertPool) (err error) {
	if len(chain) == 0 {
		return errors.New("the server shows no certificate")
	}
	opts := x509.VerifyOptions{DNSName: name, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	for _, opts.Roots = range pools {
		_, failed := chain[0].Verify(opts)
		if failed == nil {
			return nil
		}
		var unknown x509.UnknownAuthorityError
		if err == nil || !errors.As(failed, &unknown) {
			err = failed
		}
	}
	return err
}
